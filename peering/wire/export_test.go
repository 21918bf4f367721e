package wire_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/peering/wire"
)

const fabric = 64512

// attrsOf is the set that a list of attributes in ascending order makes.
func attrsOf(t testing.TB, l list) *bgp.Attrs {
	t.Helper()
	var batch wire.Batch
	if faults := decoder(true).Update(update(nil, l.octets(), run("10.0.0.0/24")), &batch); len(faults) > 0 {
		t.Fatal(texts(faults))
	}
	return &batch.Attrs[0]
}

// large is the value of a LARGE_COMMUNITIES, of communities as text.
func large(texts ...string) []byte {
	var b []byte
	for _, text := range texts {
		c, err := bgp.ParseLargeCommunity(text)
		if err != nil {
			panic(err)
		}
		for _, part := range []uint32{c.Global, c.Local1, c.Local2} {
			b = binary.BigEndian.AppendUint32(b, part)
		}
	}
	return b
}

func largeAttr(texts ...string) []byte {
	return attr(optionalPassed, bgp.AttrLargeCommunities, large(texts...)...)
}

func communities(values ...uint32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return attr(optionalPassed, bgp.AttrCommunities, b...)
}

// numbers is so many ASNs.
func numbers(n int) []uint32 {
	var asns []uint32
	for i := range n {
		asns = append(asns, uint32(i+1))
	}
	return asns
}

func asPath(segments ...[]uint32) []byte {
	return attr(wellKnown, bgp.AttrASPath, path(segments...)...)
}

const noAdvertise = 0xffffff02

func TestExportedAttributes(t *testing.T) {
	exported := func(l list) list { // what a plain route becomes, for cases to change
		return l.without(bgp.AttrLocalPref).without(bgp.AttrMED)
	}
	base := plain().with(asPath())
	ours := exported(plain().with(asPath(sequence(fabric))))
	for _, c := range []struct {
		name string
		e    wire.Export
		in   list
		want list
	}{
		{"a route of the fabric itself gets a path of one AS", wire.Export{}, base, ours},
		{
			"LOCAL_PREF and MULTI_EXIT_DISC stay within the AS",
			wire.Export{},
			base.with(attr(optional, bgp.AttrMED, 0, 0, 0, 7)), ours,
		},
		{
			"ORIGINATOR_ID and CLUSTER_LIST stay within the AS",
			wire.Export{},
			append(slices.Clone(base), attr(optional, bgp.AttrOriginatorID, 1, 2, 3, 4), attr(optional, bgp.AttrClusterList, 1, 2, 3, 4)), ours,
		},
		{
			"ATOMIC_AGGREGATE and AGGREGATOR are kept",
			wire.Export{},
			append(slices.Clone(base), attr(wellKnown, bgp.AttrAtomicAggregate), attr(optionalPassed, bgp.AttrAggregator, 0, 0, 1, 2, 1, 2, 3, 4)),
			append(slices.Clone(ours), attr(wellKnown, bgp.AttrAtomicAggregate), attr(optionalPassed, bgp.AttrAggregator, 0, 0, 1, 2, 1, 2, 3, 4)),
		},
		{
			"what nobody knows is kept octet for octet",
			wire.Export{},
			append(slices.Clone(base), attr(optionalPassed|partial|extended, 99, 1, 2, 3)),
			append(slices.Clone(ours), attr(optionalPassed|partial|extended, 99, 1, 2, 3)),
		},

		{
			"a sequence grows at its head",
			wire.Export{},
			base.with(asPath(sequence(1, 2))), ours.with(asPath(sequence(fabric, 1, 2))),
		},
		{
			"a sequence of 254 has room for one more",
			wire.Export{},
			base.with(asPath(sequence(numbers(254)...))), ours.with(asPath(sequence(append([]uint32{fabric}, numbers(254)...)...))),
		},
		{
			"a full sequence has not",
			wire.Export{},
			base.with(asPath(sequence(numbers(255)...))), ours.with(asPath(sequence(fabric), sequence(numbers(255)...))),
		},
		{
			"behind the first segment nothing changes",
			wire.Export{},
			base.with(asPath(sequence(1), sequence(2, 3), sequence(4))), ours.with(asPath(sequence(fabric, 1), sequence(2, 3), sequence(4))),
		},
		{
			"confederation segments in front are removed (RFC 5065 §4.1)",
			wire.Export{},
			base.with(asPath(confedSequence(7, 8), confedSequence(9), sequence(1))), ours.with(asPath(sequence(fabric, 1))),
		},
		{
			"a path of confederation segments alone becomes ours",
			wire.Export{},
			base.with(asPath(confedSequence(7))), ours,
		},
		{
			"confederation segments where none may stand don't leave either",
			wire.Export{},
			base.with(asPath(sequence(1), confedSequence(9), sequence(2))), ours.with(asPath(sequence(fabric, 1), sequence(2))),
		},
		{
			"a path that needs an extended length gets one",
			wire.Export{},
			base.with(asPath(sequence(numbers(63)...))), ours.with(asPath(sequence(append([]uint32{fabric}, numbers(63)...)...))),
		},

		{
			"NO_ADVERTISE makes the attribute",
			wire.Export{NoAdvertise: true},
			base, ours.with(communities(noAdvertise)),
		},
		{
			"NO_ADVERTISE stands before what is greater",
			wire.Export{NoAdvertise: true},
			base.with(communities(1, 0xffffff01, 0xffffff03)), ours.with(communities(1, 0xffffff01, noAdvertise, 0xffffff03)),
		},
		{
			"what others did not sort stays so",
			wire.Export{NoAdvertise: true},
			base.with(communities(0xffffff03, 5, 1)), ours.with(communities(noAdvertise, 0xffffff03, 5, 1)),
		},
		{
			"NO_ADVERTISE stands there once",
			wire.Export{NoAdvertise: true},
			base.with(communities(0xffffff03, noAdvertise)), ours.with(communities(0xffffff03, noAdvertise)),
		},
		{
			"the Partial bit of what grows is kept",
			wire.Export{NoAdvertise: true},
			base.with(attr(optionalPassed|partial, bgp.AttrCommunities, 0, 0, 0, 1)),
			ours.with(attr(optionalPassed|partial, bgp.AttrCommunities, 0, 0, 0, 1, 0xff, 0xff, 0xff, 2)),
		},

		{
			"extended communities lose those that stay in the AS (RFC 4360)",
			wire.Export{},
			append(slices.Clone(base), attr(optionalPassed|partial, bgp.AttrExtCommunities, 0, 2, 1, 1, 1, 1, 1, 1, 0x40, 2, 2, 2, 2, 2, 2, 2, 0x83, 3, 3, 3, 3, 3, 3, 3)),
			append(slices.Clone(ours), attr(optionalPassed|partial, bgp.AttrExtCommunities, 0, 2, 1, 1, 1, 1, 1, 1, 0x83, 3, 3, 3, 3, 3, 3, 3)),
		},
		{
			"extended communities that all stay are no attribute",
			wire.Export{},
			append(slices.Clone(base), attr(optionalPassed, bgp.AttrExtCommunities, 0x43, 2, 2, 2, 2, 2, 2, 2)), ours,
		},
		{
			"so with those of IPv6 (RFC 5701)",
			wire.Export{},
			append(slices.Clone(base), attr(optionalPassed, bgp.AttrIPv6ExtCommunity, slices.Concat([]byte{0x40}, make([]byte, 19), []byte{0x00}, make([]byte, 19))...)),
			append(slices.Clone(ours), attr(optionalPassed, bgp.AttrIPv6ExtCommunity, make([]byte, 20)...)),
		},

		{
			"a class is said in a large community",
			wire.Export{Class: 4},
			base, append(slices.Clone(ours), largeAttr("64512:2:4")),
		},
		{
			"a LOCAL_PREF that means something is said in another",
			wire.Export{Class: 4},
			base.with(attr(wellKnown, bgp.AttrLocalPref, 0, 0, 0, 200)), append(slices.Clone(ours), largeAttr("64512:2:4", "64512:3:200")),
		},
		{
			"LOCAL_PREF 0 means something",
			wire.Export{},
			base.with(attr(wellKnown, bgp.AttrLocalPref, 0, 0, 0, 0)), append(slices.Clone(ours), largeAttr("64512:3:0")),
		},
		{
			"tags and forged classes are removed",
			wire.Export{Class: 4},
			append(slices.Clone(base), largeAttr("64512:1:7", "64512:2:99", "64512:3:1", "64512:4:1", "64511:1:7")),
			append(slices.Clone(ours), largeAttr("64512:2:4", "64512:4:1", "64511:1:7")),
		},
		{
			"tags alone leave no attribute",
			wire.Export{},
			append(slices.Clone(base), largeAttr("64512:1:7")), ours,
		},
		{
			"a class stands between what is less and what is greater",
			wire.Export{Class: 4},
			append(slices.Clone(base), largeAttr("64512:0:9", "64513:0:0")),
			append(slices.Clone(ours), largeAttr("64512:0:9", "64512:2:4", "64513:0:0")),
		},
		{
			"large communities stand between the attributes around them",
			wire.Export{Class: 4},
			append(slices.Clone(base), attr(optionalPassed, bgp.AttrExtCommunities, 0, 2, 1, 1, 1, 1, 1, 1), attr(optionalPassed|partial, 35, 0, 0, 0, 9)),
			append(slices.Clone(ours), attr(optionalPassed, bgp.AttrExtCommunities, 0, 2, 1, 1, 1, 1, 1, 1), largeAttr("64512:2:4"), attr(optionalPassed|partial, 35, 0, 0, 0, 9)),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.e.ASN = fabric
			got := wire.AppendExported([]byte("before"), attrsOf(t, c.in), c.e)
			if want := append([]byte("before"), c.want.octets()...); !bytes.Equal(got, want) {
				t.Errorf("exported as\n%x, want\n%x", got, want)
			}
		})
	}
}

func TestStampedAttributes(t *testing.T) {
	some, unknown := attr(optionalPassed, bgp.AttrExtCommunities, 0x40, 2, 1, 1, 1, 1, 1, 1), attr(optionalPassed|partial, 99, 1)
	for _, c := range []struct {
		name string
		in   list
		tags []uint32
		want list
	}{
		{"no tags and nothing to remove change nothing", list{some, largeAttr("1:1:1"), unknown}, nil, list{some, largeAttr("1:1:1"), unknown}},
		{"tags make the attribute, in its place", list{some, unknown}, []uint32{7}, list{some, largeAttr("64512:1:7"), unknown}},
		{"tags are sorted and stand there once", nil, []uint32{9, 7, 9}, list{largeAttr("64512:1:7", "64512:1:9")}},
		{"what a host says of itself is removed", list{largeAttr("64512:1:3", "64512:2:1", "64512:3:200")}, nil, nil},
		{"and replaced", list{largeAttr("64512:1:3", "64512:2:1", "65000:1:3")}, []uint32{4}, list{largeAttr("64512:1:4", "65000:1:3")}},
		{"what others wrote keeps its order", list{largeAttr("9:9:9", "64512:4:1", "1:1:1")}, []uint32{4}, list{largeAttr("9:9:9", "64512:1:4", "64512:4:1", "1:1:1")}},
		{
			"the Partial bit is kept",
			list{attr(optionalPassed|partial, bgp.AttrLargeCommunities, large("1:1:1")...)},
			[]uint32{4},
			list{attr(optionalPassed|partial, bgp.AttrLargeCommunities, large("1:1:1", "64512:1:4")...)},
		},
		{"tags beyond 255 octets get an extended length", nil, numbers(22), list{largeAttr(tagged(22)...)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wire.AppendStamped([]byte("before"), c.in.octets(), fabric, c.tags)
			if want := append([]byte("before"), c.want.octets()...); !bytes.Equal(got, want) {
				t.Errorf("stamped as\n%x, want\n%x", got, want)
			}
		})
	}
}

func tagged(n int) []string {
	var texts []string
	for _, tag := range numbers(n) {
		texts = append(texts, fmt.Sprintf("64512:1:%d", tag))
	}
	return texts
}

// However many tags there are, what is written is an attribute.
func TestTagsBeyondAnAttributeAreLeftOut(t *testing.T) {
	got := read(t, wire.AppendStamped(nil, largeAttr("1:1:1"), fabric, numbers(6000)))
	if len(got) != 1 || len(got[0].value) != 5461*12 {
		t.Errorf("%d attributes, the first of %d octets", len(got), len(got[0].value))
	}
}

func TestWhoWritesWhichLargeCommunities(t *testing.T) {
	for text, want := range map[string]bool{
		"64512:1:0": true, "64512:2:9": true, "64512:3:9": true, "64512:0:1": false, "64512:4:1": false, "64513:1:1": false,
	} {
		if got := wire.HasOwn(attrsOf(t, append(plain(), largeAttr("7:7:7", text))), fabric); got != want {
			t.Errorf("%s is the fabric's own: %t, want %t", text, got, want)
		}
	}
	if wire.HasOwn(attrsOf(t, plain()), fabric) {
		t.Error("no large community is the fabric's own")
	}
}

// A route of our own is what a decoder would make of it, to peers of both widths.
func TestOriginatedRoutesAreReadAsWritten(t *testing.T) {
	marks := []bgp.LargeCommunity{{Global: fabric, Local1: 2, Local2: 4}, {Global: 7, Local1: 7, Local2: 7}, {Global: fabric, Local1: 2, Local2: 4}}
	for _, hop := range []netip.Addr{netip.MustParseAddr("192.0.2.254"), hop6} {
		for _, communities := range [][]bgp.LargeCommunity{nil, marks} {
			made := wire.Originated(bgp.FamilyOf(hop), hop, communities...)
			nlri := run("10.0.0.0/16")
			if hop.Is6() {
				nlri = run("fd00::/48")
			}
			var batch wire.Batch
			octets := slices.Concat(made.Before, made.After)
			if faults := decoder(true).Update(announcement(hop, octets, nlri), &batch); len(faults) > 0 {
				t.Fatal(texts(faults))
			}
			if got := batch.Attrs[0]; fmt.Sprint(got) != fmt.Sprint(made) {
				t.Errorf("read as\n%v, made as\n%v", got, made)
			}
			batch.Reset()
			narrow := decoder(true)
			narrow.FourOctetAS = false
			if faults := narrow.Update(announcement(hop, wire.Narrow(octets), nlri), &batch); len(faults) > 0 || fmt.Sprint(batch.Attrs[0]) != fmt.Sprint(made) {
				t.Errorf("by a two-octet peer read as\n%v, %s, made as\n%v", batch.Attrs, texts(faults), made)
			}
			checkSet(t, &made)
		}
	}
	if got := wire.Originated(bgp.IPv6Unicast, hop6, marks...).After; !bytes.Equal(got, largeAttr("7:7:7", "64512:2:4")) {
		t.Errorf("large communities are %x", got)
	}
}

// announcement is the body of an UPDATE that announces one run.
func announcement(hop netip.Addr, attributes, nlri []byte) []byte {
	if hop.Is4() {
		return update(nil, attributes, nlri)
	}
	return update(nil, append(attr(optional, bgp.AttrMPReach, reach(2, 1, hop.AsSlice(), nlri)...), attributes...), nil)
}

// Marking costs memory only where there is none yet.
func TestExportingAllocatesNothing(t *testing.T) {
	tagged := append(plain().with(attr(optional, bgp.AttrMED, 0, 0, 0, 1)).with(communities(1)), largeAttr("64512:1:7", "1:1:1"))
	for name, attrs := range map[string]*bgp.Attrs{"plain": attrsOf(t, plain()), "with tags": attrsOf(t, tagged)} {
		dst := make([]byte, 0, 4096)
		for _, e := range []wire.Export{{ASN: fabric}, {ASN: fabric, Class: 4, NoAdvertise: true}} {
			if n := testing.AllocsPerRun(100, func() { dst = wire.AppendExported(dst[:0], attrs, e) }); n != 0 {
				t.Errorf("%s as %+v: %v allocations", name, e, n)
			}
		}
		if n := testing.AllocsPerRun(100, func() { dst = wire.AppendStamped(dst[:0], attrs.After, fabric, nineTags) }); n != 0 {
			t.Errorf("%s, stamped: %v allocations", name, n)
		}
	}
}

var nineTags = numbers(9)

func BenchmarkExport(b *testing.B) {
	for _, c := range []struct {
		name string
		l    list
	}{{"plain", plain()}, {"tagged", append(plain(), largeAttr(tagged(4)...))}} {
		b.Run(c.name, func(b *testing.B) {
			attrs := attrsOf(b, c.l)
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				dst = wire.AppendExported(dst[:0], attrs, wire.Export{ASN: fabric, Class: 1, NoAdvertise: true})
			}
		})
	}
}

// Whatever was received, an external peer reads what was exported without a fault
// and as it was meant.
func FuzzExported(f *testing.F) {
	for _, p := range corpus() {
		if p.typ == wire.TypeUpdate {
			f.Add(p.body, uint32(4), true)
		}
	}
	f.Add(update(nil, append(plain().with(asPath(confedSequence(1), sequence(2), confedSet(3))).octets(), largeAttr("64512:1:7", "1:1:1")...), run("10.0.0.0/24")), uint32(0), false)
	f.Add(update(nil, append(plain().with(communities(9, noAdvertise, 8)).octets(), attr(optionalPassed, bgp.AttrExtCommunities, 0x40, 2, 1, 1, 1, 1, 1, 1)...), run("10.0.0.0/24")), uint32(1), true)
	f.Fuzz(func(t *testing.T, body []byte, class uint32, noAdvertise bool) {
		if len(body) > wire.MaxExtendedMessage-wire.HeaderLength {
			return
		}
		for _, d := range settings() {
			var batch wire.Batch
			d.Update(slices.Clip(bytes.Clone(body)), &batch)
			for _, item := range batch.Items {
				if item.Kind == wire.Announced {
					checkExported(t, d.Local, item, &batch.Attrs[item.Attrs], wire.Export{ASN: 4200000001, Class: class, NoAdvertise: noAdvertise})
				}
			}
			for i := range batch.Attrs {
				checkStamped(t, &batch.Attrs[i], []uint32{class, 5})
			}
		}
	})
}

// What attribute sets of any form become.
func TestExportedSetsAreWhatWasMeant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		six := rapid.Bool().Draw(t, "ipv6")
		sent, _ := drawAttributes(t, six)
		var nlri []byte
		if !six {
			nlri = run("10.0.0.0/24")
		}
		var batch wire.Batch
		decoder(true).Update(update(nil, sent.octets(), nlri), &batch)
		for _, item := range batch.Items {
			if item.Kind == wire.Announced {
				e := wire.Export{ASN: bgp.ASN(rapid.Uint32Min(1).Draw(t, "asn")), Class: rapid.Uint32().Draw(t, "class"), NoAdvertise: rapid.Bool().Draw(t, "no advertise")}
				checkExported(t, us, item, &batch.Attrs[item.Attrs], e)
			}
		}
	})
}

func checkExported(t tester, local netip.Addr, item wire.Item, a *bgp.Attrs, e wire.Export) {
	attrs := wire.AppendExported(nil, a, e)
	for _, two := range []bool{false, true} {
		if two {
			attrs = wire.Narrow(attrs)
		}
		p := wire.Packer{Limit: wire.MaxExtendedMessage}
		if !p.Fits(item.Family, attrs) {
			continue
		}
		p.Announce(item.Family, attrs, a.NextHop)
		pack(&p, item.NLRI.Prefixes(item.Family))
		p.Close()
		peer := wire.Decoder{FourOctetAS: !two, Families: both, Local: local}
		var heard wire.Batch
		for _, m := range messages(t, p.Octets, wire.MaxExtendedMessage) {
			if faults := peer.Update(m[wire.HeaderLength:], &heard); len(faults) > 0 {
				t.Fatalf("exported, two octets %t: %s in %x", two, texts(faults), m)
			}
		}
		for _, h := range heard.Items {
			b := &heard.Attrs[h.Attrs]
			if h.Kind != wire.Announced || b.NextHop != a.NextHop || b.HasMED || b.HasLocalPref || b.Originator != 0 || len(b.Clusters) > 0 {
				t.Fatalf("exported, two octets %t, heard as %+v", two, b)
			}
			if got, want := meant(b.Before, b.After), expected(a, e); got != want {
				t.Fatalf("exported, two octets %t, heard as\n%s, want\n%s", two, got, want)
			}
		}
	}
}

// tester is what the checks need of a test.
type tester interface {
	Helper()
	Fatalf(string, ...any)
}

// parts are the attributes of a set by type, with the flags but for the extended
// length; of AS_PATH the hops alone, since its segments may be cut otherwise.
func parts(halves ...[]byte) map[bgp.AttrType]string {
	m := map[bgp.AttrType]string{}
	for _, b := range halves {
		for len(b) > 0 {
			head, n := 3, int(b[2])
			if b[0]&extended != 0 {
				head, n = 4, int(binary.BigEndian.Uint16(b[2:]))
			}
			m[bgp.AttrType(b[1])] = string([]byte{b[0] &^ extended}) + string(b[head:head+n])
			b = b[head+n:]
		}
	}
	m[bgp.AttrASPath] = hops([]byte(m[bgp.AttrASPath])[1:])
	delete(m, bgp.AttrLocalPref) // which the decoder puts in again
	return m
}

func hops(p []byte) string {
	var words []string
	for ; len(p) > 0; p = p[2+4*int(p[1]):] {
		if p[0] > 2 {
			continue
		}
		for i := range int(p[1]) {
			words = append(words, fmt.Sprintf("%d/%d", p[0], binary.BigEndian.Uint32(p[2+4*i:])))
		}
	}
	return strings.Join(words, " ")
}

func meant(halves ...[]byte) string { return text(parts(halves...)) }

func text(m map[bgp.AttrType]string) string {
	var lines []string
	for typ := range 256 {
		if v, ok := m[bgp.AttrType(typ)]; ok {
			lines = append(lines, fmt.Sprintf("%d %q", typ, v))
		}
	}
	return strings.Join(lines, "\n")
}

// expected is what an external peer is to hear, computed the plain way.
func expected(a *bgp.Attrs, e wire.Export) string {
	m := parts(a.Before, a.After)
	m[bgp.AttrASPath] = strings.TrimSpace(fmt.Sprintf("2/%d %s", e.ASN, m[bgp.AttrASPath]))
	for typ, v := range m {
		if typ != bgp.AttrASPath && v[0]&wellKnown == 0 {
			delete(m, typ)
		}
	}
	quiet := string([]byte{0xff, 0xff, 0xff, 2})
	if values := chunks(m[bgp.AttrCommunities], 4); e.NoAdvertise && !slices.Contains(values, quiet) {
		m[bgp.AttrCommunities] = flagsOf(m[bgp.AttrCommunities]) + strings.Join(insert(values, quiet), "")
	}
	for typ, size := range map[bgp.AttrType]int{bgp.AttrExtCommunities: 8, bgp.AttrIPv6ExtCommunity: 20} {
		keepOnly(m, typ, slices.DeleteFunc(chunks(m[typ], size), func(v string) bool { return v[0]&0x40 != 0 }))
	}
	values := withoutOwn(chunks(m[bgp.AttrLargeCommunities], 12), e.ASN)
	own := fmt.Sprintf("%d", e.ASN)
	if e.Class != 0 {
		values = insert(values, string(large(own+":2:"+fmt.Sprint(e.Class))))
	}
	if a.HasLocalPref && a.LocalPref != 100 {
		values = insert(values, string(large(own+":3:"+fmt.Sprint(a.LocalPref))))
	}
	keepOnly(m, bgp.AttrLargeCommunities, values)
	return text(m)
}

func checkStamped(t tester, a *bgp.Attrs, tags []uint32) {
	got := parts([]byte{wellKnown, 2, 0}, wire.AppendStamped(nil, a.After, fabric, tags))
	want := parts([]byte{wellKnown, 2, 0}, a.After)
	values := withoutOwn(chunks(want[bgp.AttrLargeCommunities], 12), fabric)
	slices.Sort(tags)
	for _, tag := range slices.Compact(tags) {
		values = insert(values, string(large(fmt.Sprintf("64512:1:%d", tag))))
	}
	keepOnly(want, bgp.AttrLargeCommunities, values)
	if text(got) != text(want) {
		t.Fatalf("stamped as\n%s, want\n%s", text(got), text(want))
	}
}

func chunks(v string, size int) []string {
	var list []string
	if v != "" {
		for v = v[1:]; v != ""; v = v[size:] {
			list = append(list, v[:size])
		}
	}
	return list
}

func flagsOf(v string) string {
	if v == "" {
		return string([]byte{optionalPassed})
	}
	return v[:1]
}

func keepOnly(m map[bgp.AttrType]string, typ bgp.AttrType, values []string) {
	if len(values) == 0 {
		delete(m, typ)
		return
	}
	m[typ] = flagsOf(m[typ]) + strings.Join(values, "")
}

// insert puts a value before the first that is greater.
func insert(values []string, v string) []string {
	i := slices.IndexFunc(values, func(other string) bool { return other > v })
	if i < 0 {
		i = len(values)
	}
	return slices.Insert(values, i, v)
}

func withoutOwn(values []string, asn bgp.ASN) []string {
	return slices.DeleteFunc(values, func(v string) bool {
		global, part := binary.BigEndian.Uint32([]byte(v)), binary.BigEndian.Uint32([]byte(v[4:]))
		return global == uint32(asn) && part >= 1 && part <= 3
	})
}
