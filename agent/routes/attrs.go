package routes

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"heddle/bgp"
	"heddle/peering/wire"
)

// attrs is what a host cares about in the attributes of a path.
type attrs struct {
	rank
	nextHop netip.Addr
	tags    uint32 // number of the set
	hops    uint32 // number of the set that is the next hop alone
}

// rank is what paths are compared by, after freshness, in this order.
type rank struct {
	localPref  uint32 // more is better
	length     uint16 // of AS_PATH
	origin     bgp.Origin
	originator bgp.RouterID
	clusters   int
}

// attrsKey tells attribute sets apart.
type attrsKey struct {
	rank
	nextHop netip.Addr
	tags    uint32
}

// compare is negative if a path of rank r is better than one of s. MED is left to the
// reflectors, which know the neighbours it is about.
func (r *rank) compare(s *rank) int {
	if order := r.preference(s); order != 0 {
		return order
	}
	switch {
	case r.originator != s.originator:
		return sign(r.originator < s.originator)
	case r.clusters != s.clusters:
		return sign(r.clusters < s.clusters)
	}
	return 0
}

// preference compares without what only breaks ties: those it finds equal may share the
// traffic.
func (r *rank) preference(s *rank) int {
	switch {
	case r.localPref != s.localPref:
		return sign(r.localPref > s.localPref)
	case r.length != s.length:
		return sign(r.length < s.length)
	case r.origin != s.origin:
		return sign(r.origin < s.origin)
	}
	return 0
}

func sign(better bool) int {
	if better {
		return -1
	}
	return 1
}

// intern gives the number of an attribute set.
func (t *Table) intern(a *bgp.Attrs) uint32 {
	k := attrsKey{
		rank:    rank{a.LocalPref, a.ASPathLength, a.Origin, a.Originator, len(a.Clusters) / 4},
		nextHop: a.NextHop,
		tags:    t.internTags(wire.Tags(a, t.asn)),
	}
	if id, ok := t.attrs.find(k); ok {
		return id
	}
	alone := t.internHops([]netip.Addr{k.nextHop})
	t.tags.ref(k.tags)
	t.hops.ref(alone)
	t.useNextHop(k.nextHop)
	return t.attrs.add(k, attrs{rank: k.rank, nextHop: k.nextHop, tags: k.tags, hops: alone})
}

// releaseAttrs takes back a reference to an attribute set.
func (t *Table) releaseAttrs(id uint32) {
	a := *t.attrs.value(id)
	if t.attrs.unref(id) {
		t.tags.unref(a.tags)
		t.hops.unref(a.hops)
		t.dropNextHop(a.nextHop)
	}
}

// internTags gives the number of a set of tags; 0 is the empty one.
func (t *Table) internTags(tags []uint32) uint32 {
	if len(tags) == 0 {
		return 0
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	name := make([]byte, 0, 64)
	for _, tag := range tags {
		name = binary.BigEndian.AppendUint32(name, tag)
	}
	if id, ok := t.tags.find(string(name)); ok {
		return id
	}
	return t.tags.add(string(name), tags)
}

// internHops gives the number of a set of next hops.
func (t *Table) internHops(hops []netip.Addr) uint32 {
	name := make([]byte, 0, 64)
	for _, hop := range hops {
		octets := hop.As16()
		name = append(name, octets[:]...)
	}
	if hops[0].Is4() {
		name = append(name, 4)
	}
	if id, ok := t.hops.find(string(name)); ok {
		return id
	}
	return t.hops.add(string(name), slices.Clone(hops))
}
