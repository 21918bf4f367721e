package wire_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/peering/wire"
)

const trans = uint32(bgp.ASTrans)

// twoOctet is the decoder of an internal peer without four-octet ASNs.
func twoOctet() *wire.Decoder {
	d := decoder(true)
	d.FourOctetAS = false
	return d
}

// RFC 6793 §4.2.3: what a two-octet peer says of a path, in two attributes, is one.
func TestPathsOfTwoOctetPeers(t *testing.T) {
	const big1, big2, big3 = 4200000001, 4200000002, 4200000003
	for _, c := range []struct {
		name   string
		path   []byte // two octets each
		as4    []byte // AS4_PATH; nil: none
		want   []byte
		length uint16
		first  bgp.ASN
		fault  wire.Consequence
	}{
		{"no AS4_PATH", path2(sequence(1, 2)), nil, path(sequence(1, 2)), 2, 1, 0},
		{"no AS4_PATH, though AS_TRANS stands for somebody", path2(sequence(1, trans)), nil, path(sequence(1, trans)), 2, 1, 0},
		{"an empty path", nil, nil, nil, 0, 0, 0},
		{"both as long", path2(sequence(trans, trans)), path(sequence(big1, big2)), path(sequence(big1, big2)), 2, big1, 0},
		{
			"AS_PATH longer: two-octet speakers prepended themselves", path2(sequence(1, 2, trans, trans)), path(sequence(big1, big2)),
			path(sequence(1, 2), sequence(big1, big2)), 4, 1, 0,
		},
		{"AS4_PATH longer: it is ignored", path2(sequence(trans)), path(sequence(big1, big2)), path(sequence(trans)), 1, bgp.ASTrans, 0},
		{"AS4_PATH beside an empty path: it is ignored", nil, path(sequence(big1)), nil, 0, 0, 0},
		{
			"several segments, the cut within one", path2(sequence(1, 2), sequence(3, trans), sequence(trans)), path(sequence(big1, big2)),
			path(sequence(1, 2), sequence(3), sequence(big1, big2)), 5, 1, 0,
		},
		{
			"confederation segments in front are kept", path2(confedSequence(7), sequence(trans)), path(sequence(big1)),
			path(confedSequence(7), sequence(big1)), 1, big1, 0,
		},
		{
			"confederation segments beside what is prepended are kept", path2(confedSequence(6), confedSequence(7), sequence(1), sequence(trans)), path(sequence(big1)),
			path(confedSequence(6), confedSequence(7), sequence(1), sequence(big1)), 2, 1, 0,
		},
		{
			"a confederation segment behind a segment cut in two is not put before its rest", path2(sequence(1, trans), confedSequence(7)), path(sequence(big1)),
			path(sequence(1), sequence(big1)), 2, 1, 0,
		},
		{
			"confederation segments in AS4_PATH are dropped (§6)", path2(sequence(1, trans)), path(confedSequence(big3), sequence(big1), confedSequence(big2)),
			path(sequence(1), sequence(big1)), 2, 1, 0,
		},
		{"an AS4_PATH of nothing else says nothing", path2(sequence(1, 2)), path(confedSequence(big3)), path(sequence(1, 2)), 2, 1, 0},
		{"an empty AS4_PATH is discarded (§6)", path2(sequence(1, trans)), []byte{}, path(sequence(1, trans)), 2, 1, wire.DiscardAttribute},
		{"an AS4_PATH of two-octet ASNs is discarded (§6)", path2(sequence(1, trans)), path2(sequence(1, 2)), path(sequence(1, trans)), 2, 1, wire.DiscardAttribute},
		{"an AS4_PATH with AS 0 is discarded (RFC 7607 §2)", path2(sequence(1, trans)), path(sequence(0)), path(sequence(1, trans)), 2, 1, wire.DiscardAttribute},
	} {
		for _, first := range []string{"AS_PATH", "AS4_PATH"} { // CVE-2026-41643
			t.Run(c.name+", "+first+" first", func(t *testing.T) {
				attributes := append(plain().with(attr(wellKnown, bgp.AttrASPath, c.path...)).octets(), attr(optionalPassed, bgp.AttrAS4Path, c.as4...)...)
				if first == "AS4_PATH" {
					attributes = append(attr(optionalPassed, bgp.AttrAS4Path, c.as4...), plain().with(attr(wellKnown, bgp.AttrASPath, c.path...)).octets()...)
				}
				if c.as4 == nil {
					attributes = plain().with(attr(wellKnown, bgp.AttrASPath, c.path...)).octets()
				}
				var batch wire.Batch
				if got := worst(twoOctet().Update(update(nil, attributes, run("10.0.0.0/24")), &batch)); got.Consequence != c.fault {
					t.Fatal(got.Error())
				}
				equal(t, "the batch says", words(t, &batch), "announce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5")
				a := &batch.Attrs[0]
				if got := held(t, a, bgp.AttrASPath); !bytes.Equal(got.value, c.want) || a.ASPathLength != c.length || a.NeighborAS != c.first {
					t.Errorf("path is %x, length %d, neighbour %s; want %x, %d, %s", got.value, a.ASPathLength, a.NeighborAS, c.want, c.length, c.first)
				}
			})
		}
	}
}

// AS4_PATH alone is no AS_PATH, whatever a codec that indexes one by the other
// makes of it (CVE-2026-41643).
func TestAS4PathWithoutASPath(t *testing.T) {
	var batch wire.Batch
	l := plain().without(bgp.AttrASPath).with(attr(optionalPassed, bgp.AttrAS4Path, path(sequence(1, 2))...))
	faults := twoOctet().Update(update(nil, l.octets(), run("10.0.0.0/24")), &batch)
	equal(t, "the faults are", texts(faults), "AS_PATH: missing (treat-as-withdraw)")
	equal(t, "the batch says", words(t, &batch), "withdraw 10.0.0.0/24")
}

// RFC 6793 §4.2.3: AGGREGATOR decides whether the AS4_* attributes are fresh.
func TestAggregatorsOfTwoOctetPeers(t *testing.T) {
	const big = 4200000001
	router := []byte{192, 0, 2, 7}
	two := func(asn uint32) []byte { return append([]byte{byte(asn >> 8), byte(asn)}, router...) }
	four := func(asn uint32) []byte {
		return append([]byte{byte(asn >> 24), byte(asn >> 16), byte(asn >> 8), byte(asn)}, router...)
	}
	for _, c := range []struct {
		name       string
		aggregator []byte
		as4        []byte
		want       []byte // nil: no AGGREGATOR
		usesPath   bool   // AS4_PATH counts
		fault      wire.Consequence
	}{
		{"neither", nil, nil, nil, true, 0},
		{"an ordinary AS", two(64601), nil, four(64601), true, 0},
		{"AS_TRANS, and who it is", two(trans), four(big), four(big), true, 0},
		{"AS_TRANS, and nobody says who", two(trans), nil, four(trans), true, 0},
		{"an ordinary AS has aggregated since: all AS4_* is ignored", two(64601), four(big), four(64601), false, 0},
		{"only AS4_AGGREGATOR", nil, four(big), nil, true, 0},
		{"AGGREGATOR of eight octets is discarded (RFC 7606 §7.7)", four(64601), nil, nil, true, wire.DiscardAttribute},
		{"AGGREGATOR of AS 0 is discarded (RFC 7607 §2)", two(0), four(big), nil, true, wire.DiscardAttribute},
		{"AS4_AGGREGATOR of six octets is discarded (RFC 6793 §6)", two(trans), two(64601), four(trans), true, wire.DiscardAttribute},
		{"AS4_AGGREGATOR of AS 0 is discarded (RFC 7607 §2)", two(trans), four(0), four(trans), true, wire.DiscardAttribute},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := plain().with(attr(wellKnown, bgp.AttrASPath, path2(sequence(trans))...))
			if c.aggregator != nil {
				l = append(l, attr(optionalPassed|partial, bgp.AttrAggregator, c.aggregator...))
			}
			if c.as4 != nil {
				l = append(l, attr(optionalPassed, bgp.AttrAS4Aggregator, c.as4...))
			}
			l = append(l, attr(optionalPassed, bgp.AttrAS4Path, path(sequence(big))...))
			for _, order := range []string{"as listed", "reversed"} {
				var batch wire.Batch
				if got := worst(twoOctet().Update(update(nil, l.octets(), run("10.0.0.0/24")), &batch)); got.Consequence != c.fault {
					t.Fatal(got.Error())
				}
				got := held(t, &batch.Attrs[0], bgp.AttrAggregator)
				if (got == nil) != (c.want == nil) || (got != nil && (!bytes.Equal(got.value, c.want) || got.flags != optionalPassed|partial)) {
					t.Errorf("%s: AGGREGATOR is %+v, want %x", order, got, c.want)
				}
				if used := batch.Attrs[0].NeighborAS == big; used != c.usesPath {
					t.Errorf("%s: AS4_PATH counts: %t, want %t", order, used, c.usesPath)
				}
				slices.Reverse(l)
			}
		})
	}
}

// Four-octet ASNs take twice the room: what a hostile two-octet peer packs into an
// extended message may then be longer than a length field can say. Such a route is
// not used; cutting it short would have us send garbage to everybody.
func TestAPathTooLongForFourOctetsIsNotUsed(t *testing.T) {
	segments := func(n int) []byte {
		var b []byte
		for range n {
			b = append(b, path2(sequence(many(255)...))...)
		}
		return b
	}
	for _, c := range []struct {
		name  string
		extra int
		count int
		want  string
	}{
		{"63 segments of 255", 0, 63, "announce 10.0.0.0/24 via 192.0.2.9 with 1 2 3 5"},
		{"65 segments of 255", 0, 65, "withdraw 10.0.0.0/24"},
		{"126 segments of 255", 0, 126, "withdraw 10.0.0.0/24"},
		{"63 segments and as much else as fits", 30000, 63, "withdraw 10.0.0.0/24"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := plain().with(attr(wellKnown, bgp.AttrASPath, segments(c.count)...))
			if c.extra > 0 {
				l = append(l, attr(optionalPassed, bgp.AttrCommunities, make([]byte, c.extra)...))
			}
			body := update(nil, l.octets(), run("10.0.0.0/24"))
			if len(body) > wire.MaxExtendedMessage-wire.HeaderLength {
				t.Fatalf("the test's message has %d octets", len(body))
			}
			var batch wire.Batch
			faults := twoOctet().Update(body, &batch)
			equal(t, "the batch says", words(t, &batch), c.want)
			if (len(faults) > 0) != (c.want[0] == 'w') {
				t.Errorf("faults are %s", texts(faults))
			}
			for _, a := range batch.Attrs {
				read(t, a.Before)
			}
		})
	}
}

func TestNarrowing(t *testing.T) {
	const big1, big2 = 4200000001, 4200000002
	origin, communities := attr(wellKnown, bgp.AttrOrigin, 0), attr(optionalPassed, bgp.AttrCommunities, 252, 0, 0, 1)
	large := attr(optionalPassed, bgp.AttrLargeCommunities, make([]byte, 12)...)
	as := func(b []byte) []byte { return attr(wellKnown, bgp.AttrASPath, b...) }
	as4 := func(b []byte) []byte { return attr(optionalPassed, bgp.AttrAS4Path, b...) }
	for _, c := range []struct {
		name string
		list list
		want list
	}{
		{"everything fits", list{origin, as(path(sequence(1, 65535))), communities}, list{origin, as(path2(sequence(1, 65535))), communities}},
		{"an empty path", list{origin, as(nil)}, list{origin, as(nil)}},
		{
			"a large AS",
			list{origin, as(path(sequence(1, 65536), set(big1, 2))), communities, large},
			list{origin, as(path2(sequence(1, trans), set(trans, 2))), communities, as4(path(sequence(1, 65536), set(big1, 2))), large},
		},
		{
			"AS4_PATH has no confederation segments (RFC 6793 §4.2.2)",
			list{as(path(confedSequence(big1, 7), sequence(big2)))},
			list{as(path2(confedSequence(trans, 7), sequence(trans))), as4(path(sequence(big2)))},
		},
		{
			"nor is there one for their sake",
			list{as(path(confedSequence(big1), sequence(2)))},
			list{as(path2(confedSequence(trans), sequence(2)))},
		},
		{
			"an aggregator",
			list{attr(optionalPassed|partial, bgp.AttrAggregator, 0, 0, 252, 1, 10, 0, 0, 1)},
			list{attr(optionalPassed|partial, bgp.AttrAggregator, 252, 1, 10, 0, 0, 1)},
		},
		{
			"a large aggregator",
			list{as(path(sequence(big1))), attr(optionalPassed, bgp.AttrAggregator, 0, 1, 0, 0, 10, 0, 0, 1), communities, large},
			list{
				as(path2(sequence(trans))), attr(optionalPassed, bgp.AttrAggregator, byte(trans>>8), byte(trans&0xff), 10, 0, 0, 1), communities,
				as4(path(sequence(big1))), attr(optionalPassed, bgp.AttrAS4Aggregator, 0, 1, 0, 0, 10, 0, 0, 1), large,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := wire.Narrow(c.list.octets()); !bytes.Equal(got, c.want.octets()) {
				t.Errorf("narrowed to\n%x, want\n%x", got, c.want.octets())
			}
		})
	}
}

// RFC 9774 §3: in AS4_PATH, too.
func TestSetsInAS4PathAreTreatedAsWithdrawals(t *testing.T) {
	for _, as4 := range [][]byte{path(set(70000, 7)), path(sequence(70000), confedSet(70001))} {
		attributes := append(plain().with(attr(wellKnown, bgp.AttrASPath, path2(sequence(1, trans))...)).octets(), attr(optionalPassed, bgp.AttrAS4Path, as4...)...)
		var batch wire.Batch
		got := worst(twoOctet().Update(update(nil, attributes, run("10.0.0.0/24")), &batch))
		if got.Consequence != wire.TreatAsWithdraw || got.Attr != bgp.AttrAS4Path || got.Subcode != 11 {
			t.Errorf("%x: %s", as4, got.Error())
		}
		equal(t, "the batch says", words(t, &batch), "withdraw 10.0.0.0/24")
	}
}

// What is narrowed for a two-octet peer and read as that peer would is what it
// was. Only ASNs in confederation segments can't be said: they stay AS_TRANS.
func TestNarrowAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asn := rapid.OneOf(rapid.Uint32Range(1, 70000), rapid.Uint32Min(1), rapid.Just(trans))
		segment := func(types ...uint32) []uint32 {
			asns := rapid.SliceOfN(asn, 1, 5).Draw(t, "asns")
			return append([]uint32{rapid.SampledFrom(types).Draw(t, "type")}, asns...)
		}
		var segments, said [][]uint32
		for range rapid.IntRange(0, 2).Draw(t, "confederation segments") {
			s := segment(3)
			segments = append(segments, s)
			s = slices.Clone(s)
			for i := range s {
				if s[i] > 65535 {
					s[i] = trans
				}
			}
			said = append(said, s)
		}
		for range rapid.IntRange(0, 4).Draw(t, "segments") {
			s := segment(2)
			segments, said = append(segments, s), append(said, s)
		}
		build := func(segments [][]uint32) list {
			l := plain().with(attr(wellKnown, bgp.AttrASPath, path(segments...)...))
			return l
		}
		tail := list{}
		if rapid.Bool().Draw(t, "aggregated") {
			n := asn.Draw(t, "aggregator")
			tail = append(tail, attr(optionalPassed, bgp.AttrAggregator, byte(n>>24), byte(n>>16), byte(n>>8), byte(n), 10, 0, 0, 1))
		}
		if rapid.Bool().Draw(t, "communities") {
			tail = append(tail, attr(optionalPassed, bgp.AttrCommunities, 252, 0, 0, 1))
		}
		before := append(build(segments), tail...).octets()
		after := attr(optionalPassed, bgp.AttrLargeCommunities, make([]byte, 12)...)
		narrow := wire.Narrow(slices.Concat(before, after))
		var batch wire.Batch
		if faults := twoOctet().Update(update(nil, narrow, run("10.0.0.0/24")), &batch); len(faults) > 0 {
			t.Fatalf("%s, reading %x", texts(faults), narrow)
		}
		want := append(build(said), tail...).octets()
		if a := batch.Attrs[0]; !bytes.Equal(a.Before, want) || !bytes.Equal(a.After, after) {
			t.Fatalf("read back as\n%x │ %x, want\n%x │ %x\nnarrowed to %x", a.Before, a.After, want, after, narrow)
		}
	})
}

// AS_PATH of a two-octet peer is judged in its own width.
func TestFaultsInPathsOfTwoOctetPeers(t *testing.T) {
	for _, c := range []struct {
		name string
		path []byte
	}{
		{"four-octet ASNs", path(sequence(1, 2))},
		{"overrun", []byte{2, 2, 0, 1}},
		{"underrun", append(path2(sequence(1)), 2)},
		{"an empty segment", []byte{2, 0}},
		{"an unknown segment", path2([]uint32{5, 1})},
		{"AS 0", path2(sequence(1, 0))},
	} {
		t.Run(fmt.Sprintf("%s (RFC 7606 §7.2)", c.name), func(t *testing.T) {
			var batch wire.Batch
			faults := twoOctet().Update(update(nil, plain().with(attr(wellKnown, bgp.AttrASPath, c.path...)).octets(), run("10.0.0.0/24")), &batch)
			if got := worst(faults); got.Consequence != wire.TreatAsWithdraw || got.Subcode != 11 {
				t.Errorf("faults are %s", texts(faults))
			}
		})
	}
}
