package bgp

import (
	"fmt"
	"net/netip"
	"strings"
)

// Family is an address family we carry routes of. It is a closed enumeration:
// what else a peer offers stays in peering/wire.
type Family uint8

const (
	// FamilyInvalid is the zero value; no route has it.
	FamilyInvalid Family = iota
	// IPv4Unicast is AFI 1, SAFI 1.
	IPv4Unicast
	// IPv6Unicast is AFI 2, SAFI 1.
	IPv6Unicast
)

// Families lists what we carry, in the order in which it is offered and shown.
var Families = [...]Family{IPv4Unicast, IPv6Unicast}

// FamilyOf is the family that carries prefixes of addr's kind; an IPv4-mapped
// IPv6 address belongs to none.
func FamilyOf(addr netip.Addr) Family {
	switch {
	case addr.Is4():
		return IPv4Unicast
	case addr.Is6() && !addr.Is4In6():
		return IPv6Unicast
	}
	return FamilyInvalid
}

// AFI is the IANA address family number; 0 for an invalid family.
func (f Family) AFI() uint16 { return uint16(f) }

// SAFI is the IANA subsequent address family number: 1, unicast.
func (f Family) SAFI() uint8 { return 1 }

// FamilyFrom maps IANA numbers to a family; ok is false for what we don't carry.
func FamilyFrom(afi uint16, safi uint8) (f Family, ok bool) {
	if safi == 1 && (afi == 1 || afi == 2) {
		return Family(afi), true
	}
	return FamilyInvalid, false
}

// String is the short form that show, metrics and JSON use.
func (f Family) String() string {
	switch f {
	case IPv4Unicast:
		return "ipv4"
	case IPv6Unicast:
		return "ipv6"
	}
	return fmt.Sprintf("family(%d)", uint8(f))
}

// ParseFamily reads what String prints.
func ParseFamily(text string) (Family, error) {
	for _, f := range Families {
		if text == f.String() {
			return f, nil
		}
	}
	return FamilyInvalid, fmt.Errorf("family %q: want ipv4 or ipv6", text)
}

// FamilySet is a set of families, comparable so that it can stand in a key.
type FamilySet uint8

// FamiliesOf builds a set.
func FamiliesOf(families ...Family) FamilySet {
	var set FamilySet
	for _, f := range families {
		set |= 1 << f
	}
	return set
}

// Has says whether f is in the set.
func (s FamilySet) Has(f Family) bool { return f != FamilyInvalid && s&(1<<f) != 0 }

// String joins the members with "+", in the order of Families.
func (s FamilySet) String() string {
	var names []string
	for _, f := range Families {
		if s.Has(f) {
			names = append(names, f.String())
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "+")
}
