package rib

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"heddle/bgp"
	"heddle/peering/wire"
	"heddle/summarize"
	"heddle/topology"
)

// Self is who we are to the rules of reflection.
type Self struct {
	ASN      bgp.ASN
	RouterID bgp.RouterID
	Cluster  bgp.ClusterID
	// Ownership takes the place of what the settings say, unless it is unset.
	Ownership topology.Ownership
}

// Source is a peer as the decision sees it.
type Source struct {
	Speaker  summarize.Speaker
	Rack     summarize.Rack // that the session is with
	RouterID bgp.RouterID
	Address  netip.Addr
}

// originator is what stands for ORIGINATOR_ID in routes that lack one: only iBGP
// speakers have BGP Identifiers that differ from each other.
func (s *Source) originator() bgp.RouterID {
	if s.Speaker.Internal() {
		return s.RouterID
	}
	return 0
}

// Loop says why a route that was received can't be used.
type Loop uint8

// The loops of RFC 4456 §8 and RFC 4271 §9.1.2. A looped announcement counts as a
// withdrawal of what the peer said before.
const (
	LoopNone Loop = iota
	LoopOriginator
	LoopCluster
	LoopAS
)

// Limits bound single pieces of work.
type Limits struct {
	// Chunk is about how many octets of messages a chunk holds: enough that a bulk
	// transfer is few writes, little enough that a slow peer pins little.
	Chunk int
	// Step is how many routes one step of a walk encodes at most.
	Step int
}

// DefaultLimits suit real networks; tests choose smaller ones to see the seams.
func DefaultLimits() Limits { return Limits{Chunk: 64 << 10, Step: 32 << 10} }

type source struct {
	Source
	Counters
	best [2]int // heads it owns that somebody may be told, by family
	own  [2]int // those of them that it originated, too
}

// RIB holds the tables of both families. It has one owner; nothing in it may be
// used by two goroutines at once, but for the chunks it gave away.
type RIB struct {
	self    Self
	limits  Limits
	sets    interner
	v4      table[key4]
	v6      table[key6]
	version uint64
	clock   time.Time // as Tick was told last

	m        *summarize.Map
	placed   *summarize.Map // by which the hosts of attribute sets were found
	names    summarize.Names
	tracker  summarize.Tracker
	disowned []disowned                 // oldest first
	grace    map[disownedPath]time.Time // when that of each ends
	disputed map[netip.Prefix]struct{}
	away     map[netip.Prefix]time.Time // since when a prefix lives away from home

	sources []source     // by SourceID
	tors    int          // ToRs among them
	retired []retirement // ids that may be used again, oldest first
	tally   tally

	// scratch of single calls
	refs    []ref
	paths   []candidate
	changes []change
	window  window
	encoder encoder
}

type retirement struct {
	id      SourceID
	version uint64
}

// New returns an empty RIB.
func New(self Self, limits Limits) *RIB {
	r := &RIB{
		self: self, limits: limits, sets: newInterner(), sources: make([]source, ourselves+1),
		disputed: map[netip.Prefix]struct{}{}, away: map[netip.Prefix]time.Time{}, grace: map[disownedPath]time.Time{},
	}
	r.m = summarize.Nothing()
	r.placed = r.m
	r.v4.family, r.v4.seed = bgp.IPv4Unicast, rand.Uint64()
	r.v6.family, r.v6.seed = bgp.IPv6Unicast, rand.Uint64()
	r.tally.init()
	return r
}

// Self is who we are.
func (r *RIB) Self() Self { return r.self }

// MaxSources is how many peers can be told apart at a time.
const MaxSources = 1<<16 - 1

// AddSource makes room for a peer; ok is false when MaxSources is reached. An id
// is used again only when nothing encoded before its retirement can reach a peer
// any more: segments name sources by id.
func (r *RIB) AddSource(s Source, reusable uint64) (id SourceID, ok bool) {
	switch {
	case len(r.retired) > 0 && r.retired[0].version <= reusable:
		id = r.retired[0].id
		r.retired = r.retired[1:]
	case len(r.sources) <= MaxSources:
		id = SourceID(len(r.sources))
		r.sources = append(r.sources, source{})
	default:
		return 0, false
	}
	r.sources[id] = source{Source: s}
	r.countToRs(s, 1)
	return id, true
}

// SetSource changes what the decision knows of a peer whose paths are all gone or
// stale: a session that comes back may have another router ID. Paths that are
// still there keep the originator they were interned with.
func (r *RIB) SetSource(id SourceID, s Source) {
	r.countToRs(r.sources[id].Source, -1)
	r.countToRs(s, 1)
	r.sources[id].Source = s
}

func (r *RIB) countToRs(s Source, n int) {
	if s.Speaker == summarize.ToR {
		r.tors += n
	}
}

// RemoveSource retires an id. Its paths must be gone.
func (r *RIB) RemoveSource(id SourceID) {
	if r.v4.list(id).count+r.v6.list(id).count > 0 {
		panic("rib: a source with routes was removed")
	}
	r.countToRs(r.sources[id].Source, -1)
	r.sources[id] = source{}
	r.retired = append(r.retired, retirement{id, r.version})
}

// Announce takes in what a peer announced. A loop makes it a withdrawal.
func (r *RIB) Announce(id SourceID, family bgp.Family, nlri wire.NLRI, attrs *bgp.Attrs) {
	s := &r.sources[id]
	if loop := r.loops(attrs); loop != LoopNone {
		s.Looped++
		r.Withdraw(id, family, nlri)
		return
	}
	if r.judges(s) {
		r.admit(id, family, nlri, attrs)
		return
	}
	set := r.sets.intern(r.m, attrs, s.originator())
	if family == bgp.IPv4Unicast {
		r.v4.announce(r, id, nlri, set)
	} else {
		r.v6.announce(r, id, nlri, set)
	}
	r.sets.drop(set)
}

// Withdraw takes in what a peer withdrew; what it never announced is passed over.
func (r *RIB) Withdraw(id SourceID, family bgp.Family, nlri wire.NLRI) {
	if family == bgp.IPv4Unicast {
		r.v4.withdraw(r, id, nlri)
	} else {
		r.v6.withdraw(r, id, nlri)
	}
}

// Mark is a reason to doubt a path until its peer repeats it.
type Mark flags

// The marks.
const (
	Stale   = Mark(flagStale)   // the session is gone, and may come back (RFC 4724)
	Pending = Mark(flagPending) // a refresh is under way (RFC 7313)
)

// MarkAll marks every path of a peer in a family. A path that is announced again
// loses its marks.
func (r *RIB) MarkAll(id SourceID, family bgp.Family, mark Mark) {
	if family == bgp.IPv4Unicast {
		r.v4.mark(r, id, flags(mark))
	} else {
		r.v6.mark(r, id, flags(mark))
	}
}

// DropMarked removes the paths of a peer that carry a mark, and DropAll all of
// them: at most limit, so that the owner can do other work in between. They say
// whether there may be more.
func (r *RIB) DropMarked(id SourceID, family bgp.Family, mark Mark, limit int) (more bool) {
	return r.drop(id, family, flags(mark), limit)
}

// DropAll is described at DropMarked.
func (r *RIB) DropAll(id SourceID, family bgp.Family, limit int) (more bool) {
	return r.drop(id, family, 0, limit)
}

func (r *RIB) drop(id SourceID, family bgp.Family, marks flags, limit int) bool {
	if family == bgp.IPv4Unicast {
		return r.v4.drop(r, id, marks, limit)
	}
	return r.v6.drop(r, id, marks, limit)
}

// Tick tells the time, which summaries and disowned paths wait by.
func (r *RIB) Tick(now time.Time) { r.clock = now }

// Due is when Flush has something to tell though nothing changes; ok is false when
// there is no such time.
func (r *RIB) Due() (at time.Time, ok bool) {
	at, ok = r.tracker.Next()
	if len(r.disowned) > 0 && (!ok || r.disowned[0].until.Before(at)) {
		return r.disowned[0].until, true
	}
	return at, ok
}

// Dirty is how many prefixes were touched since the last flush.
func (r *RIB) Dirty() int { return len(r.v4.dirty) + len(r.v6.dirty) }

// Version counts the flushes that changed something.
func (r *RIB) Version() uint64 { return r.version }

// Flush turns what changed since the last one into chunks, for each view those
// that its peers are to receive, in order. A view that hears of nothing gets none.
func (r *RIB) Flush(views []View) [][]*Chunk {
	r.expire()
	r.contribute(r.m)
	return r.flush(views, nil)
}

// flush is Flush once contributing routes are counted. was is the map that the last
// flush told the views by, if it is not the one in force.
func (r *RIB) flush(views []View, was *summarize.Map) [][]*Chunk {
	r.summaries()
	if r.Dirty() == 0 {
		return nil
	}
	next := r.version + 1
	changes4, changes6 := r.v4.settle(r, next, was), r.v6.settle(r, next, was)
	if len(changes4)+len(changes6) == 0 {
		return nil
	}
	r.version = next
	out := make([][]*Chunk, len(views))
	r.tell(bgp.IPv4Unicast, changes4, views, was, out)
	r.tell(bgp.IPv6Unicast, changes6, views, was, out)
	for i := range out {
		for j, c := range out[i] {
			c.Version = next
			if j < len(out[i])-1 {
				c.Version = next - 1 // only the last completes the version
			}
		}
	}
	r.release(changes4)
	r.release(changes6)
	r.v4.forget(r)
	r.v6.forget(r)
	return out
}

// tell encodes one family's changes for all views, for which they are sorted once.
func (r *RIB) tell(family bgp.Family, changes []change, views []View, was *summarize.Map, out [][]*Chunk) {
	if len(changes) == 0 {
		return
	}
	r.window.sort(r, family, changes, was)
	for i, v := range views {
		if !v.Families.Has(family) {
			continue
		}
		r.encoder.reset(r, v)
		r.encoder.window(&r.window)
		out[i] = r.encoder.take(out[i])
	}
}

func (r *RIB) release(changes []change) {
	for _, c := range changes {
		if c.set != 0 {
			r.sets.drop(c.set)
		}
	}
}

// Reap forgets what went away up to a version: no peer, log or snapshot may still
// stand at or before it.
func (r *RIB) Reap(version uint64) {
	r.v4.reap(version)
	r.v6.reap(version)
}

// Remembers says whether Reap may find something that went away.
func (r *RIB) Remembers() bool { return r.Tombstones()+len(r.v4.ghosts)+len(r.v6.ghosts) > 0 }

// Prefixes is how many prefixes have a path.
func (r *RIB) Prefixes() int { return r.v4.prefixes + r.v6.prefixes }

// Tombstones is how many prefixes are kept only to be withdrawn.
func (r *RIB) Tombstones() int { return r.v4.list(0).count + r.v6.list(0).count }

// best is the best path of a head: 0, 0 when it has none.
func (r *RIB) best(family bgp.Family, head ref) (SourceID, setID) {
	if family == bgp.IPv4Unicast {
		return best(r.v4.routes.at(head))
	}
	return best(r.v6.routes.at(head))
}

func best[K any](rt *route[K]) (SourceID, setID) {
	if !rt.usable() {
		return 0, 0
	}
	return rt.source, rt.set
}
