package reflector

import (
	"slices"
	"time"

	"heddle/bgp"
	"heddle/peering/wire"
	"heddle/reflector/rib"
	"heddle/summarize"
)

// group is an update group: the members hear the same, in the same octets.
type group struct {
	view     rib.View
	members  []*member
	log      log
	snapshot *snapshot
}

// snapshot is everything the group hears, encoded once for all that join while it
// is young enough.
type snapshot struct {
	version uint64
	at      *link // the log goes on from here
	total   int   // of the log when it was made
	chunks  map[bgp.Family][]*rib.Chunk
	octets  int
	used    time.Time
}

// viewOf is what a peer is to hear, and how it is written. ToRs of one rack share a
// view, as do all clients.
func (r *Reflector) viewOf(a *arrival) rib.View {
	k, to := a.negotiated, summarize.Listener{Speaker: summarize.SpeakerOf(a.spec), LongLived: a.negotiated.LongLived}
	switch to.Speaker {
	case summarize.ToR:
		to.Rack = r.rib.Rack(a.spec.Rack)
	case summarize.Border:
		to.Exceptions = a.spec.Exceptions
	}
	return rib.View{To: to, Families: k.Families, AddPath: k.AddPath, FourOctetAS: k.FourOctetAS, MaxMessage: k.MaxMessage, Draining: r.draining}
}

// group returns the group of a view, a new one if need be.
func (r *Reflector) group(view rib.View) *group {
	for _, g := range r.groups {
		if g.view == view {
			return g
		}
	}
	g := &group{view: view, log: newLog(r.rib.Version())}
	r.groups = append(r.groups, g)
	r.views = append(r.views, view)
	return g
}

// leave takes a member out of its group, and the group out of the list when it
// was the last.
func (r *Reflector) leave(m *member) {
	g := m.group
	g.members = slices.DeleteFunc(g.members, func(other *member) bool { return other == m })
	delete(r.refresh, m)
	delete(r.walking, m)
	m.group, m.feed, m.walk, m.again = nil, nil, nil, 0
	if len(g.members) > 0 {
		return
	}
	i := slices.Index(r.groups, g)
	r.groups, r.views = slices.Delete(r.groups, i, i+1), slices.Delete(r.views, i, i+1)
}

// current returns a snapshot of the table as it is; nothing may be waiting to be
// flushed.
func (r *Reflector) current(g *group, now time.Time) *snapshot {
	if g.snapshot != nil && g.snapshot.version == r.rib.Version() {
		g.snapshot.used = now
		return g.snapshot
	}
	s := &snapshot{used: now, version: r.rib.Version(), at: g.log.last, total: g.log.total, chunks: map[bgp.Family][]*rib.Chunk{}}
	for _, f := range bgp.Families {
		if g.view.Families.Has(f) {
			s.chunks[f] = r.rib.Snapshot(g.view, f)
			for _, c := range s.chunks[f] {
				s.octets += len(c.Octets)
			}
		}
	}
	r.stats.Snapshots++
	g.snapshot = s
	return s
}

// recent returns a snapshot that a peer which holds nothing yet can start from: it
// may be older than the table if the log since then is the smaller part.
func (r *Reflector) recent(g *group, now time.Time) *snapshot {
	if s := g.snapshot; s != nil && 2*(g.log.total-s.total) <= s.octets {
		s.used = now
		return s
	}
	r.flush(now, true)
	return r.current(g, now)
}

// snapshotTime is how long a snapshot is kept for nobody.
const snapshotTime = 5 * time.Second

// outdated says that a snapshot is no good start any more: the log since then is
// long, or nobody asked for it lately.
func (g *group) outdated(now time.Time) bool {
	s := g.snapshot
	return s != nil && (2*(g.log.total-s.total) > s.octets || now.Sub(s.used) > snapshotTime)
}

// initial is the first a peer is sent: all routes, and, unless that is withheld,
// End-of-RIB per family whether or not there were any.
func (s *snapshot) initial(view rib.View, end bool) []*rib.Chunk {
	var chunks []*rib.Chunk
	for _, f := range bgp.Families {
		if view.Families.Has(f) {
			chunks = append(chunks, s.chunks[f]...)
			if end {
				chunks = append(chunks, rib.NewChunk(wire.AppendEndOfRIB(nil, f)))
			}
		}
	}
	return chunks
}

// answer is what a refresh of one family is answered with (RFC 2918, RFC 7313).
func (s *snapshot) answer(f bgp.Family, enhanced bool) []*rib.Chunk {
	if !enhanced {
		return s.chunks[f]
	}
	chunks := []*rib.Chunk{rib.NewChunk(wire.AppendRefresh(nil, f, wire.RefreshBegin))}
	chunks = append(chunks, s.chunks[f]...)
	return append(chunks, rib.NewChunk(wire.AppendRefresh(nil, f, wire.RefreshEnd)))
}
