package routes

import (
	"iter"
	"net/netip"

	"heddle/bgp"
	"heddle/peering/wire"
)

// Peer is a reflector, by number; 0 is none.
type Peer uint8

// Hops and Tags are numbers of sets of next hops and of tags; 0 is the empty set. They
// stay what they are for as long as a prefix has them.
type (
	Hops uint32
	Tags uint32
)

// Table is what all reflectors say. It has one owner; the zero value is not ready.
type Table struct {
	asn   bgp.ASN
	four  half[key4]
	six   half[key6]
	paths slab[path]

	attrs pool[attrsKey, attrs]
	hops  pool[string, []netip.Addr]
	tags  pool[string, []uint32]

	peers     [256]netip.Addr // by number; they break ties
	guard     guard
	protected []netip.Addr
	refused   map[netip.Prefix]string
	routes    [2]int // with next hops, by family
}

// path is what one peer says of a prefix.
type path struct {
	attrs uint32
	id    uint32 // path identifier (RFC 7911)
	next  uint32 // of the same prefix; 0: the last
	peer  Peer
	flags uint8
}

const (
	stale    uint8 = 1 << iota // its peer is away, or back and has not repeated it
	unspoken                   // to be dropped if it is not repeated
)

// New returns an empty table for hosts of an AS.
func New(asn bgp.ASN) *Table {
	return &Table{asn: asn, refused: map[netip.Prefix]string{}}
}

// Join gives a number for a reflector, by its address; the same for the same one.
func (t *Table) Join(address netip.Addr) (Peer, bool) {
	free := Peer(0)
	for i := 255; i > 0; i-- {
		switch t.peers[i] {
		case address:
			return Peer(i), true
		case netip.Addr{}:
			free = Peer(i)
		}
	}
	t.peers[free] = address
	return free, free != 0
}

// Take takes the routes of a batch. The end of a refresh drops what the peer has not
// repeated (RFC 7313 §4); End-of-RIB is the owner's to act on, with Drop.
func (t *Table) Take(peer Peer, batch *wire.Batch) {
	for i := range batch.Items {
		item := &batch.Items[i]
		switch item.Kind {
		case wire.Announced:
			id := t.intern(&batch.Attrs[item.Attrs])
			t.attrs.ref(id)
			t.run(peer, item, id)
			t.releaseAttrs(id)
		case wire.Withdrawn:
			t.run(peer, item, 0)
		case wire.RefreshBegun:
			t.mark(peer, bgp.FamiliesOf(item.Family), unspoken)
		case wire.RefreshEnded:
			t.sweep(peer, bgp.FamiliesOf(item.Family))
		}
	}
}

// run announces the prefixes of an item with attributes, or withdraws them with 0.
func (t *Table) run(peer Peer, item *wire.Item, attrs uint32) {
	n, id := item.NLRI, uint32(0)
	for len(n) > 0 {
		if item.PathIDs {
			id, n = n.NextPath()
		}
		if item.Family == bgp.IPv4Unicast {
			var k key4
			k.addr, k.bits, n = n.Next4()
			say(t, &t.four, k, peer, id, attrs)
		} else {
			var k key6
			k.hi, k.lo, k.bits, n = n.Next6()
			say(t, &t.six, k, peer, id, attrs)
		}
	}
}

// say notes what a peer says of a prefix.
func say[K key](t *Table, h *half[K], k K, peer Peer, id, attrs uint32) {
	e := h.find(k)
	if e == 0 {
		if attrs == 0 {
			return
		}
		e = h.put(k)
	}
	at := &h.entries.at(e).first
	for *at != 0 && (t.paths.at(*at).peer != peer || t.paths.at(*at).id != id) {
		at = &t.paths.at(*at).next
	}
	switch {
	case *at != 0 && attrs == 0:
		t.unlink(at)
	case *at != 0:
		p := t.paths.at(*at)
		if p.attrs == attrs && p.flags == 0 {
			return
		}
		t.attrs.ref(attrs)
		t.releaseAttrs(p.attrs)
		p.attrs, p.flags = attrs, 0
	case attrs == 0:
		return
	default:
		t.attrs.ref(attrs)
		next := t.paths.take()
		*t.paths.at(next) = path{attrs: attrs, id: id, peer: peer}
		*at = next
	}
	h.touch(e)
}

// unlink drops the path that a link leads to.
func (t *Table) unlink(at *uint32) {
	gone := *at
	p := *t.paths.at(gone)
	*at = p.next
	t.paths.release(gone)
	t.releaseAttrs(p.attrs)
}

// Lost marks what a peer said as stale: it stays, ranked behind what others say.
func (t *Table) Lost(peer Peer) {
	t.mark(peer, bgp.FamiliesOf(bgp.Families[:]...), stale|unspoken)
}

// Drop forgets what a peer said and has not repeated since it was lost; of a peer that
// is away that is everything.
func (t *Table) Drop(peer Peer) { t.sweep(peer, bgp.FamiliesOf(bgp.Families[:]...)) }

// Leave frees the number of a peer of which nothing is left.
func (t *Table) Leave(peer Peer) { t.peers[peer] = netip.Addr{} }

func (t *Table) mark(peer Peer, families bgp.FamilySet, flags uint8) {
	if families.Has(bgp.IPv4Unicast) {
		mark(t, &t.four, peer, flags)
	}
	if families.Has(bgp.IPv6Unicast) {
		mark(t, &t.six, peer, flags)
	}
}

func mark[K key](t *Table, h *half[K], peer Peer, flags uint8) {
	h.each(func(id uint32, e *entry[K]) bool {
		for at := e.first; at != 0; at = t.paths.at(at).next {
			if p := t.paths.at(at); p.peer == peer {
				if p.flags |= flags; flags&stale != 0 {
					h.touch(id)
				}
			}
		}
		return true
	})
}

func (t *Table) sweep(peer Peer, families bgp.FamilySet) {
	if families.Has(bgp.IPv4Unicast) {
		sweep(t, &t.four, peer)
	}
	if families.Has(bgp.IPv6Unicast) {
		sweep(t, &t.six, peer)
	}
}

func sweep[K key](t *Table, h *half[K], peer Peer) {
	h.each(func(id uint32, e *entry[K]) bool {
		for at := &e.first; *at != 0; {
			p := t.paths.at(*at)
			if p.peer != peer || p.flags&unspoken == 0 {
				at = &p.next
				continue
			}
			t.unlink(at)
			h.touch(id)
		}
		return true
	})
}

// HopsOf and TagsOf give what a number stands for, sorted.
func (t *Table) HopsOf(h Hops) []netip.Addr {
	if h == 0 {
		return nil
	}
	return *t.hops.value(uint32(h))
}

// TagsOf gives the tags of a number, sorted.
func (t *Table) TagsOf(tags Tags) []uint32 {
	if tags == 0 {
		return nil
	}
	return *t.tags.value(uint32(tags))
}

// Refused yields the prefixes that must not be used, and why, in no order.
func (t *Table) Refused() iter.Seq2[netip.Prefix, string] {
	return func(yield func(netip.Prefix, string) bool) {
		for p, why := range t.refused {
			if !yield(p, why) {
				return
			}
		}
	}
}

// Routes is how many prefixes of a family have next hops.
func (t *Table) Routes(family bgp.Family) int { return t.routes[family-1] }

// Paths is how many paths there are.
func (t *Table) Paths() int { return t.paths.live() }
