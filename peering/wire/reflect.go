package wire

import (
	"encoding/binary"

	"heddle/bgp"
)

// Reflection is how a reflector marks a route that it passes on (RFC 4456 §8).
type Reflection struct {
	Originator bgp.RouterID // used where the route has no ORIGINATOR_ID yet
	Cluster    bgp.ClusterID
}

// AppendReflected appends an attribute set as iBGP peers are to hear it:
// ORIGINATOR_ID where it was missing, our cluster ID at the head of CLUSTER_LIST,
// everything else octet for octet.
func AppendReflected(dst []byte, attrs *bgp.Attrs, r Reflection) []byte {
	dst = append(dst, attrs.Before...)
	originator := attrs.Originator
	if originator == 0 {
		originator = r.Originator
	}
	dst = append(dst, byte(bgp.FlagOptional), byte(bgp.AttrOriginatorID), 4)
	dst = binary.BigEndian.AppendUint32(dst, uint32(originator))
	dst = appendAttributeHead(dst, bgp.FlagOptional, bgp.AttrClusterList, 4+len(attrs.Clusters))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Cluster))
	dst = append(dst, attrs.Clusters...)
	return append(dst, attrs.After...)
}

// Narrow rewrites an encoded attribute list for a peer without four-octet ASNs:
// AS_PATH and AGGREGATOR shrink, and AS4_PATH and AS4_AGGREGATOR say what no
// longer fits (RFC 6793 §4.2.2). It allocates; such peers are rare.
func Narrow(list []byte) []byte {
	var narrow, as4Path, as4Aggregator []byte
	for len(list) > 0 {
		a, rest, ok := nextAttribute(list)
		if !ok {
			break
		}
		list = rest
		if a.typ > bgp.AttrAS4Path {
			narrow = append(append(narrow, as4Path...), as4Aggregator...)
			as4Path, as4Aggregator = nil, nil
		}
		switch a.typ {
		case bgp.AttrASPath:
			var path []byte
			path, as4Path = narrowPath(a.value)
			narrow = appendAttribute(narrow, bgp.FlagTransitive, bgp.AttrASPath, path)
		case bgp.AttrAggregator:
			var value []byte
			value, as4Aggregator = narrowAggregator(a.value)
			narrow = appendAttribute(narrow, a.flags, bgp.AttrAggregator, value)
		default:
			narrow = append(narrow, a.whole...)
		}
	}
	return append(append(narrow, as4Path...), as4Aggregator...)
}

// narrowPath puts AS_TRANS where an ASN does not fit. Confederation segments never
// stand in AS4_PATH, so they alone don't call for one (RFC 6793 §4.2.2).
func narrowPath(path []byte) (narrow, as4 []byte) {
	fits := true
	for rest := path; len(rest) > 0; {
		s, next, ok := nextSegment(rest, 4)
		if !ok {
			break
		}
		rest = next
		narrow = append(narrow, s.typ, byte(s.count()))
		for i := range s.count() {
			asn := s.at(i)
			if !asn.Fits16() {
				asn = bgp.ASTrans
				fits = fits && s.confederate()
			}
			narrow = binary.BigEndian.AppendUint16(narrow, uint16(asn))
		}
	}
	if fits {
		return narrow, nil
	}
	return narrow, appendAttribute(nil, bgp.FlagOptional|bgp.FlagTransitive, bgp.AttrAS4Path, appendCounted(nil, path))
}

func narrowAggregator(value []byte) (narrow, as4 []byte) {
	asn := bgp.ASN(binary.BigEndian.Uint32(value))
	if !asn.Fits16() {
		as4 = appendAttribute(nil, bgp.FlagOptional|bgp.FlagTransitive, bgp.AttrAS4Aggregator, value)
		asn = bgp.ASTrans
	}
	narrow = binary.BigEndian.AppendUint16(nil, uint16(asn))
	return append(narrow, value[4:]...), as4
}
