package wire_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

// What a well-formed UPDATE says, in words.
func TestUpdatesSayWhatTheySay(t *testing.T) {
	mp := func(value []byte) []byte { return attr(optional, bgp.AttrMPReach, value...) }
	mpGone := func(value []byte) []byte { return attr(optional, bgp.AttrMPUnreach, value...) }
	noHop := plain().without(bgp.AttrNextHop)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name     string
		families bgp.FamilySet
		body     []byte
		want     string
	}{
		{
			"IPv4 routes", both, update(nil, plain().octets(), run("10.0.0.1/32", "10.0.0.0/31", "0.0.0.0/0")),
			"announce 10.0.0.1/32 10.0.0.0/31 0.0.0.0/0 via 192.0.2.9 with 1 2 3 5",
		},
		{
			"IPv6 routes", both, update(nil, join(reach6("fd00::1/128", "::/0", "fd00::/61"), noHop.octets()), nil),
			"announce fd00::1/128 ::/0 fd00::/61 via 2001:db8::9 with 1 2 5",
		},
		{
			"IPv6 routes with MP_REACH_NLRI at the end", both, update(nil, join(noHop.octets(), reach6("fd00::/64")), nil),
			"announce fd00::/64 via 2001:db8::9 with 1 2 5",
		},
		{
			"withdrawals of IPv4", both, update(run("10.0.0.0/24", "10.0.1.0/24"), nil, nil),
			"withdraw 10.0.0.0/24 10.0.1.0/24",
		},
		{
			"withdrawals of IPv6", both, update(nil, mpGone(unreach(2, 1, run("fd00::/64"))), nil),
			"withdraw fd00::/64",
		},
		{
			"withdrawals of IPv4 in MP_UNREACH_NLRI", both, update(nil, mpGone(unreach(1, 1, run("10.0.0.0/24"))), nil),
			"withdraw 10.0.0.0/24",
		},
		{
			"withdrawals with attributes that say nothing", both, update(run("10.0.0.0/24"), plain().octets(), nil),
			"withdraw 10.0.0.0/24",
		},
		{
			"a prefix in withdrawn routes and NLRI is announced (RFC 4271 §4.3)", both,
			update(run("10.0.0.0/24"), plain().octets(), run("10.0.0.0/24")),
			"withdraw 10.0.0.0/24\nannounce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5",
		},
		{
			"a prefix in MP_UNREACH_NLRI and MP_REACH_NLRI is announced, in whatever order they stand", both,
			update(nil, join(reach6("fd00::/64"), mpGone(unreach(2, 1, run("fd00::/64"))), noHop.octets()), nil),
			"withdraw fd00::/64\nannounce fd00::/64 via 2001:db8::9 with 1 2 5",
		},
		{
			"a prefix in MP_UNREACH_NLRI and NLRI is announced", both,
			update(nil, join(mpGone(unreach(1, 1, run("10.0.0.0/24"))), plain().octets()), run("10.0.0.0/24")),
			"withdraw 10.0.0.0/24\nannounce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5",
		},
		{
			"all four fields at once", both,
			update(run("10.9.0.0/16"), join(mpGone(unreach(2, 1, run("fd99::/16"))), plain().octets(), reach6("fd00::/64")), run("10.0.0.0/24")),
			"withdraw 10.9.0.0/16\nwithdraw fd99::/16\nannounce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5\nannounce fd00::/64 via 2001:db8::9 with 1 2 5",
		},
		{
			"IPv4 in MP_REACH_NLRI is passed on with NEXT_HOP", both,
			update(nil, join(mp(reach(1, 1, ip("192.0.2.7"), run("10.0.0.0/24"))), noHop.octets()), nil),
			"announce 10.0.0.0/24 via 192.0.2.7 with 1 2 3 5",
		},
		{
			"IPv4 in NLRI and in MP_REACH_NLRI keep a next hop each", both,
			update(nil, join(mp(reach(1, 1, ip("192.0.2.7"), run("10.1.0.0/24"))), plain().octets()), run("10.0.0.0/24")),
			"announce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5\nannounce 10.1.0.0/24 via 192.0.2.7 with 1 2 3 5",
		},
		{
			"NEXT_HOP beside MP_REACH_NLRI is not for its routes (RFC 4760 §3)", both,
			update(nil, join(reach6("fd00::/64"), plain().octets()), nil),
			"announce fd00::/64 via 2001:db8::9 with 1 2 5",
		},
		{
			"a NEXT_HOP that nobody could use does no harm beside MP_REACH_NLRI", both,
			update(nil, join(reach6("fd00::/64"), plain().with(attr(wellKnown, bgp.AttrNextHop, 0, 0, 0, 0)).octets()), nil),
			"announce fd00::/64 via 2001:db8::9 with 1 2 5",
		},
		{
			"of two IPv6 next hops the global one counts (RFC 2545 §3)", both,
			update(nil, join(mp(reach(2, 1, join(ip("2001:db8::9"), ip("fe80::1")), run("fd00::/64"))), noHop.octets()), nil),
			"announce fd00::/64 via 2001:db8::9 with 1 2 5",
		},
		{
			"the reserved octet of MP_REACH_NLRI is ignored (RFC 4760 §3)", both,
			update(nil, join(mp(join([]byte{0, 2, 1, 16}, ip("2001:db8::9"), []byte{0xff}, run("fd00::/64"))), noHop.octets()), nil),
			"announce fd00::/64 via 2001:db8::9 with 1 2 5",
		},
		{
			"an MP_REACH_NLRI without NLRI announces nothing", both, update(nil, join(reach6(), noHop.octets()), nil),
			"",
		},
		{
			"bits beyond the prefix are irrelevant (RFC 4271 §4.3)", both,
			update(nil, join(mp(reach(2, 1, ip("2001:db8::9"), []byte{9, 0xfd, 0xff, 65, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0xff})), plain().octets()), []byte{20, 10, 1, 0xff, 1, 0xff}),
			"announce 10.1.240.0/20 128.0.0.0/1 via 192.0.2.9 with 1 2 3 5\nannounce fd80::/9 fd00::8000:0:0:0/65 via 2001:db8::9 with 1 2 5",
		},
		{
			"no LOCAL_PREF means the default, which internal peers are told (RFC 4271 §5.1.5)", both,
			update(nil, plain().without(bgp.AttrLocalPref).octets(), run("10.0.0.0/24")),
			"announce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5",
		},
		{"End-of-RIB of IPv4 (RFC 4724 §2)", both, update(nil, nil, nil), "end of ipv4"},
		{"End-of-RIB of IPv6 (RFC 4724 §2)", both, update(nil, mpGone(unreach(2, 1, nil)), nil), "end of ipv6"},
		{"End-of-RIB of IPv6 with extended length", both, update(nil, attr(optional|extended, bgp.AttrMPUnreach, 0, 2, 1), nil), "end of ipv6"},
		{"End-of-RIB of IPv4 in MP_UNREACH_NLRI", both, update(nil, mpGone(unreach(1, 1, nil)), nil), "end of ipv4"},
		{"End-of-RIB of a family that was not negotiated", only6, update(nil, nil, nil), ""},
		{"End-of-RIB of a family that we don't carry", both, update(nil, mpGone(unreach(25, 70, nil)), nil), ""},
		{"an empty MP_UNREACH_NLRI with another attribute is no End-of-RIB", both, update(nil, join(mpGone(unreach(2, 1, nil)), plain()[0]), nil), ""},
		{"an empty MP_UNREACH_NLRI with an unknown attribute is no End-of-RIB", both, update(nil, join(attr(optional, 99), mpGone(unreach(2, 1, nil))), nil), ""},
		{"an empty MP_UNREACH_NLRI with withdrawn routes is no End-of-RIB", both, update(run("10.0.0.0/24"), mpGone(unreach(2, 1, nil)), nil), "withdraw 10.0.0.0/24"},
		{
			"IPv4 that was not negotiated is ignored", only6,
			update(run("10.9.0.0/16"), join(reach6("fd00::/64"), plain().octets()), run("10.0.0.0/24")),
			"announce fd00::/64 via 2001:db8::9 with 1 2 5",
		},
		{
			"IPv6 that was not negotiated is ignored (RFC 4760 §6)", only4,
			update(nil, join(reach6("fd00::/64"), mpGone(unreach(2, 1, run("fd01::/64"))), plain().octets()), run("10.0.0.0/24")),
			"announce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5",
		},
		{
			"a family that we don't carry is ignored, whatever its NLRI look like", both,
			update(nil, join(mp(reach(25, 70, ip("192.0.2.9"), []byte{255, 255, 255})), mpGone(unreach(1, 128, []byte{200})), plain().octets()), run("10.0.0.0/24")),
			"announce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5",
		},
		{
			"multicast of a family that we carry is another family", both,
			update(nil, join(mp(reach(2, 2, ip("2001:db8::9"), run("fd00::/64"))), noHop.octets()), nil),
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decoder(true)
			d.Families = c.families
			var batch wire.Batch
			if faults := d.Update(c.body, &batch); len(faults) > 0 {
				t.Fatalf("faults: %s", texts(faults))
			}
			equal(t, "the batch says", words(t, &batch), c.want)
		})
	}
}

// RFC 4271 §6.3: a next hop that means nothing costs the routes that use it, never
// the session.
func TestNextHopsThatNobodyCanUse(t *testing.T) {
	own6 := netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		hop    string
		usable bool
		local  netip.Addr
	}{
		{"192.0.2.9", true, us},
		{"169.254.0.9", true, us}, // unnumbered links use them
		{"223.255.255.255", true, us},
		{"0.0.0.0", false, us},
		{"0.0.0.1", false, us},
		{"127.0.0.1", false, us},
		{"224.0.0.1", false, us},
		{"239.1.2.3", false, us},
		{"240.0.0.1", false, us},
		{"255.255.255.255", false, us},
		{"192.0.2.1", false, us},
		{"192.0.2.1", true, own6},
		{"2001:db8::9", true, own6},
		{"fd00::9", true, own6},
		{"::", false, own6},
		{"::1", false, own6},
		{"ff02::1", false, own6},
		{"fe80::1", false, own6},
		{"febf::1", false, own6},
		{"::ffff:192.0.2.9", false, own6},
		{"2001:db8::1", false, own6},
		{"2001:db8::1", true, us},
	} {
		for _, internal := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s on a session of %s, internal %t", c.hop, c.local, internal), func(t *testing.T) {
				hop := netip.MustParseAddr(c.hop)
				body, prefix, typ := update(nil, plain().with(attr(wellKnown, bgp.AttrNextHop, hop.AsSlice()...)).octets(), run("10.0.0.0/24")), "10.0.0.0/24", bgp.AttrNextHop
				if hop.Is6() {
					mp := attr(optional, bgp.AttrMPReach, reach(2, 1, hop.AsSlice(), run("fd00::/64"))...)
					body, prefix, typ = update(nil, append(mp, plain().octets()...), nil), "fd00::/64", bgp.AttrMPReach
				}
				d := decoder(internal)
				d.Local = c.local
				var batch wire.Batch
				faults := d.Update(body, &batch)
				if c.usable {
					if len(faults) > 0 || len(batch.Items) != 1 || batch.Items[0].Kind != wire.Announced || batch.Attrs[0].NextHop != hop {
						t.Fatalf("faults %s, batch %s", texts(faults), words(t, &batch))
					}
					return
				}
				if len(faults) != 1 || faults[0].Consequence != wire.TreatAsWithdraw || faults[0].Subcode != 8 || faults[0].Attr != typ {
					t.Errorf("faults are %+v", faults)
				}
				equal(t, "the batch says", words(t, &batch), "withdraw "+prefix)
			})
		}
	}
}

// RFC 4271 §6.3: a prefix that makes no sense in a unicast table is ignored; what
// stands beside it is not.
func TestPrefixesThatAreNotUnicastAreIgnored(t *testing.T) {
	const via4, via6 = " via 192.0.2.9 with 1 2 3 5", " via 2001:db8::9 with 1 2 5"
	for _, c := range []struct {
		name string
		nlri []byte
		six  bool
		want string
	}{
		{"multicast among others", run("10.0.0.0/24", "224.0.0.0/4", "239.1.2.3/32", "10.0.1.0/24"), false, "announce 10.0.0.0/24 10.0.1.0/24" + via4},
		{"nothing but multicast", run("224.0.0.5/32"), false, ""},
		{"what lies around multicast", run("223.255.255.0/24", "240.0.0.0/4", "255.255.255.255/32", "224.0.0.0/3", "0.0.0.0/0"), false, "announce 223.255.255.0/24 240.0.0.0/4 255.255.255.255/32 224.0.0.0/3 0.0.0.0/0" + via4},
		{"multicast and link-local among others", run("ff02::1/128", "fd00::/64", "fe80::1/128", "febf::/16", "ff00::/8"), true, "announce fd00::/64" + via6},
		{"nothing but link-local", run("fe80::/10"), true, ""},
		{"what lies around them", run("fe00::/9", "fec0::/10", "fe80::/9", "fe00::/7", "fdff::/16"), true, "announce fe00::/9 fec0::/10 fe80::/9 fe00::/7 fdff::/16" + via6},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := update(run("10.9.0.0/16"), plain().octets(), c.nlri)
			if c.six {
				body = update(run("10.9.0.0/16"), append(attr(optional, bgp.AttrMPReach, reach(2, 1, ip("2001:db8::9"), c.nlri)...), plain().octets()...), nil)
			}
			var batch wire.Batch
			faults := decoder(true).Update(body, &batch)
			equal(t, "the batch says", words(t, &batch), strings.TrimSpace("withdraw 10.9.0.0/16\n"+c.want))
			if ignored := len(faults) > 0; ignored == strings.HasPrefix(c.name, "what lies") || (ignored && (len(faults) > 1 || faults[0].Subcode != 10)) {
				t.Errorf("faults are %s", texts(faults))
			}
		})
	}
	// Withdrawing one is harmless, whoever does it.
	var batch wire.Batch
	if faults := decoder(true).Update(update(run("224.0.0.0/4"), nil, nil), &batch); len(faults) > 0 {
		t.Errorf("faults are %s", texts(faults))
	}
}

// One bad next hop of two takes only its own routes.
func TestANextHopIsJudgedForItsFamilyAlone(t *testing.T) {
	var batch wire.Batch
	bad := plain().with(attr(wellKnown, bgp.AttrNextHop, 0, 0, 0, 0)).octets()
	faults := decoder(true).Update(update(nil, append(reach6("fd00::/64"), bad...), run("10.0.0.0/24")), &batch)
	equal(t, "the batch says", words(t, &batch), "withdraw 10.0.0.0/24\nannounce fd00::/64 via 2001:db8::9 with 1 2 5")
	equal(t, "the faults are", texts(faults), "NEXT_HOP: next hop is the unspecified address (treat-as-withdraw)")
}

// RFC 4271 §5: what we don't know is passed on or dropped as its flags say.
func TestUnknownAttributes(t *testing.T) {
	for _, c := range []struct {
		name  string
		attr  []byte
		want  []byte // as passed on; nil: not at all
		fault wire.Consequence
	}{
		{"optional transitive: kept, with Partial", attr(optionalPassed, 99, 1, 2, 3), attr(optionalPassed|partial, 99, 1, 2, 3), 0},
		{"optional transitive, Partial before: kept", attr(optionalPassed|partial, 99, 1), attr(optionalPassed|partial, 99, 1), 0},
		{"optional transitive and empty: kept", attr(optionalPassed, 99), attr(optionalPassed|partial, 99), 0},
		{"optional transitive with extended length: kept so", attr(optionalPassed|extended, 99, 1), attr(optionalPassed|partial|extended, 99, 1), 0},
		{"optional transitive of 300 octets: kept", attr(optionalPassed, 99, make([]byte, 300)...), attr(optionalPassed|partial, 99, make([]byte, 300)...), 0},
		{"optional transitive with bits that are not defined: kept without them", attr(optionalPassed|0x0f, 99, 1), attr(optionalPassed|partial, 99, 1), 0},
		{"optional transitive of type 0, which is reserved: kept", attr(optionalPassed, 0, 1), attr(optionalPassed|partial, 0, 1), 0},
		{"optional transitive of type 255: kept", attr(optionalPassed, 255, 1), attr(optionalPassed|partial, 255, 1), 0},
		{"optional and not transitive: dropped", attr(optional, 99, 1, 2, 3), nil, 0},
		{"optional and not transitive, as AIGP: dropped", attr(optional, 26, 1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 10), nil, 0},
		// RFC 4271 §6.3 would reset the session. One route is enough to pay.
		{"well-known: treat-as-withdraw", attr(wellKnown, 99, 1), nil, wire.TreatAsWithdraw},
		{"well-known and not transitive, which is nothing: treat-as-withdraw", attr(0, 99, 1), nil, wire.TreatAsWithdraw},
	} {
		for _, internal := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, internal %t", c.name, internal), func(t *testing.T) {
				var batch wire.Batch
				faults := decoder(internal).Update(update(nil, append(plain().octets(), c.attr...), run("10.0.0.0/24")), &batch)
				if got := worst(faults); got.Consequence != c.fault || (c.fault > 0 && got.Subcode != 2) {
					t.Fatalf("faults: %s", texts(faults))
				}
				if c.fault > 0 {
					equal(t, "the batch says", words(t, &batch), "withdraw 10.0.0.0/24")
					return
				}
				kept := held(t, &batch.Attrs[0], bgp.AttrType(c.attr[1]))
				if (kept == nil) != (c.want == nil) {
					t.Fatalf("kept is %v", kept)
				}
				if kept != nil && !bytes.Contains(append(batch.Attrs[0].Before, batch.Attrs[0].After...), c.want) {
					t.Errorf("passed on is %+v, want %x", kept, c.want)
				}
			})
		}
	}
}

// Flag bits that mean nothing are ignored when received and zero when sent (RFC
// 4271 §4.3): a peer behind us must not reset over them.
func TestFlagsWithoutAMeaningAreNotPassedOn(t *testing.T) {
	l := list{
		attr(wellKnown|partial|0x0f, bgp.AttrOrigin, 0),
		attr(wellKnown|partial|extended|0x01, bgp.AttrASPath, path(sequence(64601))...),
		attr(wellKnown|partial, bgp.AttrNextHop, 192, 0, 2, 9),
		attr(optional|partial, bgp.AttrMED, 0, 0, 0, 1),
		attr(wellKnown|0x08, bgp.AttrLocalPref, 0, 0, 0, 100),
		attr(optionalPassed|partial|0x02, bgp.AttrCommunities, 252, 0, 0, 1),
	}
	want := list{
		attr(wellKnown, bgp.AttrOrigin, 0),
		attr(wellKnown|extended, bgp.AttrASPath, path(sequence(64601))...),
		attr(wellKnown, bgp.AttrNextHop, 192, 0, 2, 9),
		attr(optional, bgp.AttrMED, 0, 0, 0, 1),
		attr(wellKnown, bgp.AttrLocalPref, 0, 0, 0, 100),
		attr(optionalPassed|partial, bgp.AttrCommunities, 252, 0, 0, 1),
	}
	var batch wire.Batch
	if faults := decoder(true).Update(update(nil, l.octets(), run("10.0.0.0/24")), &batch); len(faults) > 0 {
		t.Fatal(texts(faults))
	}
	if got := batch.Attrs[0].Before; !bytes.Equal(got, want.octets()) {
		t.Errorf("passed on is\n%x, want\n%x", got, want.octets())
	}
}

// The fields that the decision asks.
func TestAttributesInNumbers(t *testing.T) {
	l := plain().
		with(attr(wellKnown, bgp.AttrOrigin, 2)).
		with(attr(wellKnown, bgp.AttrASPath, path(sequence(4200000001, 2, 2), sequence(3, 4))...)).
		with(attr(optional, bgp.AttrMED, 0, 0, 1, 0)).
		with(attr(wellKnown, bgp.AttrLocalPref, 0, 0, 0, 250)).
		with(attr(optional, bgp.AttrOriginatorID, 10, 0, 0, 7)).
		with(attr(optional, bgp.AttrClusterList, 10, 0, 0, 1, 10, 0, 0, 2))
	var batch wire.Batch
	if faults := decoder(true).Update(update(nil, l.octets(), run("10.0.0.0/24")), &batch); len(faults) > 0 {
		t.Fatal(texts(faults))
	}
	a := batch.Attrs[0]
	if a.Origin != bgp.OriginIncomplete || a.ASPathLength != 5 || a.NeighborAS != 4200000001 ||
		!a.HasMED || a.MED != 256 || !a.HasLocalPref || a.LocalPref != 250 ||
		a.Originator != 0x0a000007 || !bytes.Equal(a.Clusters, []byte{10, 0, 0, 1, 10, 0, 0, 2}) {
		t.Errorf("attributes are %+v", a)
	}
	if held(t, &a, bgp.AttrOriginatorID) != nil || held(t, &a, bgp.AttrClusterList) != nil {
		t.Error("what the reflector changes stands among what it does not")
	}
}

// RFC 4271 §9.1.2.2 a, RFC 5065 §5.3.
func TestLengthAndNeighborOfPaths(t *testing.T) {
	for _, c := range []struct {
		name     string
		path     []byte
		length   uint16
		neighbor bgp.ASN
	}{
		{"an empty path", nil, 0, 0},
		{"a sequence", path(sequence(1, 2, 3)), 3, 1},
		{"confederation segments count nothing", path(confedSequence(7, 8), confedSequence(9), sequence(1, 2)), 2, 1},
		{"a path within the confederation", path(confedSequence(7, 8)), 0, 0},
		{"255 ASNs and some", path(sequence(many(255)...), sequence(many(100)...)), 355, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var batch wire.Batch
			l := plain().with(attr(wellKnown, bgp.AttrASPath, c.path...))
			if faults := decoder(true).Update(update(nil, l.octets(), run("10.0.0.0/24")), &batch); len(faults) > 0 {
				t.Fatal(texts(faults))
			}
			if a := batch.Attrs[0]; a.ASPathLength != c.length || a.NeighborAS != c.neighbor {
				t.Errorf("length %d, neighbour %s", a.ASPathLength, a.NeighborAS)
			}
		})
	}
}

func many(n int) []uint32 {
	asns := make([]uint32, n)
	for i := range asns {
		asns[i] = uint32(i) + 1
	}
	return asns
}

// RFC 5065 §5: confederation segments stay within a confederation.
func TestConfederationSegmentsFromOutsideAreMalformed(t *testing.T) {
	for _, segments := range [][]byte{
		path(confedSequence(7)), path(confedSequence(7), sequence(1)), path(sequence(1), confedSequence(7)),
	} {
		l := plain().with(attr(wellKnown, bgp.AttrASPath, segments...))
		var batch wire.Batch
		faults := decoder(false).Update(update(nil, l.octets(), run("10.0.0.0/24")), &batch)
		if got := worst(faults); got.Consequence != wire.TreatAsWithdraw || got.Subcode != 11 {
			t.Errorf("external, %x: %s", segments, texts(faults))
		}
		batch.Reset()
		if faults := decoder(true).Update(update(nil, l.octets(), run("10.0.0.0/24")), &batch); len(faults) > 0 {
			t.Errorf("internal, %x: %s", segments, texts(faults))
		}
	}
}

func TestHasASLooksIntoEverySegment(t *testing.T) {
	l := plain().with(attr(wellKnown|extended, bgp.AttrASPath, path(confedSequence(7), sequence(1, 2), sequence(3, 4200000001))...))
	var batch wire.Batch
	if faults := decoder(true).Update(update(nil, l.octets(), run("10.0.0.0/24")), &batch); len(faults) > 0 {
		t.Fatal(texts(faults))
	}
	for asn, want := range map[bgp.ASN]bool{7: true, 1: true, 2: true, 3: true, 4200000001: true, 4: false, 0: false, 23456: false} {
		if got := wire.HasAS(&batch.Attrs[0], asn); got != want {
			t.Errorf("AS %s in the path: %t", asn, got)
		}
	}
	for name, attrs := range map[string]bgp.Attrs{
		"no attributes": {}, "no AS_PATH": {Before: attr(wellKnown, bgp.AttrOrigin, 0)},
		"a list cut short": {Before: []byte{0x40, 2}}, "a path cut short": {Before: attr(wellKnown, bgp.AttrASPath, 2, 3, 0, 0)},
	} {
		if wire.HasAS(&attrs, 1) {
			t.Errorf("%s has AS 1", name)
		}
	}
}

// A batch holds what several messages said, in order.
func TestABatchTakesManyMessages(t *testing.T) {
	d := decoder(true)
	var batch wire.Batch
	for _, body := range [][]byte{
		update(nil, plain().octets(), run("10.0.0.0/24")),
		update(nil, append(plain().octets(), 0x40), run("10.0.1.0/24")), // overrun
		update(nil, nil, []byte{99}),                                    // reset: adds nothing
		update(run("10.0.0.0/24"), nil, nil),
		update(nil, append(reach6("fd00::/64"), plain().octets()...), nil),
		update(nil, nil, nil),
	} {
		d.Update(body, &batch)
	}
	equal(t, "the batch says", words(t, &batch), `announce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5
withdraw 10.0.1.0/24
withdraw 10.0.0.0/24
announce fd00::/64 via 2001:db8::9 with 1 2 5
end of ipv4`)
	batch.Reset()
	if len(batch.Items)+len(batch.Attrs) != 0 {
		t.Error("a batch that was reset is not empty")
	}
}

func TestFaultsInWords(t *testing.T) {
	for _, c := range []struct {
		fault wire.Malformed
		want  string
	}{
		{wire.Malformed{Consequence: wire.DiscardAttribute, Attr: bgp.AttrAggregator, Text: "malformed"}, "AGGREGATOR: malformed (attribute discard)"},
		{wire.Malformed{Consequence: wire.TreatAsWithdraw, Attr: 99, Text: "unknown"}, "attribute 99: unknown (treat-as-withdraw)"},
		{wire.Malformed{Consequence: wire.ResetSession, Text: "too short"}, "UPDATE: too short (session reset)"},
		{wire.Malformed{Text: "nothing"}, "UPDATE: nothing (none)"},
	} {
		equal(t, "the fault reads", c.fault.Error(), c.want)
	}
	data := []byte{1, 2, 3}
	m := wire.Malformed{Consequence: wire.ResetSession, Subcode: 9, Data: data}
	n := m.Notification()
	data[0] = 9 // the batch is read into again
	if n.Code != bgp.CodeUpdate || n.Subcode != 9 || !bytes.Equal(n.Data, []byte{1, 2, 3}) {
		t.Errorf("NOTIFICATION is %+v", n)
	}
}
