package rib

import (
	"heddle/bgp"
	"heddle/summarize"
)

// Counters counts what can't be seen in the tables.
type Counters struct {
	Looped uint64 // announcements that were loops, in UPDATEs
}

// tally counts best paths the ways Adj-RIB-Out is counted from: a peer is sent the
// best paths of the classes its view hears, without those that are its own. Spread
// prefixes are not among them.
type tally struct {
	classes      [2]map[summarize.Route]int
	byOriginator [2][summarize.Border + 1]map[bgp.RouterID]int
	overflow     uint64

	version uint64 // that the following is of
	heard   map[hearing]int
	spread  map[hearing]*spreadCount
}

// hearing is a part of a view's peers that hears the same of everything but its own.
type hearing struct {
	to      summarize.Listener
	rack    summarize.Rack
	addPath bool
	family  bgp.Family
}

// spreadCount is how many paths of spread prefixes a hearing is sent, and how many of
// them are whose.
type spreadCount struct {
	all    int
	byMark map[mark]int
}

func (t *tally) init() {
	for f := range t.byOriginator {
		t.classes[f] = map[summarize.Route]int{}
		for k := range t.byOriginator[f] {
			t.byOriginator[f][k] = map[bgp.RouterID]int{}
		}
	}
}

// count notes that n heads of a pool gained (or, below zero, lost) a best path, by
// the map m.
func (r *RIB) count(m *summarize.Map, family bgp.Family, pool summarize.Pool, id SourceID, set setID, n int) {
	if id == 0 || n == 0 {
		return
	}
	f, s, originator := family-1, &r.sources[id], r.sets.get(set).attrs.Originator
	class := r.route(m, pool, id, set)
	if r.tally.classes[f][class] += n; r.tally.classes[f][class] == 0 {
		delete(r.tally.classes[f], class)
	}
	if class.Reach == summarize.Nowhere {
		return // nobody is sent it, so that nobody's own need be left out
	}
	s.best[f] += n
	if originator == s.originator() {
		s.own[f] += n
	}
	by := r.tally.byOriginator[f][s.Speaker]
	if by[originator] += n; by[originator] == 0 {
		delete(by, originator)
	}
}

// counting adds up changes of the same path, which come in runs.
type counting struct {
	rib    *RIB
	m      *summarize.Map
	family bgp.Family
	pool   summarize.Pool
	source SourceID
	set    setID
	n      int
}

func (c *counting) add(source SourceID, set setID, pool summarize.Pool, n int) {
	if source != c.source || set != c.set || pool != c.pool {
		c.close()
		c.source, c.set, c.pool = source, set, pool
	}
	c.n += n
}

func (c *counting) close() {
	c.rib.count(c.m, c.family, c.pool, c.source, c.set, c.n)
	c.n = 0
}

// Held is how many routes a peer announced, how many of them may be used, how many
// are of no workload that the inventory has on its node, and how many its session
// before announced and this one did not yet.
type Held struct{ Received, Accepted, Ghosts, Stale int }

// Held counts the paths of a peer.
func (r *RIB) Held(id SourceID, family bgp.Family) Held {
	l := r.v4.list(id)
	if family == bgp.IPv6Unicast {
		l = r.v6.list(id)
	}
	return Held{Received: l.count, Accepted: l.count - l.refused, Ghosts: l.ghosts, Stale: l.stale}
}

// Advertised is how many routes of a family a peer with this view is sent: its
// Adj-RIB-Out, whether or not it has read all of it yet.
func (r *RIB) Advertised(view View, to Receiver, family bgp.Family) int {
	if !view.Families.Has(family) {
		return 0
	}
	r.recall()
	h := hearing{view.To, to.Rack, view.AddPath.Has(family), family}
	n, known := r.tally.heard[h]
	if !known {
		n = r.hearable(h)
		r.tally.heard[h] = n
	}
	return n - r.own(view, to, family) + r.spreadOut(view, h, to)
}

// recall forgets counts of older versions.
func (r *RIB) recall() {
	if r.tally.version != r.version || r.tally.heard == nil {
		r.tally.version, r.tally.heard, r.tally.spread = r.version, map[hearing]int{}, map[hearing]*spreadCount{}
	}
}

func (r *RIB) hearable(h hearing) (n int) {
	for route, count := range r.tally.classes[h.family-1] {
		if summarize.Hear(h.to, route).Heard() && (route.Scope == 0 || route.Scope == h.rack) {
			n += count
		}
	}
	return n
}

// own is how many of the routes that the view hears are the peer's own.
func (r *RIB) own(view View, to Receiver, family bgp.Family) (n int) {
	if !view.To.Speaker.Internal() {
		return 0
	}
	f, s := family-1, &r.sources[to.ID]
	for _, from := range []summarize.Speaker{summarize.Client, summarize.NonClient} {
		if !summarize.Hear(view.To, summarize.Route{From: from}).Heard() {
			continue
		}
		if to.RouterID != 0 {
			n += r.tally.byOriginator[f][from][to.RouterID]
		}
		// Routes the peer announced to us without having originated them.
		if to.ID != 0 && s.Speaker == from {
			n += s.best[f] - s.own[f]
		}
	}
	return n
}

// spreadOut is how many paths of spread prefixes a peer is sent.
func (r *RIB) spreadOut(view View, h hearing, to Receiver) int {
	if len(r.v4.spreads)+len(r.v6.spreads) == 0 {
		return 0
	}
	c := r.tally.spread[h]
	if c == nil {
		r.encoder.reset(r, view)
		c = &spreadCount{byMark: map[mark]int{}}
		if h.family == bgp.IPv4Unicast {
			countSpread(&r.v4, r, h, c)
		} else {
			countSpread(&r.v6, r, h, c)
		}
		r.tally.spread[h] = c
	}
	n := c.all
	for m, count := range c.byMark {
		if m.of(to) {
			n -= count
		}
	}
	return n
}

func countSpread[K key[K]](t *table[K], r *RIB, h hearing, c *spreadCount) {
	for head := range t.spreads {
		p := paths{t.hops(r, head), poolOf(r.m, t.routes.at(head)), r.m}
		for _, path := range r.encoder.choose(&p, t.family, h.rack) {
			c.all++
			c.byMark[r.markOf(path.hop)]++
		}
	}
}

// Stats are the sizes of the tables.
type Stats struct {
	Version    uint64
	Prefixes   [2]int // with at least one path, by family
	Paths      [2]int
	Ghosts     [2]int // paths of no workload that the inventory has on their node
	Tombstones int
	Sets       int // interned attribute sets
	// Overflow counts routes that were withdrawn from a view because their attributes
	// exceed its message size (RFC 8654 §5).
	Overflow uint64
}

// Stats counts; it costs nothing.
func (r *RIB) Stats() Stats {
	s := Stats{Version: r.version, Prefixes: [2]int{r.v4.prefixes, r.v6.prefixes}, Tombstones: r.Tombstones(), Sets: r.sets.count(), Overflow: r.tally.overflow}
	for id := ourselves; int(id) < len(r.sources); id++ {
		for f, l := range []*list{r.v4.list(id), r.v6.list(id)} {
			s.Paths[f] += l.count
			s.Ghosts[f] += l.ghosts
		}
	}
	return s
}

// Overflow is Stats.Overflow alone.
func (r *RIB) Overflow() uint64 { return r.tally.overflow }

// Counters returns what was counted for a peer.
func (r *RIB) Counters(id SourceID) Counters { return r.sources[id].Counters }
