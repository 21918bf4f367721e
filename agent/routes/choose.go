package routes

import (
	"net/netip"
	"slices"
)

// Change is a prefix whose next hops or tags are other than before.
type Change struct {
	Prefix        netip.Prefix
	Hops, OldHops Hops
	Tags, OldTags Tags
}

// hopsMost is over how many next hops one prefix is spread: those with the lowest
// addresses.
const hopsMost = 64

// Flush decides about every prefix that was touched, and hands over those of which the
// result is new. The numbers of the old sets are good until the call returns.
func (t *Table) Flush(change func(Change)) {
	flush(t, &t.four, change)
	flush(t, &t.six, change)
}

func flush[K key](t *Table, h *half[K], change func(Change)) {
	list := h.dirty
	h.dirty = nil // a large batch leaves no large memory behind
	for _, id := range list {
		e := h.entries.at(id)
		e.flags &^= dirty
		c := Change{Prefix: e.key.prefix(), OldHops: Hops(e.hops), OldTags: Tags(e.tags)}
		hops, tags := t.choose(c.Prefix, e.first, &e.flags)
		c.Hops, c.Tags = Hops(hops), Tags(tags)
		if hops != e.hops || tags != e.tags {
			t.hops.ref(hops)
			t.tags.ref(tags)
			e.hops, e.tags = hops, tags
			t.routes[familyOf(c.Prefix)-1] += used(c.Hops) - used(c.OldHops)
			change(c)
			t.hops.unref(uint32(c.OldHops))
			t.tags.unref(uint32(c.OldTags))
		}
		if e.first == 0 {
			h.remove(id)
		}
	}
}

func used(h Hops) int {
	if h != 0 {
		return 1
	}
	return 0
}

// choose gives the next hops and the tags of the best path. Where the peer that has it
// says several (RFC 7911), all that it prefers alike share the traffic; the paths of
// another peer never join them, since while two reflectors disagree one of them is
// wrong.
func (t *Table) choose(p netip.Prefix, first uint32, flags *uint8) (hops, tags uint32) {
	best := t.best(first)
	why := ""
	if best != 0 {
		why = t.refuse(p)
	}
	t.noteRefusal(p, why, flags)
	if best == 0 {
		return 0, 0
	}
	chosen := t.paths.at(best)
	of := t.attrs.value(chosen.attrs)
	if why != "" {
		return 0, of.tags
	}
	if t.paths.at(first).next == 0 {
		return of.hops, of.tags
	}
	return t.share(first, best), of.tags
}

// share gives the next hops of all paths that the peer of the best one prefers as much.
func (t *Table) share(first, best uint32) (hops uint32) {
	chosen := t.paths.at(best)
	of := t.attrs.value(chosen.attrs)
	var list [hopsMost]netip.Addr
	set := append(list[:0], of.nextHop)
	for at := first; at != 0; at = t.paths.at(at).next {
		other := t.paths.at(at)
		a := t.attrs.value(other.attrs)
		if at != best && other.peer == chosen.peer && other.flags&stale == chosen.flags&stale && a.preference(&of.rank) == 0 {
			set = append(set, a.nextHop)
		}
	}
	if len(set) == 1 {
		return of.hops
	}
	slices.SortFunc(set, netip.Addr.Compare)
	set = slices.Compact(set)
	return t.internHops(set[:min(len(set), hopsMost)])
}

func (t *Table) noteRefusal(p netip.Prefix, why string, flags *uint8) {
	switch {
	case why != "":
		*flags |= refused
		t.refused[p] = why
	case *flags&refused != 0:
		*flags &^= refused
		delete(t.refused, p)
	}
}

func (t *Table) best(first uint32) uint32 {
	best := first
	if first == 0 {
		return 0
	}
	for at := t.paths.at(first).next; at != 0; at = t.paths.at(at).next {
		if t.better(t.paths.at(at), t.paths.at(best)) {
			best = at
		}
	}
	return best
}

// better compares paths: fresh before stale, then by rank, then the peer with the lower
// address and the lower identifier.
func (t *Table) better(a, b *path) bool {
	if (a.flags^b.flags)&stale != 0 {
		return b.flags&stale != 0
	}
	if a.attrs != b.attrs {
		if order := t.attrs.value(a.attrs).compare(&t.attrs.value(b.attrs).rank); order != 0 {
			return order < 0
		}
	}
	if a.peer != b.peer {
		return t.peers[a.peer].Less(t.peers[b.peer])
	}
	return a.id < b.id
}
