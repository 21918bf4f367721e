package wire

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"heddle/bgp"
)

// largeSize is the octets of a large community (RFC 8092 §3).
const largeSize = 12

// HasOwn says whether an attribute set has a large community that only a fabric
// of this AS writes: asn:1 to asn:3. From a client or an external peer it is
// forged, or comes back to where it was set.
func HasOwn(attrs *bgp.Attrs, asn bgp.ASN) bool {
	_, large, _ := cutLarge(attrs.After)
	return countOwn(large.value, asn) > 0
}

// AppendStamped appends the second half of an attribute set (bgp.Attrs.After) with
// these tags, as asn:1:tag, in place of all communities that only a fabric of this
// AS writes. Those of others keep their order; ours stand before the first that is
// greater. Tags may come in any order and repeatedly; those beyond what one
// attribute holds, 5,461 communities, are left out: no message would hold them.
func AppendStamped(dst, after []byte, asn bgp.ASN, tags []uint32) []byte {
	head, large, tail := cutLarge(after)
	var room [16]bgp.LargeCommunity // more tags than a workload has, on the stack
	add := room[:0]
	for _, tag := range tags {
		add = append(add, bgp.LargeCommunity{Global: uint32(asn), Local1: bgp.LargeTag, Local2: tag})
	}
	dst = append(dst, head...)
	dst = appendLarge(dst, large, asn, ordered(add))
	return append(dst, tail...)
}

// Originated is the attributes of a route of our own as internal peers hear it, in
// the form bgp.Attrs wants: ORIGIN IGP, an empty AS_PATH, the next hop, the default
// LOCAL_PREF, and the large communities, which may come in any order. The next hop
// is of the family. The octets are the caller's.
func Originated(family bgp.Family, nextHop netip.Addr, communities ...bgp.LargeCommunity) bgp.Attrs {
	before := appendAttribute(nil, wellKnown, bgp.AttrOrigin, []byte{byte(bgp.OriginIGP)})
	before = appendAttribute(before, wellKnown, bgp.AttrASPath, nil)
	if family == bgp.IPv4Unicast {
		before = appendAttribute(before, wellKnown, bgp.AttrNextHop, nextHop.AsSlice())
	}
	before = append(before, defaultLocalPref[:]...)
	return bgp.Attrs{
		Before:  slices.Clip(before),
		After:   slices.Clip(appendLarge(nil, attribute{}, bgp.ASNone, ordered(slices.Clone(communities)))),
		NextHop: nextHop, Origin: bgp.OriginIGP, HasLocalPref: true, LocalPref: bgp.DefaultLocalPref,
	}
}

// ordered puts communities in ascending order, each once, in place.
func ordered(list []bgp.LargeCommunity) []bgp.LargeCommunity {
	slices.SortFunc(list, bgp.LargeCommunity.Compare)
	return slices.Compact(list)
}

// cutLarge cuts the second half of an attribute set where LARGE_COMMUNITIES stands,
// or would stand; then large is empty.
func cutLarge(after []byte) (head []byte, large attribute, tail []byte) {
	for tail = after; len(tail) > 0; {
		a, rest, ok := nextAttribute(tail)
		if !ok || a.typ > bgp.AttrLargeCommunities {
			break
		}
		if a.typ == bgp.AttrLargeCommunities {
			return after[:len(after)-len(tail)], a, rest
		}
		tail = rest
	}
	return after[:len(after)-len(tail)], attribute{}, tail
}

// appendLarge appends LARGE_COMMUNITIES without those that only a fabric of this AS
// writes, and with these, which are in ascending order. Without any there is no
// attribute.
func appendLarge(dst []byte, a attribute, asn bgp.ASN, add []bgp.LargeCommunity) []byte {
	own := countOwn(a.value, asn)
	if own == 0 && len(add) == 0 {
		return append(dst, a.whole...)
	}
	kept := len(a.value)/largeSize - own
	add = add[:min(len(add), 0xffff/largeSize-kept)]
	if kept+len(add) == 0 {
		return dst
	}
	dst = appendAttributeHead(dst, a.flags|optionalPassed, bgp.AttrLargeCommunities, (kept+len(add))*largeSize)
	for v := a.value; len(v) > 0; v = v[largeSize:] {
		c := largeAt(v)
		if c.Own(asn) {
			continue
		}
		for ; len(add) > 0 && add[0].Compare(c) < 0; add = add[1:] {
			dst = appendCommunity(dst, add[0])
		}
		dst = append(dst, v[:largeSize]...)
	}
	for _, c := range add {
		dst = appendCommunity(dst, c)
	}
	return dst
}

func countOwn(value []byte, asn bgp.ASN) int {
	n := 0
	for ; len(value) > 0; value = value[largeSize:] {
		if largeAt(value).Own(asn) {
			n++
		}
	}
	return n
}

func largeAt(v []byte) bgp.LargeCommunity {
	return bgp.LargeCommunity{
		Global: binary.BigEndian.Uint32(v), Local1: binary.BigEndian.Uint32(v[4:]), Local2: binary.BigEndian.Uint32(v[8:]),
	}
}

func appendCommunity(dst []byte, c bgp.LargeCommunity) []byte {
	dst = binary.BigEndian.AppendUint32(dst, c.Global)
	dst = binary.BigEndian.AppendUint32(dst, c.Local1)
	return binary.BigEndian.AppendUint32(dst, c.Local2)
}

// Tags lists the tags that a route bears, as asn:1:tag, in the order it bears them.
func Tags(attrs *bgp.Attrs, asn bgp.ASN) []uint32 {
	var tags []uint32
	_, large, _ := cutLarge(attrs.After)
	for v := large.value; len(v) > 0; v = v[largeSize:] {
		if c := largeAt(v); c.Global == uint32(asn) && c.Local1 == bgp.LargeTag {
			tags = append(tags, c.Local2)
		}
	}
	return tags
}
