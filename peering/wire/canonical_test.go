package wire_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/peering/wire"
)

// drawAttributes is a list that a four-octet internal peer may send, in some order
// and with things in between that are not passed on. The second result is what is
// passed on, computed the plain way: sorted by type.
func drawAttributes(t *rapid.T, six bool) (sent list, kept list) {
	value := func(name string, size, most int) []byte {
		n := rapid.IntRange(1, most).Draw(t, name+" values")
		return rapid.SliceOfN(rapid.Byte(), n*size, n*size).Draw(t, name)
	}
	add := func(pass bool, flags byte, typ bgp.AttrType, value []byte) {
		if rapid.Bool().Draw(t, "extended length") {
			flags |= extended
		}
		a := attr(flags, typ, value...)
		sent = append(sent, a)
		if pass {
			if typ > 32 {
				a = bytes.Clone(a)
				a[0] |= partial
			}
			kept = append(kept, a)
		}
	}
	perhaps := func(name string, then func()) {
		if rapid.Bool().Draw(t, name) {
			then()
		}
	}
	add(true, wellKnown, bgp.AttrOrigin, []byte{byte(rapid.IntRange(0, 2).Draw(t, "origin"))})
	add(true, wellKnown, bgp.AttrASPath, drawPath(t))
	if !six || rapid.Bool().Draw(t, "NEXT_HOP beside MP_REACH_NLRI") {
		add(!six, wellKnown, bgp.AttrNextHop, []byte{192, 0, 2, rapid.Byte().Filter(func(b byte) bool { return b != 1 }).Draw(t, "hop")})
	}
	perhaps("med", func() { add(true, optional, bgp.AttrMED, value("med", 4, 1)) })
	add(true, wellKnown, bgp.AttrLocalPref, value("local-pref", 4, 1))
	perhaps("atomic", func() { add(true, wellKnown, bgp.AttrAtomicAggregate, nil) })
	perhaps("aggregator", func() { add(true, optionalPassed, bgp.AttrAggregator, append([]byte{1}, value("aggregator", 7, 1)...)) })
	perhaps("communities", func() { add(true, optionalPassed, bgp.AttrCommunities, value("communities", 4, 90)) })
	perhaps("originator", func() { add(false, optional, bgp.AttrOriginatorID, value("originator", 4, 1)) })
	perhaps("clusters", func() { add(false, optional, bgp.AttrClusterList, value("clusters", 4, 5)) })
	perhaps("extended communities", func() { add(true, optionalPassed, bgp.AttrExtCommunities, value("extended", 8, 3)) })
	perhaps("AS4_PATH of a four-octet peer", func() { add(false, optionalPassed, bgp.AttrAS4Path, path(sequence(1))) })
	perhaps("AIGP", func() { add(false, optional, 26, value("aigp", 11, 1)) })
	perhaps("large communities", func() { add(true, optionalPassed, bgp.AttrLargeCommunities, value("large", 12, 3)) })
	perhaps("OTC", func() { add(true, optionalPassed, 35, value("otc", 4, 1)) })
	perhaps("an unknown one", func() { add(true, optionalPassed, 99, value("unknown", 1, 300)) })
	perhaps("one that stays", func() { add(false, optional, 200, value("stays", 1, 5)) })
	perhaps("MP_UNREACH_NLRI", func() { add(false, optional, bgp.AttrMPUnreach, unreach(2, 1, run("fdff::/16"))) })
	if six {
		add(false, optional, bgp.AttrMPReach, reach(2, 1, ip("2001:db8::9"), run("fd00::/64")))
	}
	sent = rapid.Permutation(sent).Draw(t, "order")
	slices.SortFunc(kept, func(a, b []byte) int { return int(a[1]) - int(b[1]) })
	return sent, kept
}

func drawPath(t *rapid.T) []byte {
	segments := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []uint32 {
		asns := rapid.SliceOfN(rapid.Uint32Min(1), 1, 6).Draw(t, "asns")
		return append([]uint32{2}, asns...)
	}), 0, 3).Draw(t, "path")
	return path(segments...)
}

// halves cuts a sorted list where ORIGINATOR_ID and CLUSTER_LIST would stand.
func halves(l list) (before, after []byte) {
	for _, a := range l {
		if a[1] < byte(bgp.AttrOriginatorID) {
			before = append(before, a...)
		} else {
			after = append(after, a...)
		}
	}
	return before, after
}

// However a peer orders its attributes, and whatever stands between them, what is
// passed on is the same octets in ascending order. Many messages go into one batch,
// so that earlier sets must survive the growth of its memory.
func TestAttributeSetsAreInCanonicalOrder(t *testing.T) {
	d := decoder(true)
	rapid.Check(t, func(t *rapid.T) {
		var batch wire.Batch
		var want [][2][]byte
		for range rapid.IntRange(1, 12).Draw(t, "messages") {
			six := rapid.Bool().Draw(t, "ipv6")
			sent, kept := drawAttributes(t, six)
			var nlri []byte
			if !six {
				nlri = run("10.0.0.0/24")
			}
			if got := worst(d.Update(update(nil, sent.octets(), nlri), &batch)); got.Consequence > wire.DiscardAttribute {
				t.Fatal(got.Error())
			}
			before, after := halves(kept)
			want = append(want, [2][]byte{before, after})
		}
		if len(batch.Attrs) != len(want) {
			t.Fatalf("%d sets, want %d", len(batch.Attrs), len(want))
		}
		for i, a := range batch.Attrs {
			if !bytes.Equal(a.Before, want[i][0]) || !bytes.Equal(a.After, want[i][1]) {
				t.Fatalf("set %d is\n%x │ %x, want\n%x │ %x", i, a.Before, a.After, want[i][0], want[i][1])
			}
			if len(a.Before) != cap(a.Before) || len(a.After) != cap(a.After) {
				t.Fatalf("set %d has room for an append to write into its neighbour", i)
			}
		}
	})
}

// A peer that sends in order costs no copy: the set is a slice of the message.
func TestAttributesInOrderAreNotCopied(t *testing.T) {
	attributes := append(plain().octets(), attr(optionalPassed, bgp.AttrLargeCommunities, make([]byte, 12)...)...)
	body := update(nil, attributes, run("10.0.0.0/24"))
	var batch wire.Batch
	if faults := decoder(true).Update(body, &batch); len(faults) > 0 {
		t.Fatal(texts(faults))
	}
	if a := batch.Attrs[0]; &a.Before[0] != &body[4] || &a.After[0] != &body[4+len(a.Before)] {
		t.Error("the set was copied")
	}
}

// AppendReflected puts our two attributes in the middle and touches nothing else
// (RFC 4456 §8).
func TestReflectionChangesTwoAttributes(t *testing.T) {
	before, after := plain().octets(), attr(optionalPassed|partial, 99, 1, 2, 3)
	ours := wire.Reflection{Originator: 0x0a000002, Cluster: 0x0a0000fe}
	for _, c := range []struct {
		name   string
		attrs  bgp.Attrs
		middle []byte
	}{
		{
			"a route that was not reflected",
			bgp.Attrs{Before: before, After: after},
			append(attr(optional, bgp.AttrOriginatorID, 10, 0, 0, 2), attr(optional, bgp.AttrClusterList, 10, 0, 0, 254)...),
		},
		{
			"a route that was",
			bgp.Attrs{Before: before, After: after, Originator: 0x0a000009, Clusters: []byte{10, 0, 0, 7}},
			append(attr(optional, bgp.AttrOriginatorID, 10, 0, 0, 9), attr(optional, bgp.AttrClusterList, 10, 0, 0, 254, 10, 0, 0, 7)...),
		},
		{
			"the longest CLUSTER_LIST with a plain length",
			bgp.Attrs{Before: before, After: after, Clusters: make([]byte, 248)},
			append(attr(optional, bgp.AttrOriginatorID, 10, 0, 0, 2), attr(optional, bgp.AttrClusterList, append([]byte{10, 0, 0, 254}, make([]byte, 248)...)...)...),
		},
		{
			"one that needs the extended length",
			bgp.Attrs{Before: before, After: after, Clusters: make([]byte, 252)},
			append(attr(optional, bgp.AttrOriginatorID, 10, 0, 0, 2), attr(optional, bgp.AttrClusterList, append([]byte{10, 0, 0, 254}, make([]byte, 252)...)...)...),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wire.AppendReflected([]byte("before"), &c.attrs, ours)
			if want := slices.Concat([]byte("before"), before, c.middle, after); !bytes.Equal(got, want) {
				t.Errorf("reflected as\n%x, want\n%x", got, want)
			}
		})
	}
}
