package routes

import (
	"iter"
	"net/netip"
	"slices"

	"heddle/bgp"
)

// Route is a prefix of the table and what follows for it.
type Route struct {
	Prefix netip.Prefix
	Hops   Hops
	Tags   Tags
	Stale  bool // the best path is
}

// All yields every prefix that anybody says something of, in no order.
func (t *Table) All() iter.Seq[Route] {
	return func(yield func(Route) bool) {
		_ = all(t, &t.four, yield) && all(t, &t.six, yield)
	}
}

// Page yields up to count prefixes from a place on, 0 at first, and gives the place to go
// on from; 0: that was all. What changes in between may be missed.
func (t *Table) Page(from uint64, count int, yield func(Route)) (next uint64) {
	if from>>32 == 0 {
		if at := page(t, &t.four, uint32(from), &count, yield); at != 0 {
			return uint64(at)
		}
		from = 1 << 32
	}
	if at := page(t, &t.six, uint32(from), &count, yield); at != 0 {
		return 1<<32 | uint64(at)
	}
	return 0
}

// page gives the number of the entry to go on from; 0: none is left.
func page[K key](t *Table, h *half[K], from uint32, count *int, yield func(Route)) uint32 {
	for id := max(from, 1); id <= h.entries.next; id++ {
		if *count == 0 {
			return id
		}
		if e := h.entries.at(id); e.first != 0 {
			yield(read(t, e))
			*count--
		}
	}
	return 0
}

func all[K key](t *Table, h *half[K], yield func(Route) bool) bool {
	return h.each(func(_ uint32, e *entry[K]) bool { return yield(read(t, e)) })
}

func read[K key](t *Table, e *entry[K]) Route {
	r := Route{Prefix: e.key.prefix(), Hops: Hops(e.hops), Tags: Tags(e.tags)}
	if best := t.best(e.first); best != 0 {
		r.Stale = t.paths.at(best).flags&stale != 0
	}
	return r
}

// Match gives the route of the longest prefix that covers an address and is used.
func (t *Table) Match(a netip.Addr) (Route, bool) {
	for bits := a.BitLen(); bits >= 0; bits-- {
		if t.count(a.Is4(), bits) == 0 {
			continue
		}
		p, err := a.Prefix(bits)
		if err != nil {
			return Route{}, false
		}
		if r, ok := t.Get(p); ok && r.Hops != 0 {
			return r, true
		}
	}
	return Route{}, false
}

// Get gives the route of a prefix.
func (t *Table) Get(p netip.Prefix) (Route, bool) {
	if p.Addr().Is4() {
		if id := t.four.find(keyOf4(p)); id != 0 {
			return read(t, t.four.entries.at(id)), true
		}
	} else if id := t.six.find(keyOf6(p)); id != 0 {
		return read(t, t.six.entries.at(id)), true
	}
	return Route{}, false
}

// Path is what a peer says of a prefix, for people.
type Path struct {
	Peer      netip.Addr
	ID        uint32
	NextHop   netip.Addr
	LocalPref uint32
	Best      bool
	Stale     bool
	Tags      []uint32
}

// Said lists what the peers say of a prefix, in no order.
func (t *Table) Said(p netip.Prefix) []Path {
	first := uint32(0)
	if p.Addr().Is4() {
		if id := t.four.find(keyOf4(p)); id != 0 {
			first = t.four.entries.at(id).first
		}
	} else if id := t.six.find(keyOf6(p)); id != 0 {
		first = t.six.entries.at(id).first
	}
	var list []Path
	best := t.best(first)
	for at := first; at != 0; at = t.paths.at(at).next {
		x := t.paths.at(at)
		a := t.attrs.value(x.attrs)
		list = append(list, Path{
			Peer: t.peers[x.peer], ID: x.id, NextHop: a.nextHop, LocalPref: a.localPref,
			Best: at == best, Stale: x.flags&stale != 0, Tags: t.TagsOf(Tags(a.tags)),
		})
	}
	return list
}

// See notes that a reading of the kernel came upon a prefix, and gives the next hops it
// is to have there; 0: none.
func (t *Table) See(p netip.Prefix) Hops {
	if p.Addr().Is4() {
		return see(&t.four, t.four.find(keyOf4(p)))
	}
	return see(&t.six, t.six.find(keyOf6(p)))
}

func see[K key](h *half[K], id uint32) Hops {
	if id == 0 {
		return 0
	}
	e := h.entries.at(id)
	e.flags |= seen
	return Hops(e.hops)
}

// Unseen yields the prefixes of a family with next hops that no See was about since the
// last call, and begins anew.
func (t *Table) Unseen(family bgp.Family, yield func(netip.Prefix, Hops)) {
	if family == bgp.IPv4Unicast {
		unseen(&t.four, yield)
	} else {
		unseen(&t.six, yield)
	}
}

func unseen[K key](h *half[K], yield func(netip.Prefix, Hops)) {
	h.each(func(_ uint32, e *entry[K]) bool {
		if e.flags&seen == 0 && e.hops != 0 {
			yield(e.key.prefix(), Hops(e.hops))
		}
		e.flags &^= seen
		return true
	})
}

// Bears says whether a route that covers an address has a tag, as sets of prefixes
// would match it.
func (t *Table) Bears(a netip.Addr, tag uint32) bool {
	for bits := range a.BitLen() + 1 {
		if t.count(a.Is4(), bits) == 0 {
			continue
		}
		p, _ := a.Prefix(bits)
		if r, ok := t.Get(p); ok && slices.Contains(t.TagsOf(r.Tags), tag) {
			return true
		}
	}
	return false
}
