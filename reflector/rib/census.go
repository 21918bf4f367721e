package rib

import (
	"net/netip"
	"time"

	"heddle/bgp"
	"heddle/summarize"
)

// Census counts the prefixes of a family by what their best path is to the fabric. A
// prefix that is spread counts once for each usable path.
func (r *RIB) Census(family bgp.Family) map[summarize.Route]int {
	counts := map[summarize.Route]int{}
	for class, n := range r.tally.classes[family-1] {
		counts[class] += n
	}
	if family == bgp.IPv4Unicast {
		census(&r.v4, r, counts)
	} else {
		census(&r.v6, r, counts)
	}
	return counts
}

func census[K key[K]](t *table[K], r *RIB, counts map[summarize.Route]int) {
	for head := range t.spreads {
		pool := poolOf(r.m, t.routes.at(head))
		for _, h := range t.hops(r, head) {
			counts[r.route(r.m, pool, h.source, h.set)]++
		}
	}
}

// since notes when a prefix came to live away from home, and forgets those that are
// home again. Where home or now is unknown there is nothing to note: they may be all.
func (r *RIB) since(prefix netip.Prefix, place summarize.Place) {
	if !place.Away() {
		if len(r.away) > 0 {
			delete(r.away, prefix)
		}
		return
	}
	if _, known := r.away[prefix]; !known {
		r.away[prefix] = r.clock
	}
}

// Exception is a host route that does not live at home, or of which that is unknown.
type Exception struct {
	Prefix  netip.Prefix
	Pool    string // empty: in none
	Home    string // rack; empty: unknown
	Now     string // rack; empty: unknown
	Since   time.Time
	NextHop netip.Addr
	Source  SourceID
}

// Exceptions calls back for the exceptions among the best paths of a family, from a
// position (0 at first) and for at most limit records of the table. It returns the
// position to go on from, 0 at the end.
func (r *RIB) Exceptions(family bgp.Family, at uint32, limit int, each func(Exception)) uint32 {
	if family == bgp.IPv4Unicast {
		return exceptions(&r.v4, r, at, limit, each)
	}
	return exceptions(&r.v6, r, at, limit, each)
}

func exceptions[K key[K]](t *table[K], r *RIB, from uint32, limit int, each func(Exception)) uint32 {
	end := min(max(ref(from), 1)+ref(limit), t.routes.top)
	for at := max(ref(from), 1); at < end; at++ {
		rt := t.routes.at(at)
		if rt.flags&flagHead == 0 || !rt.usable() || !r.sources[rt.source].Speaker.Internal() || !t.single(rt) {
			continue
		}
		pool := poolOf(r.m, rt)
		if place := r.route(r.m, pool, rt.source, rt.set).Place; !place.AtHome() {
			prefix := rt.key.prefix(rt.length)
			each(Exception{
				Prefix: prefix, Pool: r.m.Info(pool).Name, Home: r.names.Name(place.Home), Now: r.names.Name(place.Now),
				Since: r.away[prefix], NextHop: r.sets.get(rt.set).attrs.NextHop, Source: rt.source,
			})
		}
	}
	if end >= t.routes.top {
		return 0
	}
	return uint32(end)
}

// Owned says whether a path of the prefix leads to the node: what an inventory that
// has a workload there wants to see.
func (r *RIB) Owned(node string, addr netip.Addr) bool {
	if bgp.FamilyOf(addr) == bgp.IPv4Unicast {
		return owned(&r.v4, r, key4Of(addr), 32, node)
	}
	return owned(&r.v6, r, key6Of(addr), 128, node)
}

func owned[K key[K]](t *table[K], r *RIB, k K, length uint8, node string) bool {
	for at := t.find(k, length); at != 0; at = t.routes.at(at).next {
		if rt := t.routes.at(at); rt.usable() && r.nodeOf(rt.source, rt.set) == node {
			return true
		}
	}
	return false
}

// Ghosts calls back for the paths of a family that are of no workload that the inventory has on
// their node, from a position (0 at first) and for at most limit records. It returns
// the position to go on from, 0 at the end.
func (r *RIB) Ghosts(family bgp.Family, at uint32, limit int, each func(netip.Prefix, Path)) uint32 {
	if family == bgp.IPv4Unicast {
		return ghosts(&r.v4, r, at, limit, each)
	}
	return ghosts(&r.v6, r, at, limit, each)
}

func ghosts[K key[K]](t *table[K], r *RIB, from uint32, limit int, each func(netip.Prefix, Path)) uint32 {
	end := min(max(ref(from), 1)+ref(limit), t.routes.top)
	for at := max(ref(from), 1); at < end; at++ {
		rt := t.routes.at(at)
		if rt.source == 0 || rt.flags&flagGhost == 0 {
			continue
		}
		for _, p := range explain(t, r, t.headOf(at)) {
			if p.Source == rt.source {
				each(rt.key.prefix(rt.length), p)
			}
		}
	}
	if end >= t.routes.top {
		return 0
	}
	return uint32(end)
}
