package wire

import (
	"encoding/binary"

	"heddle/bgp"
)

// RefreshSubtype is the octet between AFI and SAFI of a ROUTE-REFRESH (RFC 7313 §3.2).
type RefreshSubtype uint8

// Subtypes; others are ignored when received.
const (
	RefreshRequest RefreshSubtype = 0
	RefreshBegin   RefreshSubtype = 1 // BoRR
	RefreshEnd     RefreshSubtype = 2 // EoRR
)

// AppendRefresh appends a ROUTE-REFRESH for a family.
func AppendRefresh(dst []byte, family bgp.Family, subtype RefreshSubtype) []byte {
	dst = appendHeader(dst, HeaderLength+4, TypeRouteRefresh)
	dst = binary.BigEndian.AppendUint16(dst, family.AFI())
	return append(dst, byte(subtype), family.SAFI())
}

// Refresh reads the body of a ROUTE-REFRESH into the batch. A family that was not
// negotiated is ignored (RFC 2918 §4), and so is an unknown subtype, whatever its
// length (RFC 7313 §5). enhanced says that RFC 7313 was negotiated: without it the
// subtype octet is reserved, hence a plain request, and a body of another length
// is a fault of the header. Longer requests carry filters (RFC 5291), which we
// don't offer to apply.
func (d *Decoder) Refresh(body []byte, enhanced bool, batch *Batch) *bgp.Notification {
	if enhanced && len(body) > 2 && RefreshSubtype(body[2]) > RefreshEnd {
		return nil
	}
	if len(body) != 4 {
		if !enhanced {
			return &bgp.Notification{
				Code: bgp.CodeHeader, Subcode: bgp.HeaderBadLength,
				Data: binary.BigEndian.AppendUint16(nil, uint16(len(body)+HeaderLength)),
			}
		}
		whole := appendHeader(nil, len(body)+HeaderLength, TypeRouteRefresh)
		return &bgp.Notification{
			Code: bgp.CodeRouteRefresh, Subcode: bgp.RefreshInvalidLength,
			Data: append(whole, body...),
		}
	}
	family, ok := bgp.FamilyFrom(binary.BigEndian.Uint16(body), body[3])
	if !ok || !d.Families.Has(family) {
		return nil
	}
	subtype := RefreshSubtype(body[2])
	if !enhanced {
		subtype = RefreshRequest
	}
	switch subtype {
	case RefreshRequest:
		batch.add(Item{Kind: RefreshRequested, Family: family})
	case RefreshBegin:
		batch.add(Item{Kind: RefreshBegun, Family: family})
	case RefreshEnd:
		batch.add(Item{Kind: RefreshEnded, Family: family})
	}
	return nil
}
