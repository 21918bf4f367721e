package wire

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"heddle/bgp"
)

// appendAttribute appends an attribute; the extended length bit is set as the
// value needs it.
func appendAttribute(dst []byte, flags bgp.AttrFlags, typ bgp.AttrType, value []byte) []byte {
	return append(appendAttributeHead(dst, flags, typ, len(value)), value...)
}

// appendAttributeHead appends all of an attribute but its value.
func appendAttributeHead(dst []byte, flags bgp.AttrFlags, typ bgp.AttrType, length int) []byte {
	if length > 255 {
		dst = append(dst, byte(flags|bgp.FlagExtendedLength), byte(typ))
		return binary.BigEndian.AppendUint16(dst, uint16(length))
	}
	return append(dst, byte(flags&^bgp.FlagExtendedLength), byte(typ), byte(length))
}

// announce adds reachable NLRI with the attributes of the walk. A next hop that
// can't be used makes it a withdrawal.
func (d *Decoder) announce(batch *Batch, family bgp.Family, nlri NLRI, hop netip.Addr) {
	w := &d.walk
	if why := d.usableNextHop(hop); why != "" {
		typ := bgp.AttrMPReach
		if family == bgp.IPv4Unicast {
			typ = bgp.AttrNextHop
		}
		w.fault(TreatAsWithdraw, typ, subcodeNextHop, nil, why)
		batch.withdraw(family, nlri)
		return
	}
	if w.strange {
		// RFC 4271 §6.3: a prefix that makes no sense is ignored, its neighbours are not.
		all := len(nlri)
		if nlri = nlri.onlyUnicast(family, d.AddPath.Has(family)); len(nlri) < all {
			w.fault(TreatAsWithdraw, 0, subcodeNetwork, nil, "NLRI has multicast or link-local prefixes, which are ignored")
		}
		if len(nlri) == 0 {
			return
		}
	}
	attrs := w.attrs
	attrs.NextHop = hop
	attrs.Before, attrs.After = w.canonical(batch, family, hop)
	batch.announce(family, nlri, attrs)
}

// canonical puts the spans in the order bgp.Attrs wants. Most speakers send them
// in that order already, and then both halves are slices of the message.
func (w *walk) canonical(batch *Batch, family bgp.Family, hop netip.Addr) (before, after []byte) {
	spans := w.spans
	own := family == bgp.IPv4Unicast && w.nextHop4 != hop
	if own || (family != bgp.IPv4Unicast && w.has(bgp.AttrNextHop)) {
		// NEXT_HOP beside MP_REACH_NLRI means nothing for the latter's routes (RFC 4760
		// §3); IPv4 routes that came in MP_REACH_NLRI are passed on the plain way.
		spans = slices.DeleteFunc(slices.Clone(spans), func(s span) bool { return s.typ == bgp.AttrNextHop })
		if own {
			spans = append(spans, span{
				bgp.AttrNextHop,
				appendAttribute(nil, bgp.FlagTransitive, bgp.AttrNextHop, hop.AsSlice()),
			})
		}
	}
	slices.SortStableFunc(spans, bySpanType)
	cut, _ := slices.BinarySearchFunc(spans, bgp.AttrOriginatorID, func(s span, t bgp.AttrType) int { return int(s.typ) - int(t) })
	return join(batch, spans[:cut]), join(batch, spans[cut:])
}

func bySpanType(a, b span) int { return int(a.typ) - int(b.typ) }

// join makes one slice of the spans: the message's own octets where the spans are
// neighbours there, a copy otherwise.
func join(batch *Batch, spans []span) []byte {
	if len(spans) == 0 {
		return nil
	}
	total, adjacent := 0, true
	for i, s := range spans {
		adjacent = adjacent && (i == 0 || follows(spans[i-1].octets, s.octets))
		total += len(s.octets)
	}
	if adjacent {
		return spans[0].octets[:total:total]
	}
	from := len(batch.scratch)
	for _, s := range spans {
		batch.scratch = append(batch.scratch, s.octets...)
	}
	return batch.scratch[from:len(batch.scratch):len(batch.scratch)]
}

// follows says whether b begins in memory where a ends.
func follows(a, b []byte) bool {
	return cap(a) > len(a) && &a[:len(a)+1][len(a)] == &b[0]
}
