package wire_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering/wire"
)

// Any octets as capabilities, in the plain form and in that of RFC 9072: never a panic,
// both forms say the same, and what nobody knows beside them changes nothing (RFC 5492
// §3).
func FuzzCapabilities(f *testing.F) {
	for _, p := range oracle.Hostile() {
		if wire.Type(p.Octets[18]) == wire.TypeOpen && len(p.Octets) > 32 {
			f.Add(p.Octets[32:])
		}
	}
	for _, c := range [][]byte{
		{1, 4, 0, 1, 0, 1},
		{1, 4, 0, 2, 0, 1},
		{1, 3, 0, 1, 0},
		{2, 0},
		{2, 1, 0},
		{6, 0},
		{70, 0},
		{65, 4, 0, 0, 0xfc, 0},
		{65, 4, 0, 0, 0, 0},
		{65, 2, 0xfc, 0},
		{64, 2, 0xc0, 120},
		{64, 6, 0x40, 120, 0, 1, 1, 0x80},
		{64, 5, 0, 120, 0, 1, 1},
		{64, 1, 0},
		{69, 4, 0, 1, 1, 3},
		{69, 4, 0, 2, 1, 9},
		{69, 3, 0, 1, 1},
		{71, 7, 0, 1, 1, 0x80, 0, 0, 60},
		{73, 3, 200, 'x', 0},
		{75, 0},
		{5, 6, 0, 1, 0, 1, 0, 2},
	} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, caps []byte) {
		if len(caps) > 200 {
			return
		}
		o, n := wire.ParseOpen(slices.Clip(plainForm(caps)))
		long, m := wire.ParseOpen(slices.Clip(extendedForm(caps)))
		if (n == nil) != (m == nil) || offer(&o) != offer(&long) {
			t.Fatalf("the plain form is\n%+v, %v, the extended one\n%+v, %v", offer(&o), n, offer(&long), m)
		}
		if n != nil {
			if n.Code != bgp.CodeOpen {
				t.Fatalf("fault is %v", n)
			}
			return
		}
		more, n := wire.ParseOpen(plainForm(slices.Concat([]byte{200, 2, 1, 2}, caps, []byte{201, 0})))
		if n != nil || offer(&more) != offer(&o) {
			t.Fatalf("beside what nobody knows it is\n%+v, %v, alone\n%+v", offer(&more), n, offer(&o))
		}
	})
}

// fixed is what stands before the optional parameters.
var fixedOpen = []byte{4, 0xfc, 0, 0, 90, 192, 0, 2, 9}

func plainForm(caps []byte) []byte {
	return slices.Concat(fixedOpen, []byte{byte(len(caps) + 2), 2, byte(len(caps))}, caps)
}

func extendedForm(caps []byte) []byte {
	head := binary.BigEndian.AppendUint16([]byte{255, 255}, uint16(len(caps)+3))
	head = binary.BigEndian.AppendUint16(append(head, 2), uint16(len(caps)))
	return slices.Concat(fixedOpen, head, caps)
}
