package wire

import (
	"encoding/binary"
	"net/netip"

	"heddle/bgp"
)

// readReach reads MP_REACH_NLRI (RFC 4760 §3). A family that was not negotiated
// is ignored, not fatal (RFC 4760 §6 leaves the choice). An incorrect attribute
// resets the session, wrong flags included: what it calls NLRI can't be told from
// garbage (RFC 7606 §5.3, §7.11). The subcode is RFC 4760 §7's for all of them.
//
//	AFI(2) SAFI(1) length(1) next hop(length) reserved(1) NLRI…
func (d *Decoder) readReach(a attribute) {
	w := &d.walk
	if len(a.value) < 5 || len(a.value) < 5+int(a.value[3]) {
		w.fault(ResetSession, a.typ, subcodeOptional, a.whole, "too short")
		return
	}
	w.hasReach = len(a.value) > 5+int(a.value[3])
	family, known := bgp.FamilyFrom(binary.BigEndian.Uint16(a.value), a.value[2])
	if !known || !d.Families.Has(family) {
		return
	}
	length := int(a.value[3])
	hop, nlri := a.value[4:4+length], a.value[5+length:]
	if !nextHopLength(family, length) {
		w.fault(ResetSession, a.typ, subcodeOptional, a.whole, "next hop of a length the family does not have")
		return
	}
	if !d.soundMultiprotocol(a, family, nlri) {
		return
	}
	addr, _ := netip.AddrFromSlice(hop[:min(length, 16)])
	w.reach[family-1] = reach{nextHop: addr, nlri: nlri}
}

// soundMultiprotocol checks flags and NLRI of either attribute (RFC 7606 §5.3).
func (d *Decoder) soundMultiprotocol(a attribute, family bgp.Family, nlri []byte) bool {
	w := &d.walk
	if a.flags&optionalPassed != optional {
		w.fault(ResetSession, a.typ, subcodeOptional, a.whole, "flags contradict its definition")
		return false
	}
	wellFormed, unicast := inspect(nlri, family, d.AddPath.Has(family))
	if !wellFormed {
		w.fault(ResetSession, a.typ, subcodeOptional, a.whole, "NLRI is malformed")
		return false
	}
	w.strange = w.strange || !unicast
	return true
}

// nextHopLength: an IPv6 next hop may bring its link-local twin along (RFC 2545
// §3); an IPv6 next hop of IPv4 routes needs a capability we don't offer (RFC 8950).
func nextHopLength(family bgp.Family, length int) bool {
	if family == bgp.IPv4Unicast {
		return length == 4
	}
	return length == 16 || length == 32
}

// readUnreach reads MP_UNREACH_NLRI (RFC 4760 §4). With no NLRI at all it is the
// family's End-of-RIB, if nothing else stands in the message (RFC 4724 §2).
func (d *Decoder) readUnreach(a attribute) {
	w := &d.walk
	if len(a.value) < 3 {
		w.fault(ResetSession, a.typ, subcodeOptional, a.whole, "too short")
		return
	}
	family, known := bgp.FamilyFrom(binary.BigEndian.Uint16(a.value), a.value[2])
	if !known || !d.Families.Has(family) {
		return
	}
	nlri := a.value[3:]
	if !d.soundMultiprotocol(a, family, nlri) {
		return
	}
	if len(nlri) == 0 {
		w.eor = family
	}
	w.unreach[family-1] = nlri
}

// usableNextHop says why an address can't be a next hop, or nothing (RFC 4271
// §6.3). Only the global one of an IPv6 pair counts: a link-local address alone
// means something on the sender's link only. Whether an external peer shares a
// subnet with its next hop is not asked: sessions with routers are multihop.
func (d *Decoder) usableNextHop(addr netip.Addr) string {
	switch {
	case addr.IsUnspecified(), addr.Is4() && addr.As4()[0] == 0:
		return "next hop is the unspecified address"
	case addr.IsLoopback():
		return "next hop is a loopback address"
	case addr.IsMulticast(), addr.Is4() && addr.As4()[0] >= 240:
		return "next hop is not a unicast address"
	case addr.Is4In6():
		return "next hop is IPv4-mapped"
	case addr.Is6() && addr.IsLinkLocalUnicast():
		return "next hop is link-local"
	case addr == d.Local:
		return "next hop is the reflector itself"
	}
	return ""
}
