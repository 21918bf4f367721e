package wire

import (
	"encoding/binary"

	"heddle/bgp"
)

// Segment types of AS_PATH (RFC 4271 §4.3, RFC 5065 §3).
const (
	segmentSet            = 1
	segmentSequence       = 2
	segmentConfedSequence = 3
	segmentConfedSet      = 4
)

// segment is one AS_PATH segment: its type and its ASNs, width octets each.
type segment struct {
	typ   uint8
	asns  []byte
	width int
}

func (s segment) count() int { return len(s.asns) / s.width }

func (s segment) at(i int) bgp.ASN {
	if s.width == 2 {
		return bgp.ASN(binary.BigEndian.Uint16(s.asns[2*i:]))
	}
	return bgp.ASN(binary.BigEndian.Uint32(s.asns[4*i:]))
}

func (s segment) confederate() bool {
	return s.typ == segmentConfedSequence || s.typ == segmentConfedSet
}

// nextSegment takes the first segment off a path; ok is false when it is
// malformed: truncated, empty, or of an unknown type (RFC 7606 §7.2).
func nextSegment(path []byte, width int) (s segment, rest []byte, ok bool) {
	if len(path) < 2 || path[1] == 0 || path[0] < segmentSet || path[0] > segmentConfedSet {
		return segment{}, nil, false
	}
	end := 2 + int(path[1])*width
	if len(path) < end {
		return segment{}, nil, false
	}
	return segment{typ: path[0], asns: path[2:end], width: width}, path[end:], true
}

// validSegments checks the framing of a path, and that AS 0 is not in it (RFC 7607).
// sets: it has an AS_SET or AS_CONFED_SET.
func validSegments(path []byte, width int) (ok, sets bool) {
	for len(path) > 0 {
		s, rest, ok := nextSegment(path, width)
		if !ok {
			return false, sets
		}
		for i := range s.count() {
			if s.at(i) == bgp.ASNone {
				return false, sets
			}
		}
		sets = sets || s.typ == segmentSet || s.typ == segmentConfedSet
		path = rest
	}
	return true, sets
}

// HasAS says whether the AS_PATH of an attribute set names an AS (RFC 4271
// §9.1.2: such a route is a loop).
func HasAS(attrs *bgp.Attrs, asn bgp.ASN) bool {
	for list := attrs.Before; len(list) > 0; {
		a, rest, ok := nextAttribute(list)
		if !ok {
			return false
		}
		if a.typ == bgp.AttrASPath {
			return pathContains(a.value, asn)
		}
		list = rest
	}
	return false
}

func pathContains(path []byte, asn bgp.ASN) bool {
	for len(path) > 0 {
		s, rest, ok := nextSegment(path, 4)
		if !ok {
			return false
		}
		for i := range s.count() {
			if s.at(i) == asn {
				return true
			}
		}
		path = rest
	}
	return false
}

// measure is the length the decision compares and the neighbouring AS (RFC 4271
// §9.1.2.2 a, c; RFC 5065 §5.3). The path is well-formed and has no sets.
func measure(path []byte, width int) (length uint16, neighbor bgp.ASN) {
	for first := true; len(path) > 0; {
		s, rest, ok := nextSegment(path, width)
		if !ok {
			return length, neighbor
		}
		path = rest
		switch s.typ {
		case segmentSequence:
			length += uint16(s.count())
		default:
			continue
		}
		if first && s.typ == segmentSequence {
			neighbor = s.at(0)
		}
		first = false
	}
	return length, neighbor
}

// textSet: RFC 9774 §3 has a path with a set treated as withdrawn, in AS_PATH and in
// AS4_PATH: where a route has been can't be told from it.
const textSet = "has an AS_SET or AS_CONFED_SET"

func (d *Decoder) readASPath(a attribute) {
	w := &d.walk
	width := 4
	if !d.FourOctetAS {
		width = 2
	}
	ok, sets := validSegments(a.value, width)
	if !ok {
		w.fault(TreatAsWithdraw, a.typ, subcodeASPath, a.whole, "malformed")
		return
	}
	if sets {
		w.fault(TreatAsWithdraw, a.typ, subcodeASPath, a.whole, textSet)
		return
	}
	if !d.Internal && confederate(a.value, width) {
		w.fault(TreatAsWithdraw, a.typ, subcodeASPath, a.whole, "confederation segment from outside")
		return
	}
	w.attrs.ASPathLength, w.attrs.NeighborAS = measure(a.value, width)
	w.asPath = a.value
	w.keep(a)
}

// confederate says whether a path has confederation segments, which stay within
// a confederation (RFC 5065 §5).
func confederate(path []byte, width int) bool {
	for len(path) > 0 {
		s, rest, ok := nextSegment(path, width)
		if !ok {
			return false
		}
		if s.confederate() {
			return true
		}
		path = rest
	}
	return false
}

// mergeFourOctet turns what a two-octet peer sent into four-octet AS_PATH and
// AGGREGATOR (RFC 6793 §4.2.3). It allocates; such peers are rare.
func (d *Decoder) mergeFourOctet() {
	w := &d.walk
	if d.FourOctetAS || w.worst >= TreatAsWithdraw {
		return
	}
	ignore4 := false
	for i := range w.spans {
		if s := &w.spans[i]; s.typ == bgp.AttrAggregator {
			var real bool
			s.octets, real = widenAggregator(s.octets, w.as4Aggr)
			ignore4 = !real && w.as4Aggr != nil
		}
	}
	as4 := w.as4Path
	if ignore4 {
		as4 = nil
	}
	total := 0
	for i := range w.spans {
		if s := &w.spans[i]; s.typ == bgp.AttrASPath {
			path := widenPath(w.asPath, as4)
			s.octets = appendAttribute(nil, bgp.FlagTransitive, bgp.AttrASPath, path)
			w.attrs.ASPathLength, w.attrs.NeighborAS = measure(path, 4)
		}
		total += len(w.spans[i].octets)
	}
	if total > attributesMost {
		w.fault(TreatAsWithdraw, bgp.AttrASPath, subcodeASPath, nil, "too long for any message with four-octet ASNs")
	}
}

// attributesMost is the longest attribute list a message holds. What a two-octet
// peer packs into an extended message may come to more with four-octet ASNs, and
// then to more than the lengths in its header can say.
const attributesMost = MaxExtendedMessage - HeaderLength - 4

// widenAggregator makes an AGGREGATOR of eight octets. When its AS is not
// AS_TRANS, a two-octet speaker has aggregated since, and everything the AS4_*
// attributes say is stale: then transparent is false.
func widenAggregator(whole, as4 []byte) (wide []byte, transparent bool) {
	value := whole[len(whole)-6:]
	asn := binary.BigEndian.Uint16(value)
	flags := bgp.AttrFlags(whole[0]) &^ bgp.FlagExtendedLength
	if bgp.ASN(asn) == bgp.ASTrans && as4 != nil {
		return appendAttribute(nil, flags, bgp.AttrAggregator, as4), true
	}
	wide = binary.BigEndian.AppendUint32(nil, uint32(asn))
	wide = append(wide, value[2:]...)
	return appendAttribute(nil, flags, bgp.AttrAggregator, wide), bgp.ASN(asn) == bgp.ASTrans
}

// widenPath prepends to AS4_PATH as much of AS_PATH as it lacks, or, where
// AS4_PATH claims to be the longer one, ignores it (RFC 6793 §4.2.3).
func widenPath(path, as4 []byte) []byte {
	have, _ := measure(path, 2)
	know, _ := measure(as4, 4)
	lead := int(have)
	if as4 != nil && know <= have {
		lead = int(have - know)
	} else {
		as4 = nil
	}
	var wide []byte
	for len(path) > 0 {
		s, rest, ok := nextSegment(path, 2)
		if !ok || (as4 != nil && lead == 0 && !s.confederate()) {
			break
		}
		path = rest
		take := s.count()
		if as4 != nil && !s.confederate() {
			take = min(take, lead)
			lead -= take
		}
		wide = append(wide, s.typ, byte(take))
		for i := range take {
			wide = binary.BigEndian.AppendUint32(wide, uint32(s.at(i)))
		}
		if take < s.count() {
			break // what follows, AS4_PATH says better, or it belongs behind that
		}
	}
	return appendCounted(wide, as4)
}

// appendCounted appends the segments of AS4_PATH, without confederation segments,
// which RFC 6793 §3 keeps out of it.
func appendCounted(wide, as4 []byte) []byte {
	for len(as4) > 0 {
		s, rest, ok := nextSegment(as4, 4)
		if !ok {
			break
		}
		if !s.confederate() {
			wide = append(wide, as4[:len(as4)-len(rest)]...)
		}
		as4 = rest
	}
	return wide
}
