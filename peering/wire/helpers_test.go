package wire_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

// The tests build their octets here and not with the package under test, so that a
// mistake in it can't cancel out.

const (
	wellKnown      = 0x40
	optional       = 0x80
	optionalPassed = 0xc0
	partial        = 0x20
	extended       = 0x10
)

var (
	both  = bgp.FamiliesOf(bgp.IPv4Unicast, bgp.IPv6Unicast)
	only4 = bgp.FamiliesOf(bgp.IPv4Unicast)
	only6 = bgp.FamiliesOf(bgp.IPv6Unicast)
	us    = netip.MustParseAddr("192.0.2.1")
)

// decoder is that of an ordinary session: both families, four-octet ASNs.
func decoder(internal bool) *wire.Decoder {
	return &wire.Decoder{FourOctetAS: true, Internal: internal, Families: both, Local: us}
}

// attr is one path attribute.
func attr(flags byte, typ bgp.AttrType, value ...byte) []byte {
	if len(value) > 255 || flags&extended != 0 {
		return append([]byte{flags | extended, byte(typ), byte(len(value) >> 8), byte(len(value))}, value...)
	}
	return append([]byte{flags, byte(typ), byte(len(value))}, value...)
}

// update is the body of an UPDATE.
func update(withdrawn, attributes, nlri []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(withdrawn)))
	b = append(b, withdrawn...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(attributes)))
	b = append(b, attributes...)
	return append(b, nlri...)
}

// run is encoded NLRI of prefixes.
func run(prefixes ...string) []byte {
	var b []byte
	for _, text := range prefixes {
		p := netip.MustParsePrefix(text)
		b = append(b, byte(p.Bits()))
		b = append(b, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
	}
	return b
}

func ip(text string) []byte { return netip.MustParseAddr(text).AsSlice() }

// reach is the value of an MP_REACH_NLRI.
func reach(afi uint16, safi byte, hop, nlri []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, afi)
	b = append(append(b, safi, byte(len(hop))), hop...)
	return append(append(b, 0), nlri...)
}

// unreach is the value of an MP_UNREACH_NLRI.
func unreach(afi uint16, safi byte, nlri []byte) []byte {
	return append(append(binary.BigEndian.AppendUint16(nil, afi), safi), nlri...)
}

// reach6 is a good MP_REACH_NLRI.
func reach6(prefixes ...string) []byte {
	return attr(optional, bgp.AttrMPReach, reach(2, 1, ip("2001:db8::9"), run(prefixes...))...)
}

// path is an AS_PATH of segments given as type and ASNs, four octets each.
func path(segments ...[]uint32) []byte {
	var b []byte
	for _, s := range segments {
		b = append(b, byte(s[0]), byte(len(s)-1))
		for _, asn := range s[1:] {
			b = binary.BigEndian.AppendUint32(b, asn)
		}
	}
	return b
}

// path2 is the same with two octets each.
func path2(segments ...[]uint32) []byte {
	var b []byte
	for _, s := range segments {
		b = append(b, byte(s[0]), byte(len(s)-1))
		for _, asn := range s[1:] {
			b = binary.BigEndian.AppendUint16(b, uint16(asn))
		}
	}
	return b
}

func set(asns ...uint32) []uint32            { return append([]uint32{1}, asns...) }
func sequence(asns ...uint32) []uint32       { return append([]uint32{2}, asns...) }
func confedSequence(asns ...uint32) []uint32 { return append([]uint32{3}, asns...) }
func confedSet(asns ...uint32) []uint32      { return append([]uint32{4}, asns...) }

// list is attributes by type, in the order given to it.
type list [][]byte

func (l list) octets() []byte {
	var b []byte
	for _, a := range l {
		b = append(b, a...)
	}
	return b
}

// with replaces the attribute of the same type, or adds it.
func (l list) with(a []byte) list {
	out := append(list(nil), l...)
	for i := range out {
		if out[i][1] == a[1] {
			out[i] = a
			return out
		}
	}
	return append(out, a)
}

func (l list) without(typ bgp.AttrType) list {
	var out list
	for _, a := range l {
		if a[1] != byte(typ) {
			out = append(out, a)
		}
	}
	return out
}

// plain is the attributes of an ordinary route.
func plain() list {
	return list{
		attr(wellKnown, bgp.AttrOrigin, 0),
		attr(wellKnown, bgp.AttrASPath, path(sequence(64601))...),
		attr(wellKnown, bgp.AttrNextHop, 192, 0, 2, 9),
		attr(wellKnown, bgp.AttrLocalPref, 0, 0, 0, 100),
	}
}

// received is one attribute read back.
type received struct {
	flags byte
	typ   bgp.AttrType
	value []byte
}

// read takes an attribute list apart.
func read(t testing.TB, b []byte) []received {
	t.Helper()
	var out []received
	for len(b) > 0 {
		if len(b) < 3 {
			t.Fatalf("attribute list ends in %x", b)
		}
		head, n := 3, int(b[2])
		if b[0]&extended != 0 {
			if len(b) < 4 {
				t.Fatalf("attribute list ends in %x", b)
			}
			head, n = 4, int(binary.BigEndian.Uint16(b[2:]))
		}
		if len(b) < head+n {
			t.Fatalf("attribute list ends in %x", b)
		}
		out = append(out, received{b[0], bgp.AttrType(b[1]), b[head : head+n]})
		b = b[head+n:]
	}
	return out
}

// held is an attribute of a set, or nil.
func held(t testing.TB, attrs *bgp.Attrs, typ bgp.AttrType) *received {
	t.Helper()
	for _, part := range [][]byte{attrs.Before, attrs.After} {
		for _, a := range read(t, part) {
			if a.typ == typ {
				return &a
			}
		}
	}
	return nil
}

// words is a batch as text, a line per item; attributes by type.
func words(t testing.TB, b *wire.Batch) string {
	t.Helper()
	var lines []string
	for _, item := range b.Items {
		var line string
		switch item.Kind {
		case wire.Announced:
			a := &b.Attrs[item.Attrs]
			line = fmt.Sprintf("announce %s via %s with", prefixes(item), a.NextHop)
			for _, part := range [][]byte{a.Before, a.After} {
				for _, x := range read(t, part) {
					line += fmt.Sprintf(" %d", uint8(x.typ))
				}
			}
		case wire.Withdrawn:
			line = "withdraw " + prefixes(item)
		case wire.EndOfRIB:
			line = "end of " + item.Family.String()
		case wire.RefreshRequested:
			line = "refresh " + item.Family.String()
		case wire.RefreshBegun:
			line = "refresh begins " + item.Family.String()
		case wire.RefreshEnded:
			line = "refresh ends " + item.Family.String()
		default:
			t.Fatalf("item of kind %d", item.Kind)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func prefixes(item wire.Item) string {
	var texts []string
	for _, p := range item.NLRI.Prefixes(item.Family) {
		texts = append(texts, p.String())
	}
	return strings.Join(texts, " ")
}

// worst is the fault that decides.
func worst(faults []wire.Malformed) wire.Malformed {
	var w wire.Malformed
	for _, f := range faults {
		if f.Consequence > w.Consequence {
			w = f
		}
	}
	return w
}

func texts(faults []wire.Malformed) string {
	var lines []string
	for i := range faults {
		lines = append(lines, faults[i].Error())
	}
	return strings.Join(lines, "\n")
}

func equal(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s\n  %s\nwant\n  %s", what, strings.ReplaceAll(got, "\n", "\n  "), strings.ReplaceAll(want, "\n", "\n  "))
	}
}
