package bgp_test

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
)

// Parsing and printing are inverse: what is printed is read as the same value, and
// what is read is printed as it is usually written.
func TestWhatIsPrintedIsReadAsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asn := bgp.ASN(rapid.Uint32Min(1).Draw(t, "asn"))
		if got, err := bgp.ParseASN(asn.String()); err != nil || got != asn {
			t.Fatalf("AS %d is read as %d (%v)", asn, got, err)
		}
		id := rapid.Uint32Min(1).Draw(t, "identifier")
		if got, err := bgp.ParseRouterID(bgp.RouterID(id).String()); err != nil || got != bgp.RouterID(id) {
			t.Fatalf("router ID %#x is read as %#x (%v)", id, got, err)
		}
		if got, err := bgp.ParseClusterID(bgp.ClusterID(id).String()); err != nil || got != bgp.ClusterID(id) {
			t.Fatalf("cluster ID %#x is read as %#x (%v)", id, got, err)
		}
		c := bgp.LargeCommunity{
			Global: rapid.Uint32().Draw(t, "global"), Local1: rapid.Uint32().Draw(t, "local 1"), Local2: rapid.Uint32().Draw(t, "local 2"),
		}
		if got, err := bgp.ParseLargeCommunity(c.String()); err != nil || got != c {
			t.Fatalf("large community %v is read as %v (%v)", c, got, err)
		}
	})
	for _, f := range bgp.Families {
		if got, err := bgp.ParseFamily(f.String()); err != nil || got != f {
			t.Errorf("%s is read as %s (%v)", f, got, err)
		}
	}
}

func TestASNumbers(t *testing.T) {
	for text, want := range map[string]bgp.ASN{"1": 1, "23456": bgp.ASTrans, "65535": 65535, "65536": 65536, "4294967295": 4294967295} {
		if got, err := bgp.ParseASN(text); err != nil || got != want || got.String() != text || got.Fits16() != (want <= 65535) {
			t.Errorf("%q is read as %d (%v)", text, got, err)
		}
	}
	// RFC 7607 for 0; RFC 5396's asdot is not what the files have.
	for _, text := range []string{"", "0", "00", "-1", "+1", "4294967296", "1.1", "AS64512", " 64512", "64512 ", "0x10", "1_000", "６４"} {
		if got, err := bgp.ParseASN(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	if id, err := bgp.ParseRouterID("192.0.2.1"); err != nil || id != 0xc0000201 {
		t.Errorf("192.0.2.1 is read as %#x (%v)", id, err)
	}
	// RFC 6286 §2.1 wants four octets that are not zero, an address or not.
	if id, err := bgp.ParseClusterID("255.255.255.255"); err != nil || id != 0xffffffff {
		t.Errorf("255.255.255.255 is read as %#x (%v)", id, err)
	}
	for _, text := range []string{"", "0.0.0.0", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "::1", "::ffff:1.2.3.4", "1.2.3.4%eth0", "1.2.3.4/32", " 1.2.3.4"} {
		if id, err := bgp.ParseRouterID(text); err == nil {
			t.Errorf("router ID %q is read as %s", text, id)
		}
		if id, err := bgp.ParseClusterID(text); err == nil {
			t.Errorf("cluster ID %q is read as %s", text, id)
		}
	}
}

func TestLargeCommunities(t *testing.T) {
	for _, text := range []string{"", "1", "1:2", "1:2:3:4", "1:2:", ":1:2", "1::2", "1:2:x", "1:2:-3", "1:2:4294967296", "1:2:3 ", "1: 2:3", "1:2:+3"} {
		if got, err := bgp.ParseLargeCommunity(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestCommunitiesInWords(t *testing.T) {
	for c, want := range map[bgp.Community]string{
		0: "0:0", 0xfc000007: "64512:7", 0xffff0000: "graceful-shutdown", 0xffffff01: "no-export", 0xffffff02: "no-advertise",
		0xffffff03: "no-export-subconfed", 0xffffff04: "65535:65284", 0xffffffff: "65535:65535",
	} {
		if got := c.String(); got != want {
			t.Errorf("community %#08x is %q, want %q", uint32(c), got, want)
		}
	}
}

func TestFamilies(t *testing.T) {
	for _, c := range []struct {
		afi  uint16
		safi uint8
		want bgp.Family
	}{
		{1, 1, bgp.IPv4Unicast}, {2, 1, bgp.IPv6Unicast}, {0, 1, 0}, {3, 1, 0}, {1, 0, 0}, {1, 2, 0}, {2, 128, 0}, {25, 70, 0}, {257, 1, 0}, {0xffff, 1, 0},
	} {
		got, ok := bgp.FamilyFrom(c.afi, c.safi)
		if got != c.want || ok != (c.want != 0) {
			t.Errorf("AFI %d, SAFI %d is %s (%t)", c.afi, c.safi, got, ok)
		}
		if ok && (got.AFI() != c.afi || got.SAFI() != c.safi) {
			t.Errorf("%s is AFI %d, SAFI %d", got, got.AFI(), got.SAFI())
		}
	}
	for text, want := range map[string]bgp.Family{
		"192.0.2.1": bgp.IPv4Unicast, "2001:db8::1": bgp.IPv6Unicast, "fe80::1%eth0": bgp.IPv6Unicast, "::ffff:192.0.2.1": bgp.FamilyInvalid,
	} {
		if got := bgp.FamilyOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is of family %s", text, got)
		}
	}
	if got := bgp.FamilyOf(netip.Addr{}); got != bgp.FamilyInvalid {
		t.Errorf("no address is of family %s", got)
	}
	for _, text := range []string{"", "IPv4", "ipv5", "family(0)", "ipv4+ipv6", "none"} {
		if got, err := bgp.ParseFamily(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
	if got := bgp.FamilyInvalid.String(); got != "family(0)" {
		t.Errorf("no family is %q", got)
	}
}

func TestSetsOfFamilies(t *testing.T) {
	four, six := bgp.FamiliesOf(bgp.IPv4Unicast), bgp.FamiliesOf(bgp.IPv6Unicast)
	for set, want := range map[bgp.FamilySet]string{0: "none", four: "ipv4", six: "ipv6", four | six: "ipv4+ipv6"} {
		if got := set.String(); got != want {
			t.Errorf("set is %q, want %q", got, want)
		}
	}
	if !four.Has(bgp.IPv4Unicast) || four.Has(bgp.IPv6Unicast) || (four | six).Has(bgp.FamilyInvalid) || bgp.FamiliesOf(bgp.FamilyInvalid).Has(bgp.FamilyInvalid) {
		t.Error("a set has what it should not, or lacks what it should have")
	}
	if bgp.FamiliesOf(bgp.IPv6Unicast, bgp.IPv4Unicast, bgp.IPv6Unicast) != four|six {
		t.Error("order or repetition make another set")
	}
}

func TestAttributesHaveNames(t *testing.T) {
	for typ, want := range map[bgp.AttrType]string{
		1: "ORIGIN", 2: "AS_PATH", 3: "NEXT_HOP", 4: "MULTI_EXIT_DISC", 5: "LOCAL_PREF", 6: "ATOMIC_AGGREGATE", 7: "AGGREGATOR", 8: "COMMUNITIES",
		9: "ORIGINATOR_ID", 10: "CLUSTER_LIST", 14: "MP_REACH_NLRI", 15: "MP_UNREACH_NLRI", 16: "EXTENDED_COMMUNITIES", 17: "AS4_PATH",
		18: "AS4_AGGREGATOR", 25: "IPV6_EXTENDED_COMMUNITIES", 32: "LARGE_COMMUNITIES", 0: "attribute 0", 99: "attribute 99", 255: "attribute 255",
	} {
		if got := typ.String(); got != want {
			t.Errorf("attribute %d is %q, want %q", uint8(typ), got, want)
		}
	}
	for origin, want := range map[bgp.Origin]string{0: "igp", 1: "egp", 2: "incomplete", 3: "origin(3)", 255: "origin(255)"} {
		if got := origin.String(); got != want {
			t.Errorf("origin %d is %q, want %q", uint8(origin), got, want)
		}
	}
}
