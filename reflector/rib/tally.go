package rib

import (
	"heddle/bgp"
	"heddle/peering"
)

// Counters counts what can't be seen in the tables.
type Counters struct {
	Looped uint64 // announcements that were loops, in UPDATEs
}

// tally counts best paths the ways Adj-RIB-Out is counted from: a peer is sent
// the best paths its view hears, without those that are its own.
type tally struct {
	byKind       [2][peering.External + 1]int
	byOriginator [2][peering.External + 1]map[bgp.RouterID]int
	overflow     uint64
}

func (t *tally) init() {
	for f := range t.byOriginator {
		for k := range t.byOriginator[f] {
			t.byOriginator[f][k] = map[bgp.RouterID]int{}
		}
	}
}

// count notes that n heads gained (or, below zero, lost) a best path.
func (r *RIB) count(family bgp.Family, id SourceID, set setID, n int) {
	if id == 0 || n == 0 {
		return
	}
	f, s, originator := family-1, &r.sources[id], r.sets.get(set).attrs.Originator
	s.best[f] += n
	if originator == s.RouterID {
		s.own[f] += n
	}
	r.tally.byKind[f][s.Kind] += n
	by := r.tally.byOriginator[f][s.Kind]
	if by[originator] += n; by[originator] == 0 {
		delete(by, originator)
	}
}

// counting adds up changes of the same path, which come in runs.
type counting struct {
	rib    *RIB
	family bgp.Family
	source SourceID
	set    setID
	n      int
}

func (c *counting) add(source SourceID, set setID, n int) {
	if source != c.source || set != c.set {
		c.close()
		c.source, c.set = source, set
	}
	c.n += n
}

func (c *counting) close() {
	c.rib.count(c.family, c.source, c.set, c.n)
	c.n = 0
}

// Held is how many routes a peer announced, and how many of them may be used.
type Held struct{ Received, Accepted int }

// Held counts the paths of a peer.
func (r *RIB) Held(id SourceID, family bgp.Family) Held {
	l := r.v4.list(id)
	if family == bgp.IPv6Unicast {
		l = r.v6.list(id)
	}
	return Held{Received: l.count, Accepted: l.count - l.refused}
}

// Advertised is how many routes of a family a peer with this view is sent: its
// Adj-RIB-Out, whether or not it has read all of it yet.
func (r *RIB) Advertised(view View, to Receiver, family bgp.Family) int {
	f, n := family-1, 0
	for kind := peering.Client; kind <= peering.External; kind++ {
		if !view.hears(family, kind) {
			continue
		}
		n += r.tally.byKind[f][kind] - r.tally.byOriginator[f][kind][to.RouterID]
		// Routes the peer announced to us without having originated them.
		if s := &r.sources[to.ID]; s.Kind == kind {
			n -= s.best[f] - s.own[f]
		}
	}
	return n
}

// Stats are the sizes of the tables.
type Stats struct {
	Version    uint64
	Prefixes   [2]int // with at least one path, by family
	Paths      [2]int
	Tombstones int
	Sets       int // interned attribute sets
	// Overflow counts routes that were withdrawn from a view because their attributes
	// exceed its message size (RFC 8654 §5).
	Overflow uint64
}

// Stats counts; it costs nothing.
func (r *RIB) Stats() Stats {
	s := Stats{Version: r.version, Prefixes: [2]int{r.v4.prefixes, r.v6.prefixes}, Tombstones: r.Tombstones(), Sets: r.sets.count(), Overflow: r.tally.overflow}
	for id := 1; id < len(r.sources); id++ {
		s.Paths[0] += r.v4.list(SourceID(id)).count
		s.Paths[1] += r.v6.list(SourceID(id)).count
	}
	return s
}

// Counters returns what was counted for a peer.
func (r *RIB) Counters(id SourceID) Counters { return r.sources[id].Counters }
