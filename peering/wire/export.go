package wire

import (
	"encoding/binary"

	"heddle/bgp"
)

// Export is how a route is marked for an external peer.
type Export struct {
	ASN         bgp.ASN // ours: prepended to AS_PATH, and the AS of the communities below
	Class       uint32  // said in the large community ASN:2:Class; 0: in none
	NoAdvertise bool    // the peer is to use the route and to tell nobody (RFC 1997)
}

// AppendExported appends an attribute set as eBGP peers are to hear it (RFC 4271
// §5.1, RFC 4456 §8), in ascending order of type:
//
//	AS_PATH                            our AS in front, no confederation segments
//	NEXT_HOP                           as it is: the host's
//	MULTI_EXIT_DISC, LOCAL_PREF        left out, as all that is not transitive
//	COMMUNITIES                        with NO_ADVERTISE if wanted
//	ORIGINATOR_ID, CLUSTER_LIST        left out
//	EXTENDED_COMMUNITIES, also IPv6's  without those that are not transitive
//	LARGE_COMMUNITIES                  without ASN:1 to ASN:3, with ASN:2:Class and, for
//	                                   a LOCAL_PREF that is not the default, ASN:3:LOCAL_PREF
//	everything else                    octet for octet
//
// It allocates nothing but what dst lacks.
func AppendExported(dst []byte, attrs *bgp.Attrs, e Export) []byte {
	marked := !e.NoAdvertise
	for list := attrs.Before; len(list) > 0; {
		a, rest, ok := nextAttribute(list)
		if !ok {
			break
		}
		list = rest
		switch {
		case a.typ == bgp.AttrASPath:
			dst = appendPrepended(dst, a.value, e.ASN)
		case a.typ == bgp.AttrLocalPref, a.flags&bgp.FlagTransitive == 0:
		case a.typ == bgp.AttrCommunities && !marked:
			dst, marked = appendNoAdvertise(dst, a), true
		default:
			dst = append(dst, a.whole...)
		}
	}
	if !marked { // COMMUNITIES has the highest type of this half
		dst = appendNoAdvertise(dst, attribute{})
	}
	head, large, tail := cutLarge(attrs.After)
	var room [2]bgp.LargeCommunity
	dst = appendTransitive(dst, head)
	dst = appendLarge(dst, large, e.ASN, e.marks(room[:0], attrs))
	return appendTransitive(dst, tail)
}

// marks appends the communities that say what the attributes can't, in ascending
// order.
func (e Export) marks(dst []bgp.LargeCommunity, attrs *bgp.Attrs) []bgp.LargeCommunity {
	if e.Class != 0 {
		dst = append(dst, bgp.LargeCommunity{Global: uint32(e.ASN), Local1: bgp.LargeClass, Local2: e.Class})
	}
	if attrs.HasLocalPref && attrs.LocalPref != bgp.DefaultLocalPref {
		dst = append(dst, bgp.LargeCommunity{Global: uint32(e.ASN), Local1: bgp.LargeLocalPref, Local2: attrs.LocalPref})
	}
	return dst
}

// segmentMost is how many ASNs a segment holds.
const segmentMost = 255

// appendPrepended appends AS_PATH with one more AS in front: in the first segment if
// that is a sequence with room, else in one of its own (RFC 4271 §5.1.2). RFC 5065
// §4.1 has confederation segments at the front removed; elsewhere they can't
// stand, and a peer would refuse the route for them.
func appendPrepended(dst, path []byte, asn bgp.ASN) []byte {
	size, first := outside(path)
	joins := first.typ == segmentSequence && first.count() < segmentMost
	if !joins {
		dst = appendAttributeHead(dst, bgp.FlagTransitive, bgp.AttrASPath, size+6)
		dst = binary.BigEndian.AppendUint32(append(dst, segmentSequence, 1), uint32(asn))
		return appendCounted(dst, path)
	}
	dst = appendAttributeHead(dst, bgp.FlagTransitive, bgp.AttrASPath, size+4)
	start := len(dst)
	// The segment's head stands before its ASNs: room is made for one between them.
	dst = append(dst, 0, 0, 0, 0)
	dst = appendCounted(dst, path)
	dst[start], dst[start+1] = segmentSequence, byte(first.count()+1)
	binary.BigEndian.PutUint32(dst[start+2:], uint32(asn))
	return dst
}

// outside is what of a path leaves a confederation: its size in octets, and the
// first segment.
func outside(path []byte) (size int, first segment) {
	for len(path) > 0 {
		s, rest, ok := nextSegment(path, 4)
		if !ok {
			break
		}
		if !s.confederate() {
			if size == 0 {
				first = s
			}
			size += len(path) - len(rest)
		}
		path = rest
	}
	return size, first
}

// appendNoAdvertise appends COMMUNITIES with NO_ADVERTISE among them, before the
// first that is greater, unless it is there.
func appendNoAdvertise(dst []byte, a attribute) []byte {
	at := len(a.value)
	for i := 0; i < len(a.value); i += 4 {
		switch c := bgp.Community(binary.BigEndian.Uint32(a.value[i:])); {
		case c == bgp.NoAdvertise:
			return append(dst, a.whole...)
		case c > bgp.NoAdvertise:
			at = min(at, i)
		}
	}
	dst = appendAttributeHead(dst, a.flags|optionalPassed, bgp.AttrCommunities, len(a.value)+4)
	dst = append(dst, a.value[:at]...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(bgp.NoAdvertise))
	return append(dst, a.value[at:]...)
}

// appendTransitive appends what of a list may leave the AS.
func appendTransitive(dst, list []byte) []byte {
	for len(list) > 0 {
		a, rest, ok := nextAttribute(list)
		if !ok {
			break
		}
		list = rest
		switch {
		case a.flags&bgp.FlagTransitive == 0:
		case a.typ == bgp.AttrExtCommunities:
			dst = appendTransitiveValues(dst, a, 8)
		case a.typ == bgp.AttrIPv6ExtCommunity:
			dst = appendTransitiveValues(dst, a, 20)
		default:
			dst = append(dst, a.whole...)
		}
	}
	return dst
}

// withinAS is the bit of an extended community's type that keeps it in the AS (RFC
// 4360 §2, RFC 5701 §2).
const withinAS = 0x40

// appendTransitiveValues appends an attribute of extended communities without those
// that stay in the AS.
func appendTransitiveValues(dst []byte, a attribute, size int) []byte {
	stay := 0
	for v := a.value; len(v) > 0; v = v[size:] {
		if v[0]&withinAS != 0 {
			stay += size
		}
	}
	switch stay {
	case 0:
		return append(dst, a.whole...)
	case len(a.value):
		return dst
	}
	dst = appendAttributeHead(dst, a.flags, a.typ, len(a.value)-stay)
	for v := a.value; len(v) > 0; v = v[size:] {
		if v[0]&withinAS == 0 {
			dst = append(dst, v[:size]...)
		}
	}
	return dst
}
