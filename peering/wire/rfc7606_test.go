package wire_test

import (
	"bytes"
	"fmt"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

// verdict is what a fault costs, and the subcode of UPDATE error that names it
// when the session pays.
type verdict struct {
	consequence wire.Consequence
	subcode     uint8
}

var (
	fine     = verdict{}
	dropped  = verdict{} // without a word
	onlyOnce = discard(1)
)

func discard(subcode uint8) verdict  { return verdict{wire.DiscardAttribute, subcode} }
func withdraw(subcode uint8) verdict { return verdict{wire.TreatAsWithdraw, subcode} }

// rule is an attribute and what RFC 7606 makes of its faults.
type rule struct {
	typ     bgp.AttrType
	flags   byte // as defined
	good    []byte
	lengths [][]byte // values whose length is wrong
	values  [][]byte // values that are wrong in themselves

	onFlags, onLength, onValue, onMissing verdict

	internalOnly bool // an external peer's is dropped whatever it looks like
	hop          bool // values are judged for the routes that use it, not in the message
	section      string
}

// rules has every attribute we parse, but for the two that carry NLRI, which have
// a table of their own. Repeating any of them costs the repetition (§3 g).
var rules = []rule{
	{
		typ: bgp.AttrOrigin, flags: wellKnown, good: []byte{1}, section: "RFC 7606 §7.1",
		lengths: [][]byte{{}, {0, 0}}, values: [][]byte{{3}, {255}},
		onFlags: withdraw(4), onLength: withdraw(5), onValue: withdraw(6), onMissing: withdraw(3),
	},
	{
		typ: bgp.AttrASPath, flags: wellKnown, good: path(sequence(64601, 64602)), section: "RFC 7606 §7.2, RFC 7607 §2, RFC 9774 §3",
		lengths: [][]byte{
			{2},                            // half a segment header
			{2, 1, 0, 0, 252},              // overrun
			{2, 2, 0, 0, 252, 1, 0, 0, 25}, // overrun by the last octet
			append(path(sequence(64601)), 2),
			{2, 0},
			append(path(sequence(64601)), 2, 0),
		},
		values: [][]byte{
			path([]uint32{0, 64601}),
			path([]uint32{5, 64601}),
			path(sequence(0)),
			path(sequence(64601, 0)),
			path(sequence(64601), sequence(64602, 0)),
			path(set(64601, 64602)), // RFC 9774 §3, as the next
			path(sequence(64601), confedSet(64602)),
		},
		onFlags: withdraw(4), onLength: withdraw(11), onValue: withdraw(11), onMissing: withdraw(3),
	},
	{
		// RFC 4760 §3 would ignore NEXT_HOP where only MP_REACH_NLRI has routes; the
		// younger RFC 7606 has a malformed one treated as withdraw in any message.
		typ: bgp.AttrNextHop, flags: wellKnown, good: []byte{192, 0, 2, 8}, section: "RFC 7606 §7.3, RFC 4271 §6.3",
		lengths: [][]byte{{}, {192, 0, 2}, {192, 0, 2, 9, 0}, ip("2001:db8::9")},
		values: [][]byte{
			{0, 0, 0, 0},
			{0, 1, 2, 3},
			{127, 0, 0, 1},
			{224, 0, 0, 5},
			{239, 255, 255, 255},
			{240, 0, 0, 1},
			{255, 255, 255, 255},
			us.AsSlice(),
		},
		onFlags: withdraw(4), onLength: withdraw(5), onValue: withdraw(8), onMissing: withdraw(3), hop: true,
	},
	{
		typ: bgp.AttrMED, flags: optional, good: []byte{0, 0, 0, 7}, section: "RFC 7606 §7.4",
		lengths: [][]byte{{}, {0, 0, 7}, {0, 0, 0, 0, 7}},
		onFlags: withdraw(4), onLength: withdraw(5),
	},
	{
		// An internal peer that leaves LOCAL_PREF out means the default: RFC 7606 §3 d
		// speaks of what is mandatory, RFC 4271 §5 calls it "required".
		typ: bgp.AttrLocalPref, flags: wellKnown, good: []byte{0, 0, 0, 200}, section: "RFC 7606 §7.5",
		lengths: [][]byte{{}, {0, 0, 200}, {0, 0, 0, 0, 200}},
		onFlags: withdraw(4), onLength: withdraw(5), internalOnly: true,
	},
	{
		typ: bgp.AttrAtomicAggregate, flags: wellKnown, good: []byte{}, section: "RFC 7606 §3 f, §7.6",
		lengths: [][]byte{{0}, {1, 2, 3, 4}},
		onFlags: discard(4), onLength: discard(9),
	},
	{
		typ: bgp.AttrAggregator, flags: optionalPassed, good: []byte{0, 0, 252, 91, 192, 0, 2, 7}, section: "RFC 7606 §3 f, §7.7, RFC 7607 §2",
		lengths: [][]byte{{}, {252, 91, 192, 0, 2, 7}, {0, 0, 252, 91, 192, 0, 2}, {0, 0, 252, 91, 192, 0, 2, 7, 0}},
		values:  [][]byte{{0, 0, 0, 0, 192, 0, 2, 7}},
		onFlags: discard(4), onLength: discard(9), onValue: discard(9),
	},
	{
		typ: bgp.AttrCommunities, flags: optionalPassed, good: []byte{252, 0, 0, 1}, section: "RFC 7606 §7.8",
		lengths: [][]byte{{}, {252, 0, 0}, {252, 0, 0, 1, 0}},
		onFlags: withdraw(4), onLength: withdraw(5),
	},
	{
		typ: bgp.AttrOriginatorID, flags: optional, good: []byte{192, 0, 2, 7}, section: "RFC 7606 §7.9",
		lengths: [][]byte{{}, {192, 0, 2}, {192, 0, 2, 7, 0}},
		onFlags: withdraw(4), onLength: withdraw(5), internalOnly: true,
	},
	{
		typ: bgp.AttrClusterList, flags: optional, good: []byte{10, 0, 0, 1, 10, 0, 0, 2}, section: "RFC 7606 §7.10",
		lengths: [][]byte{{}, {10, 0, 0}, {10, 0, 0, 1, 10}},
		onFlags: withdraw(4), onLength: withdraw(5), internalOnly: true,
	},
	{
		typ: bgp.AttrExtCommunities, flags: optionalPassed, good: []byte{0, 2, 252, 0, 0, 0, 0, 1}, section: "RFC 7606 §7.14",
		lengths: [][]byte{{}, {0, 2, 252, 0, 0, 0, 0}, {0, 2, 252, 0, 0, 0, 0, 1, 0}},
		onFlags: withdraw(4), onLength: withdraw(5),
	},
	{
		// From a four-octet peer even a good one is discarded (RFC 6793 §4.1).
		typ: bgp.AttrAS4Path, flags: optionalPassed, good: nil, section: "RFC 6793 §6",
		lengths: [][]byte{{}, {2}, {2, 1, 0, 0, 252}, {2, 0}},
		values:  [][]byte{path([]uint32{5, 1}), path(sequence(0)), path(sequence(64601))},
		onFlags: discard(4), onLength: discard(9), onValue: discard(9),
	},
	{
		typ: bgp.AttrAS4Aggregator, flags: optionalPassed, good: nil, section: "RFC 6793 §6",
		lengths: [][]byte{{}, {0, 0, 252, 91, 192, 0, 2}, {0, 0, 252, 91, 192, 0, 2, 7, 0}},
		values:  [][]byte{{0, 0, 0, 0, 192, 0, 2, 7}, {0, 0, 252, 91, 192, 0, 2, 7}},
		onFlags: discard(4), onLength: discard(9), onValue: discard(9),
	},
	{
		typ: bgp.AttrIPv6ExtCommunity, flags: optionalPassed, good: make([]byte, 20), section: "RFC 7606 §7.15",
		lengths: [][]byte{{}, make([]byte, 19), make([]byte, 21)},
		onFlags: withdraw(4), onLength: withdraw(5),
	},
	{
		typ: bgp.AttrLargeCommunities, flags: optionalPassed, good: make([]byte, 24), section: "RFC 8092 §6",
		lengths: [][]byte{{}, make([]byte, 11), make([]byte, 13)},
		onFlags: withdraw(4), onLength: withdraw(5),
	},
}

// spoiled is an attribute list with one fault.
type spoiled struct {
	name string
	list list
	bad  []byte // the attribute at fault; nil where it is missing
	want verdict
	hop  bool
}

// faults makes every list with one fault of this attribute.
func (r rule) faults(internal bool) []spoiled {
	var all []spoiled
	add := func(name string, l list, bad []byte, want verdict, hop bool) {
		if !internal && r.internalOnly {
			want = dropped
		}
		all = append(all, spoiled{fmt.Sprintf("%s, %s", r.typ, name), l, bad, want, hop})
	}
	sample := r.good
	if sample == nil {
		sample = r.values[len(r.values)-1]
	}
	for _, flags := range []byte{0, wellKnown, optional, optionalPassed} {
		if flags != r.flags {
			bad := attr(flags, r.typ, sample...)
			add(fmt.Sprintf("flags %#02x", flags), plain().with(bad), bad, r.onFlags, false)
		}
	}
	for _, value := range r.lengths {
		bad := attr(r.flags, r.typ, value...)
		add(fmt.Sprintf("length %d", len(value)), plain().with(bad), bad, r.onLength, false)
	}
	for _, value := range r.values {
		bad := attr(r.flags, r.typ, value...)
		add(fmt.Sprintf("value %x", value), plain().with(bad), bad, r.onValue, r.hop)
	}
	add("missing", plain().without(r.typ), nil, r.onMissing, false)
	if r.good != nil {
		good := attr(r.flags, r.typ, r.good...)
		other := attr(r.flags, r.typ, bytes.Repeat([]byte{0xff}, len(r.good))...)
		all = append(all, spoiled{fmt.Sprintf("%s, twice", r.typ), append(plain().with(good), other), other, onlyOnce, false})
	}
	return all
}

// Every attribute × every fault × both kinds of peer × both families.
func TestFaultsOfAttributesCostWhatRFC7606Says(t *testing.T) {
	for _, r := range rules {
		for _, internal := range []bool{true, false} {
			for _, c := range r.faults(internal) {
				t.Run(fmt.Sprintf("%s, internal %t (%s)", c.name, internal, r.section), func(t *testing.T) {
					d := decoder(internal)
					for _, six := range []bool{false, true} {
						c.check(t, d, r, six)
					}
					c.checkWithoutNLRI(t, d)
				})
			}
		}
	}
}

// check puts the list in an UPDATE with routes of one family.
func (c spoiled) check(t *testing.T, d *wire.Decoder, r rule, six bool) {
	body, gone := update(nil, c.list.octets(), run("10.0.0.0/24", "10.0.1.0/24")), "withdraw 10.0.0.0/24 10.0.1.0/24"
	want := c.want
	if six {
		body, gone = update(nil, append(reach6("fd00::/64"), c.list.octets()...), nil), "withdraw fd00::/64"
		if r.typ == bgp.AttrNextHop && (c.hop || c.bad == nil) {
			want = fine // IPv6 routes don't use it
		}
	}
	var batch wire.Batch
	faults := d.Update(bytes.Clone(body), &batch)
	got := worst(faults)
	if (verdict{got.Consequence, got.Subcode}) != want || (want != fine && got.Attr != r.typ) {
		t.Fatalf("IPv6 %t: the fault is %v (%d) of %s, want %v (%d)", six, got.Consequence, got.Subcode, got.Attr, want.consequence, want.subcode)
	}
	if want.consequence == wire.TreatAsWithdraw {
		equal(t, "the batch says", words(t, &batch), gone)
		return
	}
	if len(batch.Items) != 1 || batch.Items[0].Kind != wire.Announced {
		t.Fatalf("IPv6 %t: the batch says\n%s\nwant the route announced", six, words(t, &batch))
	}
	attrs := &batch.Attrs[0]
	kept := held(t, attrs, r.typ)
	switch {
	case want == onlyOnce && !r.internalOnly && r.typ != bgp.AttrNextHop:
		if kept == nil || !bytes.Equal(kept.value, r.good) {
			t.Errorf("of two the set keeps %v, want the first", kept)
		}
	case want.consequence == wire.DiscardAttribute && r.typ != bgp.AttrNextHop && !r.internalOnly && kept != nil:
		t.Errorf("the set keeps %x", kept.value)
	case r.typ == bgp.AttrLocalPref && (!d.Internal || c.bad == nil):
		if attrs.HasLocalPref || attrs.LocalPref != 100 || kept == nil || !bytes.Equal(kept.value, []byte{0, 0, 0, 100}) {
			t.Errorf("LOCAL_PREF is %d (%v), want the default", attrs.LocalPref, kept)
		}
	case !d.Internal && (attrs.Originator != 0 || attrs.Clusters != nil):
		t.Errorf("an external peer left ORIGINATOR_ID %s and CLUSTER_LIST %x", attrs.Originator, attrs.Clusters)
	}
}

// checkWithoutNLRI puts the list in an UPDATE that only withdraws: with a fault
// beyond attribute discard nobody can be sure that no NLRI was missed (RFC 7606
// §5.2), so the session is reset, with the fault's subcode and attribute.
func (c spoiled) checkWithoutNLRI(t *testing.T, d *wire.Decoder) {
	var batch wire.Batch
	body := update(run("10.9.0.0/16"), c.list.octets(), nil)
	faults := d.Update(body, &batch)
	got := worst(faults)
	if c.want.consequence != wire.TreatAsWithdraw || c.hop || c.bad == nil {
		if got.Consequence > wire.DiscardAttribute {
			t.Errorf("without NLRI: %s", got.Error())
		}
		equal(t, "without NLRI, the batch says", words(t, &batch), "withdraw 10.9.0.0/16")
		return
	}
	if got.Consequence != wire.ResetSession || len(batch.Items) != 0 {
		t.Fatalf("without NLRI: %v, batch\n%s\nwant session reset and nothing in the batch", got.Consequence, words(t, &batch))
	}
	n := got.Notification()
	if n.Code != bgp.CodeUpdate || n.Subcode != c.want.subcode || !bytes.Equal(n.Data, c.bad) {
		t.Errorf("without NLRI: NOTIFICATION %d/%d %x, want 3/%d %x", n.Code, n.Subcode, n.Data, c.want.subcode, c.bad)
	}
}

// What can't be framed leaves NLRI that nobody can tell from garbage.
func TestFaultsOfMultiprotocolAttributesResetTheSession(t *testing.T) {
	hop := ip("2001:db8::9")
	reachOf := func(value []byte) []byte { return attr(optional, bgp.AttrMPReach, value...) }
	unreachOf := func(value []byte) []byte { return attr(optional, bgp.AttrMPUnreach, value...) }
	good := reach(2, 1, hop, run("fd00::/64"))
	gone := unreach(2, 1, run("fd00::/64"))
	for _, c := range []struct {
		name    string
		bad     []byte
		subcode uint8
		data    bool // the attribute
		section string
	}{
		{"MP_REACH_NLRI is well-known", attr(wellKnown, bgp.AttrMPReach, good...), 9, true, "RFC 7606 §5.3, RFC 4760 §7"},
		{"MP_REACH_NLRI is transitive", attr(optionalPassed, bgp.AttrMPReach, good...), 9, true, "RFC 7606 §5.3"},
		{"MP_REACH_NLRI has no flags", attr(0, bgp.AttrMPReach, good...), 9, true, "RFC 7606 §5.3"},
		{"MP_REACH_NLRI is empty", reachOf(nil), 9, true, "RFC 7606 §5.3"},
		{"MP_REACH_NLRI has four octets", reachOf([]byte{0, 2, 1, 0}), 9, true, "RFC 7606 §5.3"},
		{"the next hop exceeds MP_REACH_NLRI", reachOf([]byte{0, 2, 1, 16, 0x20, 1, 0x0d, 0xb8}), 9, true, "RFC 7606 §7.11"},
		{"the next hop leaves no reserved octet", reachOf(good[:4+16]), 9, true, "RFC 7606 §7.11"},
		{"an IPv6 next hop of 0 octets", reachOf(reach(2, 1, nil, run("fd00::/64"))), 9, true, "RFC 7606 §7.11"},
		{"an IPv6 next hop of 4 octets", reachOf(reach(2, 1, hop[:4], run("fd00::/64"))), 9, true, "RFC 7606 §7.11"},
		{"an IPv6 next hop of 15 octets", reachOf(reach(2, 1, hop[:15], run("fd00::/64"))), 9, true, "RFC 7606 §7.11"},
		{"an IPv6 next hop of 24 octets, as VPNs have", reachOf(reach(2, 1, append(make([]byte, 8), hop...), run("fd00::/64"))), 9, true, "RFC 7606 §7.11"},
		{"an IPv6 next hop of 48 octets, as VPNs have", reachOf(reach(2, 1, make([]byte, 48), run("fd00::/64"))), 9, true, "RFC 7606 §7.11"},
		{"an IPv4 next hop of 16 octets without the capability for it", reachOf(reach(1, 1, hop, run("10.0.0.0/24"))), 9, true, "RFC 7606 §7.11, RFC 8950 §4"},
		{"an IPv6 prefix of 129 bits", reachOf(reach(2, 1, hop, append([]byte{129}, make([]byte, 17)...))), 9, true, "RFC 7606 §5.3"},
		{"an IPv6 prefix that is cut short", reachOf(reach(2, 1, hop, []byte{64, 0xfd, 0})), 9, true, "RFC 7606 §5.3"},
		{"an IPv4 prefix of 33 bits in MP_REACH_NLRI", reachOf(reach(1, 1, hop[:4], []byte{33, 10, 0, 0, 0, 0})), 9, true, "RFC 7606 §5.3"},
		{"MP_REACH_NLRI twice", append(reachOf(good), reachOf(good)...), 1, false, "RFC 7606 §3 g"},
		{"MP_REACH_NLRI for two families", append(reachOf(good), reachOf(reach(1, 1, ip("192.0.2.9"), run("10.0.0.0/24")))...), 1, false, "RFC 7606 §3 g"},
		{"MP_UNREACH_NLRI is well-known", attr(wellKnown, bgp.AttrMPUnreach, gone...), 9, true, "RFC 7606 §5.3, RFC 4760 §7"},
		{"MP_UNREACH_NLRI is transitive", attr(optionalPassed, bgp.AttrMPUnreach, gone...), 9, true, "RFC 7606 §5.3"},
		{"an End-of-RIB with the wrong flags", attr(wellKnown, bgp.AttrMPUnreach, 0, 2, 1), 9, true, "RFC 7606 §5.3"},
		{"MP_UNREACH_NLRI is empty", unreachOf(nil), 9, true, "RFC 7606 §5.3"},
		{"MP_UNREACH_NLRI has two octets", unreachOf([]byte{0, 2}), 9, true, "RFC 7606 §5.3"},
		{"MP_UNREACH_NLRI with a prefix of 129 bits", unreachOf(unreach(2, 1, append([]byte{129}, make([]byte, 17)...))), 9, true, "RFC 7606 §5.3"},
		{"MP_UNREACH_NLRI with a prefix that is cut short", unreachOf(unreach(2, 1, []byte{64, 0x20, 1, 0x0d, 0xb8})), 9, true, "RFC 7606 §5.3"},
		{"MP_UNREACH_NLRI twice", append(unreachOf(gone), unreachOf(gone)...), 1, false, "RFC 7606 §3 g"},
	} {
		for _, internal := range []bool{true, false} {
			for _, front := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, internal %t, in front %t (%s)", c.name, internal, front, c.section), func(t *testing.T) {
					attributes := append(plain().octets(), c.bad...)
					if front {
						attributes = append(bytes.Clone(c.bad), plain().octets()...)
					}
					var batch wire.Batch
					faults := decoder(internal).Update(update(nil, attributes, run("10.0.0.0/24")), &batch)
					if len(faults) == 0 || len(batch.Items) != 0 {
						t.Fatalf("%d faults, and the batch says\n%s", len(faults), words(t, &batch))
					}
					last := faults[len(faults)-1]
					n := last.Notification()
					var data []byte
					if c.data {
						data = c.bad
					}
					if last.Consequence != wire.ResetSession || n.Code != 3 || n.Subcode != c.subcode || !bytes.Equal(n.Data, data) {
						t.Errorf("%s: NOTIFICATION %d/%d %x, want 3/%d %x", last.Error(), n.Code, n.Subcode, n.Data, c.subcode, data)
					}
				})
			}
		}
	}
}

// The lengths in an UPDATE contradict each other.
func TestFramingFaults(t *testing.T) {
	attributes := plain().octets()
	cut := func(n int) []byte { return attributes[:len(attributes)-n] }
	nlri := run("10.0.0.0/24")
	for _, c := range []struct {
		name    string
		body    []byte
		want    verdict
		batch   string
		section string
	}{
		{"nothing at all", nil, verdict{wire.ResetSession, 1}, "", "RFC 7606 §3 a"},
		{"three octets", []byte{0, 0, 0}, verdict{wire.ResetSession, 1}, "", "RFC 7606 §3 a"},
		{"withdrawn routes exceed the message", []byte{0, 5, 24, 10, 0, 0, 0, 0}, verdict{wire.ResetSession, 1}, "", "RFC 7606 §3 a"},
		{"withdrawn routes leave no room for the attributes' length", []byte{0, 4, 24, 10, 0, 0, 0}, verdict{wire.ResetSession, 1}, "", "RFC 7606 §3 a"},
		{"attributes exceed the message", []byte{0, 0, 0, 5, 0x40, 1, 1, 0}, verdict{wire.ResetSession, 1}, "", "RFC 7606 §3 a"},
		{"both lengths at their largest", []byte{0xff, 0xff, 0xff, 0xff}, verdict{wire.ResetSession, 1}, "", "RFC 7606 §3 a"},
		{"a withdrawn route of 33 bits", update([]byte{33, 10, 0, 0, 0, 0}, nil, nil), verdict{wire.ResetSession, 10}, "", "RFC 7606 §3 i, §5.3"},
		{"a withdrawn route that is cut short", update([]byte{24, 10, 0}, nil, nil), verdict{wire.ResetSession, 10}, "", "RFC 7606 §3 i, §5.3"},
		{"NLRI of 33 bits", update(nil, attributes, []byte{33, 10, 0, 0, 0, 0}), verdict{wire.ResetSession, 10}, "", "RFC 7606 §5.3"},
		{"NLRI of 255 bits", update(nil, attributes, append([]byte{255}, make([]byte, 32)...)), verdict{wire.ResetSession, 10}, "", "RFC 7606 §5.3"},
		{"NLRI that is cut short", update(nil, attributes, append(run("10.1.0.0/16"), 25, 10, 0, 0)), verdict{wire.ResetSession, 10}, "", "RFC 7606 §5.3"},
		{"the last attribute overruns", update(nil, cut(1), nlri), withdraw(1), "withdraw 10.0.0.0/24", "RFC 7606 §4"},
		{"one octet of an attribute", update(nil, append(cut(0), 0x40), nlri), withdraw(1), "withdraw 10.0.0.0/24", "RFC 7606 §4"},
		{"two octets of an attribute", update(nil, append(cut(0), 0x40, 6), nlri), withdraw(1), "withdraw 10.0.0.0/24", "RFC 7606 §4"},
		{"three octets of an attribute with extended length", update(nil, append(cut(0), 0x50, 6, 0), nlri), withdraw(1), "withdraw 10.0.0.0/24", "RFC 7606 §4"},
		{"an attribute of 65535 octets that has none", update(nil, append(cut(0), 0xd0, 99, 0xff, 0xff), nlri), withdraw(1), "withdraw 10.0.0.0/24", "RFC 7606 §4"},
		{"an overrun takes the withdrawn routes with it", update(run("10.9.0.0/16"), cut(1), nlri), withdraw(1), "withdraw 10.9.0.0/16\nwithdraw 10.0.0.0/24", "RFC 7606 §4"},
		{"an overrun behind MP_REACH_NLRI", update(nil, append(reach6("fd00::/64"), cut(1)...), nil), withdraw(1), "withdraw fd00::/64", "RFC 7606 §4"},
		{"an overrun without any reachable NLRI", update(run("10.9.0.0/16"), cut(1), nil), verdict{wire.ResetSession, 1}, "", "RFC 7606 §4, §5.2"},
		{"an overrun in MP_REACH_NLRI, which is all there is", update(nil, reach6("fd00::/64")[:9], nil), verdict{wire.ResetSession, 1}, "", "RFC 7606 §4, §5.2"},
		{"an overrun behind MP_UNREACH_NLRI", update(nil, append(attr(optional, bgp.AttrMPUnreach, unreach(2, 1, run("fd00::/64"))...), 0x40), nil), verdict{wire.ResetSession, 1}, "", "RFC 7606 §4, §5.2"},
		{
			"a fault beside an MP_REACH_NLRI without NLRI", update(nil, append(reach6(), plain().with(attr(wellKnown, bgp.AttrOrigin, 9)).octets()...), nil),
			verdict{wire.ResetSession, 6},
			"", "RFC 7606 §5.2",
		},
		{
			"a fault beside routes of a family that was not negotiated",
			update(nil, append(attr(optional, bgp.AttrMPReach, reach(1, 128, ip("192.0.2.9"), []byte{1, 2, 3})...), plain().with(attr(wellKnown, bgp.AttrOrigin, 9)).octets()...), nil),
			withdraw(6), "", "RFC 7606 §5.2",
		},
		{
			"an attribute discarded without any reachable NLRI", update(run("10.9.0.0/16"), attr(wellKnown, bgp.AttrAtomicAggregate, 1), nil),
			discard(9), "withdraw 10.9.0.0/16", "RFC 7606 §5.2",
		},
		{
			"several faults: the strongest counts",
			update(nil, plain().with(attr(wellKnown, bgp.AttrAtomicAggregate, 1)).with(attr(wellKnown, bgp.AttrOrigin, 9)).with(attr(optional, bgp.AttrMED)).octets(), nlri),
			withdraw(6), "withdraw 10.0.0.0/24", "RFC 7606 §3 h",
		},
	} {
		t.Run(fmt.Sprintf("%s (%s)", c.name, c.section), func(t *testing.T) {
			var batch wire.Batch
			faults := decoder(true).Update(bytes.Clone(c.body), &batch)
			got := worst(faults)
			if (verdict{got.Consequence, got.Subcode}) != c.want {
				t.Errorf("the fault is %v (%d), want %v (%d):\n%s", got.Consequence, got.Subcode, c.want.consequence, c.want.subcode, texts(faults))
			}
			equal(t, "the batch says", words(t, &batch), c.batch)
		})
	}
}
