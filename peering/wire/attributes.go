package wire

import (
	"encoding/binary"
	"net/netip"

	"heddle/bgp"
)

// attribute is one path attribute of the message in hand.
type attribute struct {
	flags bgp.AttrFlags
	typ   bgp.AttrType
	value []byte
	whole []byte // header and value
}

// nextAttribute takes the first attribute off the list. ok is false when the list
// ends within it (RFC 7606 §4).
func nextAttribute(b []byte) (a attribute, rest []byte, ok bool) {
	if len(b) < 3 {
		return attribute{}, nil, false
	}
	a = attribute{flags: bgp.AttrFlags(b[0]), typ: bgp.AttrType(b[1])}
	head, length := 3, int(b[2])
	if a.flags&bgp.FlagExtendedLength != 0 {
		if len(b) < 4 {
			return attribute{}, nil, false
		}
		head, length = 4, int(binary.BigEndian.Uint16(b[2:]))
	}
	if len(b) < head+length {
		return attribute{}, nil, false
	}
	a.whole, a.value = b[:head+length], b[head:head+length]
	return a, b[head+length:], true
}

// readAttributes walks the path attributes and says whether the session may
// live on.
func (d *Decoder) readAttributes(b []byte) bool {
	w := &d.walk
	for len(b) > 0 {
		a, rest, ok := nextAttribute(b)
		if !ok {
			w.other = true
			w.fault(TreatAsWithdraw, 0, subcodeMalformedList, nil, "attributes overrun their total length")
			break
		}
		b = rest
		if a.typ != bgp.AttrMPUnreach {
			w.other = true
		}
		if w.has(a.typ) {
			// RFC 7606 §3 g: the first counts, but for the two that carry NLRI.
			if a.typ == bgp.AttrMPReach || a.typ == bgp.AttrMPUnreach {
				w.fault(ResetSession, a.typ, subcodeMalformedList, nil, "appears more than once")
				return false
			}
			w.fault(DiscardAttribute, a.typ, subcodeMalformedList, a.whole, "appears more than once")
			continue
		}
		w.seen[a.typ>>6] |= 1 << (a.typ & 63)
		d.read(a)
		if w.worst == ResetSession {
			return false
		}
	}
	d.mergeFourOctet()
	return w.worst < ResetSession
}

// rules of the attributes we parse: the flags RFC 4271 §5 and the defining RFC
// fix, and what RFC 7606 §7 makes of a fault.
const (
	wellKnown      = bgp.FlagTransitive
	optional       = bgp.FlagOptional
	optionalPassed = bgp.FlagOptional | bgp.FlagTransitive
)

// read judges one attribute. What passes is kept as a span, in the form received.
func (d *Decoder) read(a attribute) {
	w := &d.walk
	switch a.typ {
	case bgp.AttrOrigin:
		if w.sound(a, wellKnown, len(a.value) == 1) {
			if a.value[0] > uint8(bgp.OriginIncomplete) {
				w.fault(TreatAsWithdraw, a.typ, subcodeOrigin, a.whole, "undefined value")
			}
			w.attrs.Origin = bgp.Origin(a.value[0])
			w.keep(a)
		}
	case bgp.AttrASPath:
		if w.sound(a, wellKnown, true) {
			d.readASPath(a)
		}
	case bgp.AttrNextHop:
		if w.sound(a, wellKnown, len(a.value) == 4) {
			w.nextHop4 = netip.AddrFrom4([4]byte(a.value))
			w.keep(a)
		}
	case bgp.AttrMED:
		if w.sound(a, optional, len(a.value) == 4) {
			w.attrs.HasMED, w.attrs.MED = true, binary.BigEndian.Uint32(a.value)
			w.keep(a)
		}
	case bgp.AttrLocalPref, bgp.AttrOriginatorID, bgp.AttrClusterList:
		d.readInternal(a)
	case bgp.AttrMPReach:
		d.readReach(a)
	case bgp.AttrMPUnreach:
		d.readUnreach(a)
	case bgp.AttrAtomicAggregate, bgp.AttrAggregator, bgp.AttrAS4Path, bgp.AttrAS4Aggregator:
		d.readDiscardable(a)
	case bgp.AttrCommunities:
		w.list(a, 4)
	case bgp.AttrExtCommunities:
		w.list(a, 8)
	case bgp.AttrIPv6ExtCommunity:
		w.list(a, 20)
	case bgp.AttrLargeCommunities:
		w.list(a, 12)
	default:
		if a.flags&bgp.FlagOptional != 0 && d.Discard.Has(a.typ) {
			d.Discarded++
			return
		}
		w.readUnknown(a)
	}
}

// sound checks flags and length of an attribute whose fault is treated as
// withdraw (RFC 7606 §3 c, e). RFC 4271 §6.3 names the subcodes.
func (w *walk) sound(a attribute, flags bgp.AttrFlags, length bool) bool {
	if a.flags&optionalPassed != flags {
		w.fault(TreatAsWithdraw, a.typ, subcodeFlags, a.whole, "flags contradict its definition")
		return false
	}
	if !length {
		w.fault(TreatAsWithdraw, a.typ, subcodeLength, a.whole, "wrong length")
		return false
	}
	return true
}

// list reads an attribute that is a list of fixed-size values: RFC 7606 §7.8,
// §7.14, §7.15, RFC 8092 §5. An empty one is malformed too.
func (w *walk) list(a attribute, size int) {
	if w.sound(a, optionalPassed, len(a.value) > 0 && len(a.value)%size == 0) {
		w.keep(a)
	}
}

// readInternal reads what only iBGP peers may send; from others it is dropped
// without a word (RFC 7606 §7.5, §7.9, §7.10).
func (d *Decoder) readInternal(a attribute) {
	w := &d.walk
	if !d.Internal {
		return
	}
	switch a.typ {
	case bgp.AttrLocalPref:
		if w.sound(a, wellKnown, len(a.value) == 4) {
			w.attrs.HasLocalPref, w.attrs.LocalPref = true, binary.BigEndian.Uint32(a.value)
			w.keep(a)
		}
	case bgp.AttrOriginatorID:
		if w.sound(a, optional, len(a.value) == 4) {
			w.attrs.Originator = bgp.RouterID(binary.BigEndian.Uint32(a.value))
		}
	case bgp.AttrClusterList:
		if w.sound(a, optional, len(a.value) > 0 && len(a.value)%4 == 0) {
			w.attrs.Clusters = a.value
		}
	}
}

// readDiscardable reads the attributes that say nothing a route depends on: a
// fault costs the attribute alone, whichever it is (RFC 7606 §3 f, RFC 6793 §6).
// Wrong flags are one: RFC 7606 §3 c would have the route withdrawn for them
// unless the attribute has a rule of its own, and these have.
func (d *Decoder) readDiscardable(a attribute) {
	w := &d.walk
	flags, length, sets := optionalPassed, true, false
	switch a.typ {
	case bgp.AttrAtomicAggregate:
		flags, length = wellKnown, len(a.value) == 0
	case bgp.AttrAggregator:
		length = d.soundAggregator(a.value)
	case bgp.AttrAS4Path:
		length, sets = validSegments(a.value, 4)
		length = length && len(a.value) >= 6 // RFC 6793 §6: room for one AS
	case bgp.AttrAS4Aggregator:
		length = len(a.value) == 8 && binary.BigEndian.Uint32(a.value) != 0
	}
	if a.flags&optionalPassed != flags {
		w.fault(DiscardAttribute, a.typ, subcodeFlags, a.whole, "flags contradict its definition")
		return
	}
	if !length {
		w.fault(DiscardAttribute, a.typ, subcodeOptional, a.whole, "malformed")
		return
	}
	switch {
	case a.typ == bgp.AttrAS4Path || a.typ == bgp.AttrAS4Aggregator:
		switch {
		case d.FourOctetAS:
			w.fault(DiscardAttribute, a.typ, subcodeOptional, a.whole, "not for a four-octet AS peer") // RFC 6793 §6
		case sets:
			w.fault(TreatAsWithdraw, a.typ, subcodeASPath, a.whole, textSet)
		case a.typ == bgp.AttrAS4Path:
			w.as4Path = a.value
		default:
			w.as4Aggr = a.value
		}
	default:
		w.keep(a)
	}
}

// soundAggregator checks length and AS (RFC 7606 §7.7, RFC 7607 §2).
func (d *Decoder) soundAggregator(value []byte) bool {
	if d.FourOctetAS {
		return len(value) == 8 && binary.BigEndian.Uint32(value) != 0
	}
	return len(value) == 6 && binary.BigEndian.Uint16(value) != 0
}

// readUnknown passes on what is optional and transitive, octet for octet but for
// the Partial bit (RFC 4271 §5), and drops what is optional and not transitive.
// RFC 4271 §6.3 would reset the session for an unknown well-known attribute; that
// takes down every route for one, so it is read in the spirit of RFC 7606, as
// BIRD and FRR do.
func (w *walk) readUnknown(a attribute) {
	switch a.flags & optionalPassed {
	case optionalPassed:
		a.flags |= bgp.FlagPartial
		w.keep(a)
	case optional:
	default:
		w.fault(TreatAsWithdraw, a.typ, subcodeUnrecognized, a.whole, "unknown well-known attribute")
	}
}

// keep passes an attribute on. Flags that say nothing are ignored when received,
// but must be zero when sent: the low four bits, and Partial on what is not
// optional and transitive (RFC 4271 §4.3). They are cleared in place.
func (w *walk) keep(a attribute) {
	flags := a.flags & (optionalPassed | bgp.FlagPartial | bgp.FlagExtendedLength)
	if flags&optionalPassed != optionalPassed {
		flags &^= bgp.FlagPartial
	}
	a.whole[0] = byte(flags)
	w.spans = append(w.spans, span{a.typ, a.whole})
}
