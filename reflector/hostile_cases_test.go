package reflector_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"heddle/bgp"
	"heddle/peering"
)

// hostile is one malformed UPDATE about routes that the listener holds, and what must
// come of it.
type hostile struct {
	name    string
	message []byte
	want    verdict
	gone    []netip.Prefix // that the listener is told are gone
	// kept is what the listener then holds of an attribute, in hexadecimal, for the
	// routes that are used; "absent" for none. Without typ it is not looked at.
	typ    bgp.AttrType
	kept   string
	silent bool // used, or gone, without being a fault
}

const (
	absent   = "absent"
	repeated = "twice"
)

var (
	route4 = netip.MustParsePrefix("10.66.0.0/24")
	route6 = netip.MustParsePrefix("fd66::/64")
	both   = []netip.Prefix{route4, route6}
)

// attribute is one path attribute; an extended length where it takes one.
func attribute(flags byte, typ bgp.AttrType, value ...byte) []byte {
	if len(value) > 255 || flags&extendedLength != 0 {
		return append([]byte{flags | extendedLength, byte(typ), byte(len(value) >> 8), byte(len(value))}, value...)
	}
	return append([]byte{flags, byte(typ), byte(len(value))}, value...)
}

// attributes is a list that can be spoiled.
type attributes [][]byte

// ordinary is the attributes of a good route from a kind of peer.
func ordinary(kind peering.Kind) attributes {
	l := attributes{
		attribute(wellKnown, bgp.AttrOrigin, 0),
		attribute(wellKnown, bgp.AttrASPath, 2, 1, 0, 0, 0xfd, 0xe9),
		attribute(wellKnown, bgp.AttrNextHop, 192, 0, 2, 9),
	}
	if kind.Internal() {
		l = append(l, attribute(wellKnown, bgp.AttrLocalPref, 0, 0, 0, 150))
	}
	return l
}

func (l attributes) without(typ bgp.AttrType) attributes {
	return slices.DeleteFunc(slices.Clone(l), func(a []byte) bool { return a[1] == byte(typ) })
}

// with puts attributes in place of those of one type.
func (l attributes) with(typ bgp.AttrType, more ...[]byte) attributes {
	return append(l.without(typ), more...)
}

func (l attributes) octets() []byte { return slices.Concat(l...) }

func update(withdrawn, list, nlri []byte) []byte {
	body := append([]byte{byte(len(withdrawn) >> 8), byte(len(withdrawn))}, withdrawn...)
	body = append(append(body, byte(len(list)>>8), byte(len(list))), list...)
	return frame(2, append(body, nlri...)...)
}

func nlri(prefixes ...netip.Prefix) []byte {
	var b []byte
	for _, p := range prefixes {
		b = append(append(b, byte(p.Bits())), p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
	}
	return b
}

var hop6 = netip.MustParseAddr("2001:db8::9").AsSlice()

// reach is the value of an MP_REACH_NLRI.
func reach(afi, safi byte, hop, nlri []byte) []byte {
	return slices.Concat([]byte{0, afi, safi, byte(len(hop))}, hop, []byte{0}, nlri)
}

// on4 and on6 put attributes into an UPDATE that announces the route of a family.
func on4(l attributes) []byte { return update(nil, l.octets(), nlri(route4)) }

func on6(l attributes) []byte {
	return update(nil, append(attribute(optional, bgp.AttrMPReach, reach(2, 1, hop6, nlri(route6))...), l.octets()...), nil)
}

// cases makes every UPDATE with one fault of the attribute, for routes of either
// family and without any.
func (r rule) cases(kind peering.Kind) []hostile {
	var all []hostile
	add := func(what string, list attributes, want verdict, kept string, only4 bool) {
		if r.internalOnly && !kind.Internal() {
			kept = absent
			if what != repeated {
				want = verdict{}
			}
		}
		if r.typ == bgp.AttrLocalPref && kept == absent {
			kept = "00000064" // the default
		}
		silent := want == verdict{}
		name := fmt.Sprintf("%s, %s (%s)", r.typ, what, r.section)
		all = append(all, hostile{name + ", IPv4", on4(list), want, []netip.Prefix{route4}, r.typ, kept, silent})
		if only4 {
			want, silent = verdict{}, true
		}
		if r.typ == bgp.AttrNextHop {
			kept = ""
		}
		all = append(all, hostile{name + ", IPv6", on6(list), want, []netip.Prefix{route6}, r.typ, kept, silent})
		if want.consequence == withdrawn && what != "missing" {
			// RFC 7606 §5.2: nobody can be sure that no NLRI was missed.
			all = append(all, hostile{name: name + ", without NLRI", message: update(nlri(route4), list.octets(), nil), want: verdict{reset, want.subcode}, gone: both})
		}
	}
	good := ordinary(kind)
	for _, flags := range []byte{0, wellKnown, optional, optionalPassed} {
		if flags != r.flags {
			add(fmt.Sprintf("flags %#02x", flags), good.with(r.typ, attribute(flags, r.typ, r.good...)), r.onFlags, absent, false)
		}
	}
	for _, value := range r.lengths {
		add(fmt.Sprintf("length %d: %x", len(value), value), good.with(r.typ, attribute(r.flags, r.typ, value...)), r.onLength, absent, false)
	}
	for _, value := range r.values {
		add(fmt.Sprintf("value %x", value), good.with(r.typ, attribute(r.flags, r.typ, value...)), r.onValue, absent, r.only4)
	}
	if r.onMissing != (verdict{}) || r.typ == bgp.AttrLocalPref {
		add("missing", good.without(r.typ), r.onMissing, absent, r.only4)
	}
	first, second := attribute(r.flags, r.typ, r.good...), attribute(r.flags, r.typ, slices.Repeat([]byte{0xff}, len(r.good))...)
	add(repeated, good.with(r.typ, first, second), discard(), r.kept(), false)
	fine := verdict{}
	if r.never {
		fine = discard()
	}
	add("undefined flag bits", good.with(r.typ, attribute(r.flags|0x0f, r.typ, r.good...)), fine, r.kept(), false)
	add("an extended length that it does not need", good.with(r.typ, attribute(r.flags|extendedLength, r.typ, r.good...)), fine, r.kept(), false)
	return all
}

// kept is what a listener holds of a good one.
func (r rule) kept() string {
	switch {
	case r.never:
		return absent
	case r.typ == bgp.AttrClusterList:
		return fmt.Sprintf("7f000001%x", r.good)
	}
	return fmt.Sprintf("%x", r.good)
}

// heldOf is what the text of a route says of an attribute: see oracle.Route.String.
func heldOf(route string, typ bgp.AttrType) string {
	if typ == bgp.AttrNextHop {
		via := strings.Fields(route)[1]
		return fmt.Sprintf("%x", netip.MustParseAddr(via).AsSlice())
	}
	for _, word := range strings.Fields(route) {
		if number, value, ok := strings.Cut(word, "/"); ok && number == fmt.Sprint(uint8(typ)) {
			_, text, _ := strings.Cut(value, ":")
			return text
		}
	}
	return absent
}
