package rib

import (
	"net/netip"

	"heddle/bgp"
	"heddle/summarize"
)

// Path is one path of a prefix, for people. Attrs is shared and must not be kept
// beyond the owner's next step.
type Path struct {
	Source  SourceID
	Attrs   *bgp.Attrs
	Best    bool
	Stale   bool
	Refused Refusal
	Ghost   bool // of no workload that the inventory has on its node
	Reason  Reason
	Node    string // that it leads to; empty: unknown
	Route   summarize.Route
}

// Lookup returns all paths of a prefix, the best first; nil when there is none.
func (r *RIB) Lookup(prefix netip.Prefix) []Path {
	length := uint8(prefix.Bits())
	switch bgp.FamilyOf(prefix.Addr()) {
	case bgp.IPv4Unicast:
		return explain(&r.v4, r, r.v4.find(key4Of(prefix.Masked().Addr()), length))
	case bgp.IPv6Unicast:
		return explain(&r.v6, r, r.v6.find(key6Of(prefix.Masked().Addr()), length))
	}
	return nil
}

// Page calls back for prefixes that have a path, beginning at a position (0 at
// first) and for at most limit of them. It returns the position to go on from, 0
// at the end. Prefixes that come and go between pages may be missed or not.
func (r *RIB) Page(family bgp.Family, at uint32, limit int, each func(netip.Prefix, []Path)) uint32 {
	if family == bgp.IPv4Unicast {
		return page(&r.v4, r, at, limit, each)
	}
	return page(&r.v6, r, at, limit, each)
}

func page[K key[K]](t *table[K], r *RIB, from uint32, limit int, each func(netip.Prefix, []Path)) uint32 {
	for at := max(ref(from), 1); at < t.routes.top; at++ {
		rt := t.routes.at(at)
		if rt.flags&flagHead == 0 || rt.source == 0 {
			continue
		}
		if limit == 0 {
			return uint32(at)
		}
		limit--
		each(rt.key.prefix(rt.length), explain(t, r, at))
	}
	return 0
}

func explain[K key[K]](t *table[K], r *RIB, head ref) []Path {
	if head == 0 || t.routes.at(head).source == 0 {
		return nil
	}
	refs, paths := t.candidates(r, head)
	var why []Reason
	if len(paths) > 0 {
		why = reasons(paths)
	}
	var list []Path
	for at := head; at != 0; at = t.routes.at(at).next {
		rt := t.routes.at(at)
		p := Path{
			Source: rt.source, Attrs: &r.sets.get(rt.set).attrs, Node: r.nodeOf(rt.source, rt.set),
			Stale: rt.flags&flagStale != 0 || r.sets.get(rt.set).longLived, Ghost: rt.flags&flagGhost != 0, Reason: ReasonRefused,
			Route: r.route(r.m, poolOf(r.m, rt), rt.source, rt.set),
		}
		if rt.flags&flagRefused != 0 {
			p.Refused = r.refusal(rt.source, rt.set, rt.key.prefix(rt.length))
		}
		for i, usable := range refs {
			if usable == at {
				p.Reason, p.Best = why[i], why[i] == ReasonBest
			}
		}
		list = append(list, p)
	}
	return list
}
