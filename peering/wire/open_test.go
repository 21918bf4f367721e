package wire_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/peering/wire"
)

// openBody is the body of an OPEN of AS 64512 with these octets as its optional
// parameters, length included.
func openBody(parameters ...byte) []byte {
	return append([]byte{4, 0xfc, 0, 0, 90, 192, 0, 2, 2}, parameters...)
}

// capabilities is optional parameters that hold these capabilities, length
// included.
func capabilities(octets ...byte) []byte {
	return append([]byte{byte(len(octets) + 2), 2, byte(len(octets))}, octets...)
}

// RFC 4271 §6.2, RFC 6286 §2.1, RFC 7607 §2.
func TestFixedFieldsOfOpen(t *testing.T) {
	as4 := func(asn uint32) []byte { return binary.BigEndian.AppendUint32([]byte{65, 4}, asn) }
	spoil := func(at int, value ...byte) []byte {
		b := openBody(0)
		copy(b[at:], value)
		return b
	}
	for _, c := range []struct {
		name    string
		body    []byte
		subcode uint8 // 255: no fault
		data    []byte
	}{
		{"an OPEN without parameters", openBody(0), 255, nil},
		{"version 3 is told which we speak", spoil(0, 3), 1, []byte{0, 4}},
		{"version 5 is told so too", spoil(0, 5), 1, []byte{0, 4}},
		{"the version comes before everything else", []byte{3, 0, 0, 0, 1, 0, 0, 0, 0, 9}, 1, []byte{0, 4}},
		{"AS 0", spoil(1, 0, 0), 2, nil},
		{"AS 0 in the capability", append(openBody(), capabilities(as4(0)...)...), 2, nil},
		{"AS 0 in the field, with another in the capability", append(spoil(1, 0, 0)[:9], capabilities(as4(64512)...)...), 2, nil},
		{"hold time 0", spoil(3, 0, 0), 255, nil},
		{"hold time 1", spoil(3, 0, 1), 6, nil},
		{"hold time 2", spoil(3, 0, 2), 6, nil},
		{"hold time 3", spoil(3, 0, 3), 255, nil},
		{"hold time 65535", spoil(3, 0xff, 0xff), 255, nil},
		{"BGP Identifier 0", spoil(5, 0, 0, 0, 0), 3, nil},
		{"a BGP Identifier that is no host address (RFC 6286 §2.1)", spoil(5, 255, 255, 255, 255), 255, nil},
	} {
		t.Run(c.name, func(t *testing.T) { wantOpenFault(t, c.body, c.subcode, c.data) })
	}
}

func wantOpenFault(t *testing.T, body []byte, subcode uint8, data []byte) {
	t.Helper()
	_, n := wire.ParseOpen(body)
	switch {
	case subcode == 255 && n == nil:
	case subcode == 255 || n == nil:
		t.Errorf("fault is %v, want subcode %d (255: none)", n, subcode)
	case n.Code != bgp.CodeOpen || n.Subcode != subcode || !bytes.Equal(n.Data, data):
		t.Errorf("fault is %d/%d %x, want 2/%d %x", n.Code, n.Subcode, n.Data, subcode, data)
	}
}

// RFC 4271 §4.2, §6.2; RFC 5492 §4; RFC 9072 §2. Each body is cut off where its
// last octet is, so that reading beyond it panics (CVE-2022-40302, -40318, -43681
// are over-reads of this kind).
func TestParametersOfOpen(t *testing.T) {
	refresh := []byte{2, 0}
	for _, c := range []struct {
		name       string
		parameters []byte // length included
		subcode    uint8  // 255: no fault
	}{
		{"none", []byte{0}, 255},
		{"one", []byte{4, 2, 2, 2, 0}, 255},
		{"several", []byte{8, 2, 2, 2, 0, 2, 2, 70, 0}, 255},
		{"an empty one", []byte{2, 2, 0}, 255},
		{"more than their length says", []byte{2, 2, 2, 2, 0}, 0},
		{"fewer than their length says", []byte{5, 2, 2, 2, 0}, 0},
		{"some, with length 0", []byte{0, 2, 2, 2, 0}, 0},
		{"a length and nothing", []byte{4}, 0},
		{"a type and nothing (CVE-2022-40318)", []byte{1, 2}, 0},
		{"a parameter that exceeds them", []byte{4, 2, 3, 2, 0}, 0},
		{"a second parameter cut after its type", []byte{5, 2, 2, 2, 0, 2}, 0},
		{"a capability cut after its code", []byte{3, 2, 1, 2}, 0},
		{"a capability that exceeds its parameter", []byte{4, 2, 2, 2, 1}, 0},
		{"authentication, which RFC 4271 took away", []byte{4, 1, 2, 0, 0}, 4},
		{"an unknown type", []byte{2, 99, 0}, 4},
		{"an unknown type that exceeds them", []byte{2, 99, 1}, 0},
		{"capabilities in front of an unknown type", []byte{6, 2, 2, 2, 0, 3, 0}, 4},

		{"extended, as it should be (RFC 9072)", []byte{255, 255, 0, 5, 2, 0, 2, 2, 0}, 255},
		{"extended, several", []byte{255, 255, 0, 10, 2, 0, 2, 2, 0, 2, 0, 2, 70, 0}, 255},
		{"extended, empty", []byte{255, 255, 0, 0}, 255},
		{"extended, whatever the plain length says", []byte{1, 255, 0, 5, 2, 0, 2, 2, 0}, 255},
		{"extended, more than 255 octets", append(append([]byte{255, 255, 1, 47, 2, 1, 44, 199, 255}, make([]byte, 255)...), append([]byte{2, 0, 200, 39}, make([]byte, 39)...)...), 255},
		{"extended, but the plain length is 0 (RFC 9072 §2 forbids it)", []byte{0, 255, 0, 5, 2, 0, 2, 2, 0}, 0},
		{"extended, a type and nothing", []byte{255, 255}, 0},
		{"extended, half a length (CVE-2022-40302)", []byte{255, 255, 0}, 0},
		{"extended, shorter than it says", []byte{255, 255, 0, 6, 2, 0, 2, 2, 0}, 0},
		{"extended, longer than it says", []byte{255, 255, 0, 4, 2, 0, 2, 2, 0}, 0},
		{"extended, a parameter cut after its type (CVE-2022-43681)", []byte{255, 255, 0, 1, 2}, 0},
		{"extended, a parameter cut within its length (CVE-2022-43681)", []byte{255, 255, 0, 2, 2, 0}, 0},
		{"extended, a parameter that exceeds them", []byte{255, 255, 0, 5, 2, 0, 3, 2, 0}, 0},
		{"extended, a parameter of 65535 octets", []byte{255, 255, 0, 5, 2, 255, 255, 2, 0}, 0},
		{"extended within extended", []byte{255, 255, 0, 3, 255, 0, 0}, 4},
		{"extended behind a plain one", append([]byte{8, 2, 2}, append(refresh, 255, 2, 2, 0)...), 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := openBody(c.parameters...)
			wantOpenFault(t, body[:len(body):len(body)], c.subcode, nil)
		})
	}
}

// Every OPEN cut short anywhere is a fault or, cut between parameters of the
// matching length, an OPEN: never a panic, never an octet beyond the end.
func TestAnOpenCutAnywhere(t *testing.T) {
	o := full()
	message, err := o.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	extendedForm := openBody(append([]byte{255, 255, 0, byte(len(message) - 29 + 1), 2, 0, byte(len(message) - 29 - 2)}, message[31:]...)...)
	for _, body := range [][]byte{message[19:], extendedForm} {
		if _, n := wire.ParseOpen(body); n != nil {
			t.Fatalf("the whole one: %v", n)
		}
		for end := 10; end < len(body); end++ {
			if _, n := wire.ParseOpen(body[:end:end]); n == nil || n.Code != bgp.CodeOpen || n.Subcode != bgp.OpenUnspecific {
				t.Errorf("cut at %d: %v, want 2/0", end, n)
			}
		}
	}
}

// full is an OPEN that offers all we know.
func full() wire.Open {
	return wire.Open{ASN: 4200000001, HoldTime: 90, RouterID: 0xc0000202, Capabilities: wire.Capabilities{
		Multiprotocol: true, Families: both, FourOctetAS: true, RouteRefresh: true, EnhancedRefresh: true, ExtendedMessage: true,
		Restart:     wire.GracefulRestart{Offered: true, Restarting: true, Notification: true, Time: 4095, Families: both, Forwarding: only6},
		LongLived:   wire.LongLived{Offered: true, Families: both, Forwarding: only4, Times: [2]uint32{1<<24 - 1, 3600}},
		AddPathSend: both, AddPathReceive: only4,
	}}
}

// offered is the part of an OPEN that can be compared from outside.
type offered struct {
	asn                                             bgp.ASN
	hold                                            uint16
	id                                              bgp.RouterID
	multiprotocol, as4, refresh, enhanced, extended bool
	families, send, receive                         bgp.FamilySet
	restart                                         wire.GracefulRestart
	longLived                                       wire.LongLived
}

func offer(o *wire.Open) offered {
	c := &o.Capabilities
	return offered{
		o.ASN, o.HoldTime, o.RouterID, c.Multiprotocol, c.FourOctetAS, c.RouteRefresh, c.EnhancedRefresh, c.ExtendedMessage, c.Families,
		c.AddPathSend, c.AddPathReceive, c.Restart, c.LongLived,
	}
}

func TestCapabilities(t *testing.T) {
	nothing := wire.Capabilities{}
	for _, c := range []struct {
		name   string
		octets []byte
		want   wire.Capabilities
	}{
		{"IPv4 unicast", []byte{1, 4, 0, 1, 0, 1}, wire.Capabilities{Multiprotocol: true, Families: only4}},
		{"IPv6 unicast", []byte{1, 4, 0, 2, 0, 1}, wire.Capabilities{Multiprotocol: true, Families: only6}},
		{"both", []byte{1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1}, wire.Capabilities{Multiprotocol: true, Families: both}},
		{"the same twice (RFC 5492 §4)", []byte{1, 4, 0, 1, 0, 1, 1, 4, 0, 1, 0, 1}, wire.Capabilities{Multiprotocol: true, Families: only4}},
		{"the reserved octet is ignored (RFC 4760 §8)", []byte{1, 4, 0, 1, 9, 1}, wire.Capabilities{Multiprotocol: true, Families: only4}},
		{"a family that we don't carry", []byte{1, 4, 0, 25, 0, 70}, wire.Capabilities{Multiprotocol: true}},
		{"AFI 1, multicast", []byte{1, 4, 0, 1, 0, 2}, wire.Capabilities{Multiprotocol: true}},
		{"multiprotocol of three octets: not offered", []byte{1, 3, 0, 1, 0}, nothing},
		{"multiprotocol of five octets: not offered", []byte{1, 5, 0, 1, 0, 1, 0}, nothing},
		{"route refresh (RFC 2918)", []byte{2, 0}, wire.Capabilities{RouteRefresh: true}},
		{"route refresh with a value: not offered", []byte{2, 1, 0}, nothing},
		{"route refresh as Cisco once numbered it: unknown", []byte{128, 0}, nothing},
		{"enhanced route refresh (RFC 7313)", []byte{70, 0}, wire.Capabilities{EnhancedRefresh: true}},
		{"enhanced route refresh with a value: not offered", []byte{70, 2, 0, 0}, nothing},
		{"extended message (RFC 8654)", []byte{6, 0}, wire.Capabilities{ExtendedMessage: true}},
		{"extended message with a value: not offered", []byte{6, 1, 0}, nothing},
		{"four-octet AS of three octets: not offered", []byte{65, 3, 0, 0, 1}, nothing},
		{"four-octet AS of five octets: not offered", []byte{65, 5, 0, 0, 0, 1, 0}, nothing},
		{"long-lived graceful restart, aware (RFC 9494)", []byte{71, 0}, wire.Capabilities{LongLived: wire.LongLived{Offered: true}}},
		{
			"long-lived graceful restart of both families",
			[]byte{71, 14, 0, 1, 1, 0x80, 0, 1, 0, 0, 2, 1, 0, 0xff, 0xff, 0xff},
			wire.Capabilities{LongLived: wire.LongLived{Offered: true, Families: both, Forwarding: only4, Times: [2]uint32{256, 1<<24 - 1}}},
		},
		{
			"of a family twice: the last word counts",
			[]byte{71, 14, 0, 1, 1, 0x80, 0, 1, 0, 0, 1, 1, 0, 0, 0, 5},
			wire.Capabilities{LongLived: wire.LongLived{Offered: true, Families: only4, Times: [2]uint32{5, 0}}},
		},
		{"of a family that we don't carry", []byte{71, 7, 0, 25, 70, 0, 0, 0, 9}, wire.Capabilities{LongLived: wire.LongLived{Offered: true}}},
		{"long-lived graceful restart of six octets: not offered", []byte{71, 6, 0, 1, 1, 0, 0, 1}, nothing},
		{"unknown codes are ignored (RFC 5492 §3)", []byte{0, 0, 199, 3, 1, 2, 3, 255, 0, 2, 0}, wire.Capabilities{RouteRefresh: true}},
		{"a malformed one does not hide the next", []byte{2, 1, 0, 1, 3, 0, 1, 0, 70, 0}, wire.Capabilities{EnhancedRefresh: true}},

		{"graceful restart, nothing but the offer (RFC 4724 §3)", []byte{64, 2, 0, 0}, wire.Capabilities{Restart: wire.GracefulRestart{Offered: true}}},
		{"R and a time", []byte{64, 2, 0x80, 120}, wire.Capabilities{Restart: wire.GracefulRestart{Offered: true, Restarting: true, Time: 120}}},
		{"N (RFC 8538 §2)", []byte{64, 2, 0x4f, 0xff}, wire.Capabilities{Restart: wire.GracefulRestart{Offered: true, Notification: true, Time: 4095}}},
		{"bits that are not defined", []byte{64, 2, 0x30, 1}, wire.Capabilities{Restart: wire.GracefulRestart{Offered: true, Time: 1}}},
		{
			"families, one with F",
			[]byte{64, 10, 0, 120, 0, 1, 1, 0x80, 0, 2, 1, 0x7f},
			wire.Capabilities{Restart: wire.GracefulRestart{Offered: true, Time: 120, Families: both, Forwarding: only4}},
		},
		{
			"a family that we don't carry, with F",
			[]byte{64, 10, 0, 120, 0, 25, 70, 0x80, 0, 2, 1, 0},
			wire.Capabilities{Restart: wire.GracefulRestart{Offered: true, Time: 120, Families: only6}},
		},
		{
			"graceful restart twice: the last counts",
			[]byte{64, 6, 0x80, 9, 0, 1, 1, 0x80, 64, 6, 0, 120, 0, 2, 1, 0},
			wire.Capabilities{Restart: wire.GracefulRestart{Offered: true, Time: 120, Families: only6}},
		},
		{"graceful restart without its time: not offered", []byte{64, 0}, nothing},
		{"graceful restart of one octet: not offered", []byte{64, 1, 0x80}, nothing},
		{"graceful restart with half a family: not offered", []byte{64, 5, 0, 120, 0, 1, 1}, nothing},

		{"long-lived graceful restart of a bad length (CVE-2023-31489)", []byte{71, 3, 0, 1, 1, 2, 0}, wire.Capabilities{RouteRefresh: true}},
		{"a software version without a length (CVE-2025-7464)", []byte{75, 0, 2, 0}, wire.Capabilities{RouteRefresh: true}},
		{"a software version that exceeds itself (CVE-2023-41361)", []byte{75, 2, 255, 'x', 2, 0}, wire.Capabilities{RouteRefresh: true}},
		{"a host name that exceeds itself", []byte{73, 2, 200, 'x', 2, 0}, wire.Capabilities{RouteRefresh: true}},
		{"add-path, who receives (RFC 7911 §4)", []byte{69, 4, 0, 1, 1, 1}, wire.Capabilities{AddPathReceive: only4}},
		{"add-path, who sends", []byte{69, 4, 0, 2, 1, 2}, wire.Capabilities{AddPathSend: only6}},
		{"add-path, who does both", []byte{69, 8, 0, 1, 1, 3, 0, 2, 1, 3}, wire.Capabilities{AddPathSend: both, AddPathReceive: both}},
		{"add-path of a family that we don't carry", []byte{69, 8, 0, 25, 70, 1, 0, 2, 1, 1}, wire.Capabilities{AddPathReceive: only6}},
		{"add-path modes that are not defined", []byte{69, 8, 0, 1, 1, 0, 0, 2, 1, 4}, nothing},
		{"a defined mode beside one that is not", []byte{69, 8, 0, 1, 1, 255, 0, 2, 1, 1}, wire.Capabilities{AddPathReceive: only6}},
		{"a family twice: the last counts", []byte{69, 8, 0, 1, 1, 3, 0, 1, 1, 1}, wire.Capabilities{AddPathReceive: only4}},
		{"in two capabilities", []byte{69, 4, 0, 1, 1, 1, 69, 8, 0, 1, 1, 2, 0, 2, 1, 1}, wire.Capabilities{AddPathSend: only4, AddPathReceive: only6}},
		{"add-path of no family", []byte{69, 0, 2, 0}, wire.Capabilities{RouteRefresh: true}},
		{"ADD-PATH with half a family", []byte{69, 3, 0, 1, 1, 2, 0}, wire.Capabilities{RouteRefresh: true}},
		{"extended next hop with half a family", []byte{5, 5, 0, 1, 0, 1, 0, 2, 0}, wire.Capabilities{RouteRefresh: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, n := wire.ParseOpen(append(openBody(), capabilities(c.octets...)...))
			if n != nil {
				t.Fatal(n)
			}
			if want := (wire.Open{ASN: 64512, HoldTime: 90, RouterID: 0xc0000202, Capabilities: c.want}); offer(&o) != offer(&want) {
				t.Errorf("offered is\n%+v, want\n%+v", offer(&o), offer(&want))
			}
		})
	}
}

// RFC 5492 §4: one parameter with all, or a parameter each: it says the same.
func TestParametersAreMerged(t *testing.T) {
	each := [][]byte{{1, 4, 0, 1, 0, 1}, {1, 4, 0, 2, 0, 1}, {2, 0}, {65, 4, 0xfa, 0x56, 0xea, 1}, {64, 2, 0, 9}}
	apart := []byte{0}
	for _, c := range each {
		apart = append(append(apart, 2, byte(len(c))), c...)
	}
	apart[0] = byte(len(apart) - 1)
	a, n := wire.ParseOpen(openBody(apart...))
	if n != nil {
		t.Fatal(n)
	}
	b, n := wire.ParseOpen(append(openBody(), capabilities(bytes.Join(each, nil)...)...))
	if n != nil {
		t.Fatal(n)
	}
	if offer(&a) != offer(&b) || a.Capabilities.Families != both || a.ASN != 4200000001 {
		t.Errorf("apart %+v, together %+v", offer(&a), offer(&b))
	}
}

// RFC 6793 §4.2.2, §9.
func TestLargeASNumbersInOpen(t *testing.T) {
	o := full()
	message, err := o.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := binary.BigEndian.Uint16(message[20:]); got != uint16(bgp.ASTrans) {
		t.Errorf("the field holds %d, want AS_TRANS", got)
	}
	o.ASN = 64512
	if message, err = o.Append(nil); err != nil || binary.BigEndian.Uint16(message[20:]) != 64512 {
		t.Errorf("the field holds %d (%v), want 64512", binary.BigEndian.Uint16(message[20:]), err)
	}
	o.Capabilities.FourOctetAS = false
	if message, err = o.Append(nil); err != nil || bytes.Contains(message, []byte{65, 4, 0, 0, 0xfc, 0}) {
		t.Errorf("%x (%v) has a capability that is not offered", message, err)
	}
	o.ASN = 65536
	if message, err := o.Append([]byte("before")); err == nil || string(message) != "before" {
		t.Errorf("a large AS without the capability for it gives %x", message)
	}
}

// Four bits beside the time are flags: a time that is too long must not set them.
func TestARestartTimeDoesNotSpillIntoTheFlags(t *testing.T) {
	o := full()
	o.Capabilities.Restart = wire.GracefulRestart{Offered: true, Time: 65535}
	message, err := o.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, n := wire.ParseOpen(message[19:])
	if want := (wire.GracefulRestart{Offered: true, Time: 4095}); n != nil || got.Capabilities.Restart != want {
		t.Errorf("read as %+v (%v), want %+v", got.Capabilities.Restart, n, want)
	}
}

// RFC 4760 §8: a peer that names no family speaks IPv4 unicast.
func TestWhatAPeerSpeaks(t *testing.T) {
	for _, c := range []struct {
		name string
		caps wire.Capabilities
		want bgp.FamilySet
	}{
		{"no capability", wire.Capabilities{}, only4},
		{"families", wire.Capabilities{Multiprotocol: true, Families: both}, both},
		{"only families that we don't carry", wire.Capabilities{Multiprotocol: true}, 0},
	} {
		if got := c.caps.Speaks(); got != c.want {
			t.Errorf("%s: speaks %s, want %s", c.name, got, c.want)
		}
	}
}

// drawOpen is any OPEN that can be said.
func drawOpen(t *rapid.T) wire.Open {
	families := func(name string) bgp.FamilySet {
		return rapid.SampledFrom([]bgp.FamilySet{0, only4, only6, both}).Draw(t, name)
	}
	o := wire.Open{
		ASN:      bgp.ASN(rapid.Uint32Min(1).Draw(t, "asn")),
		HoldTime: rapid.Uint16().Filter(func(h uint16) bool { return h != 1 && h != 2 }).Draw(t, "hold"),
		RouterID: bgp.RouterID(rapid.Uint32Min(1).Draw(t, "id")),
	}
	c := &o.Capabilities
	c.Families = families("families")
	c.Multiprotocol = c.Families != 0
	c.FourOctetAS = rapid.Bool().Draw(t, "as4") || !o.ASN.Fits16()
	c.RouteRefresh = rapid.Bool().Draw(t, "refresh")
	c.EnhancedRefresh = rapid.Bool().Draw(t, "enhanced")
	c.ExtendedMessage = rapid.Bool().Draw(t, "extended")
	c.AddPathSend, c.AddPathReceive = families("add-path send"), families("add-path receive")
	if rapid.Bool().Draw(t, "restart") {
		c.Restart = wire.GracefulRestart{
			Offered: true, Restarting: rapid.Bool().Draw(t, "r"), Notification: rapid.Bool().Draw(t, "n"),
			Time: rapid.Uint16Max(4095).Draw(t, "time"), Families: families("restart families"),
		}
		c.Restart.Forwarding = c.Restart.Families & families("f")
	}
	return o
}

func TestOpensAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOpen(t)
		message, err := o.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		length, typ, fault := wire.ParseHeader(message, wire.MaxMessage)
		if fault != nil || length != len(message) || typ != wire.TypeOpen {
			t.Fatalf("header of %x: %d %s %v", message, length, typ, fault)
		}
		got, n := wire.ParseOpen(message[19:])
		if n != nil {
			t.Fatalf("%v, reading %x", n, message)
		}
		if offer(&got) != offer(&o) {
			t.Fatalf("read as\n%+v, written as\n%+v", offer(&got), offer(&o))
		}
		if again, err := got.Append(nil); err != nil || !bytes.Equal(again, message) {
			t.Fatalf("written again as\n%x (%v), first as\n%x", again, err, message)
		}
	})
}
