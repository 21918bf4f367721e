package session

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"heddle/bgp"
	"heddle/peering/wire"
)

// The tests build UPDATEs here and not with the code that sends them, so that a
// mistake in it can't cancel out.

const (
	wellKnown      = 0x40
	optional       = 0x80
	optionalPassed = 0xc0
)

// attr is one path attribute.
func attr(flags byte, typ bgp.AttrType, value ...byte) []byte {
	return append([]byte{flags, byte(typ), byte(len(value))}, value...)
}

// join is a list of attributes.
func join(attributes ...[]byte) []byte {
	var b []byte
	for _, a := range attributes {
		b = append(b, a...)
	}
	return b
}

// routes is encoded NLRI.
func routes(prefixes ...string) []byte {
	var b []byte
	for _, text := range prefixes {
		p := netip.MustParsePrefix(text)
		b = append(b, byte(p.Bits()))
		b = append(b, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
	}
	return b
}

// update is an UPDATE.
func update(withdrawn, attributes, nlri []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(withdrawn)))
	b = binary.BigEndian.AppendUint16(append(b, withdrawn...), uint16(len(attributes)))
	return message(wire.TypeUpdate, append(append(b, attributes...), nlri...)...)
}

// The attributes of an ordinary route.
var (
	origin  = attr(wellKnown, bgp.AttrOrigin, 0)
	asPath  = attr(wellKnown, bgp.AttrASPath, 2, 1, 0, 0, 252, 89)
	nextHop = attr(wellKnown, bgp.AttrNextHop, 192, 0, 2, 9)
)

// plain is an UPDATE that says that a prefix is reachable, and what else is given.
func plain(prefix string, more ...[]byte) []byte {
	return update(nil, join(origin, asPath, nextHop, join(more...)), routes(prefix))
}

// reach6 is a good MP_REACH_NLRI with a route.
func reach6() []byte {
	value := append([]byte{0, 2, 1, 16}, netip.MustParseAddr("2001:db8::9").AsSlice()...)
	return attr(optional, bgp.AttrMPReach, append(append(value, 0), routes("fd00::/64")...)...)
}

// words is what a batch says, item by item; attributes by type.
func words(b *wire.Batch) []string {
	var lines []string
	for _, item := range b.Items {
		var prefixes []string
		for _, p := range item.NLRI.Prefixes(item.Family) {
			prefixes = append(prefixes, p.String())
		}
		text := strings.Join(prefixes, " ")
		switch item.Kind {
		case wire.Announced:
			text = "announce " + text + " with" + types(b.Attrs[item.Attrs].Before) + types(b.Attrs[item.Attrs].After)
		case wire.Withdrawn:
			text = "withdraw " + text
		case wire.EndOfRIB:
			text = "end of " + item.Family.String()
		case wire.RefreshRequested:
			text = "refresh " + item.Family.String()
		default:
			text = fmt.Sprintf("item of kind %d", item.Kind)
		}
		lines = append(lines, text)
	}
	return lines
}

// types lists the types of short attributes.
func types(list []byte) string {
	text := ""
	for len(list) >= 3 {
		text += fmt.Sprintf(" %d", list[1])
		list = list[3+int(list[2]):]
	}
	return text
}
