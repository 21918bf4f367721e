package wire_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

// packet is a message that brought a BGP speaker down, or a network.
type packet struct {
	id   string
	what string
	typ  wire.Type
	body []byte
	two  bool // from a two-octet peer
	want string
}

// corpus is the publicly known ones that reach a speaker of IPv4 and IPv6 unicast.
// The octets are written after the descriptions. It seeds the fuzz targets, too.
func corpus() []packet {
	l := plain()
	nlri := run("10.0.0.0/24")
	announced := func(types string) string { return "announce 10.0.0.0/24 via 192.0.2.9 with " + types }
	const gone = "withdraw 10.0.0.0/24"
	open := func(id, what, want string, parameters ...byte) packet {
		return packet{id: id, what: what, typ: wire.TypeOpen, body: openBody(parameters...), want: want}
	}
	up := func(id, what, want string, body []byte) packet {
		return packet{id: id, what: what, typ: wire.TypeUpdate, body: body, want: want}
	}
	long := l.with(attr(wellKnown, bgp.AttrASPath, bytes.Repeat(path(sequence(many(255)...)), 10)...))
	return []packet{
		open("CVE-2022-36440", "a four-octet AS capability that begins in one parameter and ends beyond it", "NOTIFICATION 2/0", 6, 2, 3, 65, 4, 0xfc, 0),
		open("CVE-2022-36440", "a scan for the capability runs into a parameter without a length", "NOTIFICATION 2/0", 5, 2, 2, 65, 0, 2),
		open("CVE-2022-40302", "the extended form with half a length", "NOTIFICATION 2/0", 255, 255, 0),
		open("CVE-2022-40318", "the OPEN ends right after a parameter's length", "NOTIFICATION 2/0", 2, 2, 6),
		open("CVE-2022-43681", "the extended form ends right after a parameter's type", "NOTIFICATION 2/0", 255, 255, 0, 1, 2),
		open("CVE-2023-31489", "a long-lived graceful restart capability of a bad length", "OPEN of AS 64512", 6, 2, 4, 71, 2, 0, 1),
		open("CVE-2023-41361", "a software version longer than its capability", "OPEN of AS 64512", 6, 2, 4, 75, 2, 255, 'x'),
		open("CVE-2025-43971, CVE-2025-7464", "a software version of no octets", "OPEN of AS 64512", 4, 2, 2, 75, 0),

		up("CVE-2023-38802", "a corrupt Tunnel Encapsulation is passed on as it is", announced("1 2 3 5 23"),
			update(nil, append(l.octets(), attr(optionalPassed, 23, 0, 7, 255, 255, 1)...), nlri)),
		up("CVE-2023-38283", "an attribute whose length exceeds the list", gone,
			update(nil, append(l.octets(), 0xc0, 8, 200, 0, 0), nlri)),
		up("CVE-2023-4481", "AGGREGATOR of a length that fits neither kind of peer", announced("1 2 3 5"),
			update(nil, append(l.octets(), attr(optionalPassed, bgp.AttrAggregator, 1, 2, 3)...), nlri)),
		up("CVE-2023-40457", "a community list of a length that is not a multiple of four", gone,
			update(nil, append(l.octets(), attr(optionalPassed, bgp.AttrCommunities, 1, 2, 3)...), nlri)),
		up("2 June 2023", "attribute 28, Entropy Label, is passed on as it is", announced("1 2 3 5 28"),
			update(nil, append(l.octets(), attr(optionalPassed, 28, 0)...), nlri)),
		up("20 May 2025", "attribute 40, Prefix-SID, all zero, is passed on as it is", announced("1 2 3 5 40"),
			update(nil, append(l.octets(), attr(optionalPassed, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)...), nlri)),
		up("24 October 2025", "attribute 35, OTC, beside an AS_PATH that lost an octet", gone,
			update(nil, append(l.with([]byte{0x40, 2, 5, 2, 1, 0, 0, 252}).octets(), attr(optionalPassed, 35, 0, 0, 0xfc, 0)...), nlri)),
		up("CVE-2023-41358", "NLRI and no attributes", gone, update(nil, nil, nlri)),
		up("CVE-2023-46753", "NLRI and only an unknown attribute", gone, update(nil, attr(optionalPassed, 99, 1), nlri)),
		up("CVE-2023-47234", "MP_UNREACH_NLRI and NLRI, without the mandatory attributes", "withdraw fd00::/64\n"+gone,
			update(nil, attr(optional, bgp.AttrMPUnreach, unreach(2, 1, run("fd00::/64"))...), nlri)),
		up("CVE-2023-47235", "what would be End-of-RIB but for a malformed attribute", "NOTIFICATION 3/6",
			update(nil, append(attr(optional, bgp.AttrMPUnreach, 0, 2, 1), attr(wellKnown, bgp.AttrOrigin, 9)...), nil)),
		up("CVE-2023-47235", "what would be End-of-RIB but for half an attribute", "NOTIFICATION 3/1",
			update(nil, append(attr(optional, bgp.AttrMPUnreach, 0, 2, 1), 0x40), nil)),
		up("CVE-2023-46752", "MP_REACH_NLRI of three octets", "NOTIFICATION 3/9",
			update(nil, append(attr(optional, bgp.AttrMPReach, 0, 2, 1), l.octets()...), nil)),
		up("CVE-2023-46565", "a fault in a message that has nothing to withdraw", "NOTIFICATION 3/5",
			update(nil, attr(wellKnown, bgp.AttrNextHop, 1), nil)),
		up("CVE-2025-43972", "flow specification of less than its header", announced("1 2 3 5"),
			update(nil, append(l.octets(), attr(optional, bgp.AttrMPReach, 0, 1, 133, 0, 0, 2, 1)...), nlri)),
		up("CVE-2026-30405", "NEXT_HOP of a wrong length", gone,
			update(nil, l.with(attr(wellKnown, bgp.AttrNextHop, 192, 0, 2)).octets(), nlri)),
		up("CVE-2026-30405", "NEXT_HOP of no octets", gone,
			update(nil, l.with(attr(wellKnown, bgp.AttrNextHop)).octets(), nlri)),
		up("CVE-2026-41642", "an unknown attribute that claims to be well-known", gone,
			update(nil, append(l.octets(), attr(wellKnown, 200, 1, 2)...), nlri)),
		{
			id: "CVE-2026-41643", what: "AS4_PATH in front of AS_PATH", typ: wire.TypeUpdate, two: true, want: announced("1 2 3 5"),
			body: update(nil, append(attr(optionalPassed, bgp.AttrAS4Path, path(sequence(1))...), l.with(attr(wellKnown, bgp.AttrASPath, path2(sequence(1, 2))...)).octets()...), nlri),
		},
		{
			id: "CVE-2026-41643", what: "AS4_PATH and no AS_PATH", typ: wire.TypeUpdate, two: true, want: gone,
			body: update(nil, append(attr(optionalPassed, bgp.AttrAS4Path, path(sequence(1))...), l.without(bgp.AttrASPath).octets()...), nlri),
		},
		up("CVE-2026-42285", "lengths that contradict each other beside nothing to withdraw", "NOTIFICATION 3/1",
			update(nil, []byte{0x40, 1, 9, 0}, nil)),
		up("CVE-2026-37462", "withdrawn routes longer than the message", "NOTIFICATION 3/1", []byte{0xff, 0xff, 0, 0}),
		up("CVE-2026-49943", "2,550 ASNs in an extended message", announced("1 2 3 5"), update(nil, long.octets(), nlri)),
		up("CVE-2026-48685", "a prefix of more than 32 bits", "NOTIFICATION 3/10",
			update(nil, l.octets(), []byte{200, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25})),
		up("CVE-2026-48686", "an IPv6 MP_REACH_NLRI that ends within its next hop", "NOTIFICATION 3/9",
			update(nil, append(attr(optional, bgp.AttrMPReach, 0, 2, 1, 32, 0x20, 1), l.octets()...), nil)),
		up("CVE-2026-48687", "an AS_PATH that counts more ASNs than it has", gone,
			update(nil, l.with(attr(wellKnown, bgp.AttrASPath, 2, 255, 0, 0, 252, 0)).octets(), nlri)),
		up("CVE-2026-48691", "an attribute cut within its extended length", gone,
			update(nil, append(l.octets(), 0xd0, 99, 1), nlri)),
		{id: "CVE-2025-59688", what: "a NOTIFICATION", typ: wire.TypeNotification, body: []byte{6, 2}, want: "cease, administrative shutdown (6/2)"},
		{id: "CVE-2025-59688", what: "a NOTIFICATION with a reason longer than itself", typ: wire.TypeNotification, body: []byte{6, 2, 200, 'x'}, want: "cease, administrative shutdown (6/2)"},
		{id: "CVE-2025-59688", what: "a NOTIFICATION that nobody defined", typ: wire.TypeNotification, body: []byte{200, 99, 0, 0}, want: "unknown error (200/99)"},
	}
}

// The reaction is RFC's, the process lives, and the same holds for the octets cut
// anywhere.
func TestPacketsThatBroughtOthersDown(t *testing.T) {
	for _, p := range corpus() {
		t.Run(fmt.Sprintf("%s: %s", p.id, p.what), func(t *testing.T) {
			equal(t, "the reaction is", react(t, p), p.want)
			for end := range p.body {
				cut := p
				cut.body = p.body[:end:end]
				react(t, cut)
			}
		})
	}
}

// react is what a packet leads to, in words. Bodies that ParseHeader refuses are
// not looked at.
func react(t *testing.T, p packet) string {
	body := slices.Clip(bytes.Clone(p.body))
	if _, _, fault := wire.ParseHeader(header(len(body)+19, p.typ), wire.MaxExtendedMessage); fault != nil {
		return fault.Error()
	}
	switch p.typ {
	case wire.TypeOpen:
		o, n := wire.ParseOpen(body)
		if n != nil {
			return fmt.Sprintf("NOTIFICATION %d/%d", n.Code, n.Subcode)
		}
		return "OPEN of AS " + o.ASN.String()
	case wire.TypeNotification:
		return wire.ParseNotification(body).Error()
	}
	d := decoder(true)
	d.FourOctetAS = !p.two
	var batch wire.Batch
	faults := d.Update(body, &batch)
	if w := worst(faults); w.Consequence == wire.ResetSession {
		n := w.Notification()
		return fmt.Sprintf("NOTIFICATION %d/%d", n.Code, n.Subcode)
	}
	return words(t, &batch)
}
