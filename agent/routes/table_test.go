package routes_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heddle/agent/routes"
	"heddle/bgp"
	"heddle/peering/wire"
)

const asn bgp.ASN = 64512

var reflectors = []netip.Addr{netip.MustParseAddr("192.0.2.251"), netip.MustParseAddr("192.0.2.252"), netip.MustParseAddr("2001:db8::253")}

// said is what one peer says of a prefix under one identifier.
type said struct {
	peer   netip.Addr
	id     uint32
	prefix netip.Prefix
}

type attributes struct {
	hop        netip.Addr
	pref       uint32
	originator bgp.RouterID
	tags       string // as bytes, sorted
	stale      bool
	unspoken   bool
}

func (a attributes) attrs() bgp.Attrs {
	var large []bgp.LargeCommunity
	for _, tag := range []byte(a.tags) {
		large = append(large, bgp.LargeCommunity{Global: uint32(asn), Local1: bgp.LargeTag, Local2: uint32(tag)})
	}
	out := wire.Originated(bgp.FamilyOf(a.hop), a.hop, large...)
	out.LocalPref, out.Originator = a.pref, a.originator
	return out
}

func batch(kind wire.Kind, family bgp.Family, ids bool, id uint32, p netip.Prefix, a attributes) *wire.Batch {
	item := wire.Item{Kind: kind, Family: family, PathIDs: ids}
	if p.IsValid() {
		if ids {
			item.NLRI = append(item.NLRI, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
		}
		item.NLRI = item.NLRI.AppendPrefix(p)
	}
	b := &wire.Batch{Items: []wire.Item{item}}
	if kind == wire.Announced {
		b.Attrs = []bgp.Attrs{a.attrs()}
	}
	return b
}

// model is the table in the plainest words.
type model map[said]attributes

// want is the next hops and tags of every prefix that has any, as text.
func (m model) want(protected []netip.Addr) map[netip.Prefix]string {
	guarded := slices.Clone(protected)
	prefixes := map[netip.Prefix][]said{}
	for s, a := range m {
		guarded = append(guarded, a.hop)
		prefixes[s.prefix] = append(prefixes[s.prefix], s)
	}
	out := map[netip.Prefix]string{}
	for p, list := range prefixes {
		best := slices.MinFunc(list, func(x, y said) int { return m.compare(x, y) })
		hops := map[string]bool{}
		for _, s := range list {
			if s.peer == best.peer && m[s].stale == m[best].stale && m[s].pref == m[best].pref {
				hops[m[s].hop.String()] = true
			}
		}
		if p.Bits() == 0 || slices.ContainsFunc(guarded, p.Contains) {
			hops = nil
		}
		out[p] = fmt.Sprintf("%v %x", slices.SortedFunc(maps.Keys(hops), func(a, b string) int {
			return netip.MustParseAddr(a).Compare(netip.MustParseAddr(b))
		}), m[best].tags)
		if len(hops) == 0 && m[best].tags == "" {
			delete(out, p)
		}
	}
	return out
}

func (m model) compare(x, y said) int {
	a, b := m[x], m[y]
	less := func(yes bool) int {
		if yes {
			return -1
		}
		return 1
	}
	switch {
	case a.stale != b.stale:
		return less(b.stale)
	case a.pref != b.pref:
		return less(a.pref > b.pref)
	case a.originator != b.originator:
		return less(a.originator < b.originator)
	case x.peer != y.peer:
		return less(x.peer.Less(y.peer))
	}
	return less(x.id < y.id)
}

// Whatever is said in whatever order, with peers lost and back: what was handed over as
// changes adds up to what the model says of what is true now.
func TestTheTableIsWhatIsSaidNow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, m := routes.New(asn), model{}
		got := map[netip.Prefix]string{}
		var protected []netip.Addr
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			protected = step(t, table, m, protected)
			if rapid.IntRange(0, 2).Draw(t, "flush") == 0 {
				flush(t, table, got)
				if want := m.want(protected); !maps.Equal(got, want) {
					t.Fatalf("table\n%v\nwant\n%v", got, want)
				}
				checkReading(t, table, got)
			}
		}
	})
}

func step(t *rapid.T, table *routes.Table, m model, protected []netip.Addr) []netip.Addr {
	remote := rapid.SampledFrom(reflectors).Draw(t, "peer")
	peer, _ := table.Join(remote)
	six := rapid.Bool().Draw(t, "IPv6")
	s := said{peer: remote, prefix: prefix(t, six)}
	ids := rapid.Bool().Draw(t, "path identifiers")
	if ids {
		s.id = rapid.Uint32Range(0, 2).Draw(t, "id")
	}
	family := bgp.FamilyOf(s.prefix.Addr())
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0, 1, 2, 3, 4:
		a := attributes{hop: hop(t, six), pref: rapid.SampledFrom([]uint32{100, 200}).Draw(t, "pref"), originator: bgp.RouterID(rapid.IntRange(0, 2).Draw(t, "originator")), tags: rapid.SampledFrom([]string{"", "\x07", "\x07\x09"}).Draw(t, "tags")}
		table.Take(peer, batch(wire.Announced, family, ids, s.id, s.prefix, a))
		m[s] = a
	case 5:
		table.Take(peer, batch(wire.Withdrawn, family, ids, s.id, s.prefix, attributes{}))
		delete(m, s)
	case 6:
		table.Lost(peer)
		m.mark(remote, true, 0)
	case 7:
		table.Take(peer, batch(wire.RefreshBegun, family, false, 0, netip.Prefix{}, attributes{}))
		m.mark(remote, false, family)
	case 8:
		all := rapid.Bool().Draw(t, "of both families")
		if all {
			table.Drop(peer)
		} else {
			table.Take(peer, batch(wire.RefreshEnded, family, false, 0, netip.Prefix{}, attributes{}))
		}
		maps.DeleteFunc(m, func(s said, a attributes) bool {
			return s.peer == remote && a.unspoken && (all || bgp.FamilyOf(s.prefix.Addr()) == family)
		})
	case 9:
		protected = []netip.Addr{hop(t, six), hop(t, !six)}
		table.Protect(protected)
	}
	return protected
}

func (m model) mark(peer netip.Addr, lost bool, family bgp.Family) {
	for s, a := range m {
		if s.peer == peer && (lost || bgp.FamilyOf(s.prefix.Addr()) == family) {
			a.unspoken, a.stale = true, a.stale || lost
			m[s] = a
		}
	}
}

// prefix draws one of few, some of which cover next hops.
func prefix(t *rapid.T, six bool) netip.Prefix {
	if six {
		return netip.MustParsePrefix(rapid.SampledFrom([]string{"::/0", "fd00::1/128", "fd00::2/128", "2001:db8::/64", "2001:db8::11/128"}).Draw(t, "prefix"))
	}
	return netip.MustParsePrefix(rapid.SampledFrom([]string{"0.0.0.0/0", "10.1.0.1/32", "10.1.0.2/32", "10.1.0.0/31", "192.0.2.0/24", "192.0.2.11/32", "192.0.0.0/16"}).Draw(t, "prefix"))
}

func hop(t *rapid.T, six bool) netip.Addr {
	if six {
		return netip.MustParseAddr(rapid.SampledFrom([]string{"2001:db8::11", "2001:db8::12", "fd01::1"}).Draw(t, "hop"))
	}
	return netip.MustParseAddr(rapid.SampledFrom([]string{"192.0.2.11", "192.0.2.12", "198.51.100.1"}).Draw(t, "hop"))
}

func flush(t *rapid.T, table *routes.Table, got map[netip.Prefix]string) {
	told := map[netip.Prefix]bool{}
	text := func(h routes.Hops, tags routes.Tags) string {
		var octets []byte
		for _, tag := range table.TagsOf(tags) {
			octets = append(octets, byte(tag))
		}
		return fmt.Sprintf("%v %x", table.HopsOf(h), octets)
	}
	table.Flush(func(c routes.Change) {
		if told[c.Prefix] || (c.Hops == c.OldHops && c.Tags == c.OldTags) {
			t.Fatalf("%v is told twice, or is none", c)
		}
		told[c.Prefix] = true
		if had, ok := got[c.Prefix]; ok && had != text(c.OldHops, c.OldTags) {
			t.Fatalf("%s was %s, not %s", c.Prefix, had, text(c.OldHops, c.OldTags))
		}
		if got[c.Prefix] = text(c.Hops, c.Tags); c.Hops == 0 && c.Tags == 0 {
			delete(got, c.Prefix)
		}
	})
}

// checkReading holds every way to read the table against what was handed over.
func checkReading(t *rapid.T, table *routes.Table, got map[netip.Prefix]string) {
	listed, used := 0, 0
	for r := range table.All() {
		if one, ok := table.Get(r.Prefix); !ok || one != r {
			t.Fatalf("%s is listed as %v and found as %v", r.Prefix, r, one)
		}
		if _, ok := got[r.Prefix]; ok {
			listed++
		}
		if r.Hops != 0 {
			used++
		}
	}
	if listed != len(got) || used != table.Routes(bgp.IPv4Unicast)+table.Routes(bgp.IPv6Unicast) {
		t.Fatalf("%d of %d listed, %d with next hops, counted %d and %d", listed, len(got), used, table.Routes(bgp.IPv4Unicast), table.Routes(bgp.IPv6Unicast))
	}
	seen := netip.MustParsePrefix("10.1.0.1/32")
	table.See(seen)
	unseen := map[netip.Prefix]bool{}
	for _, f := range bgp.Families {
		table.Unseen(f, func(p netip.Prefix, h routes.Hops) { unseen[p] = h != 0 })
	}
	for p, text := range got {
		if want := p != seen && !strings.HasPrefix(text, "[] "); unseen[p] != want {
			t.Fatalf("%s unseen is %t, want %t", p, unseen[p], want)
		}
	}
}

func TestMatchFindsTheLongest(t *testing.T) {
	table := routes.New(asn)
	peer, _ := table.Join(reflectors[0])
	for _, text := range []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.0.5/32", "0.0.0.0/0"} {
		p := netip.MustParsePrefix(text)
		table.Take(peer, batch(wire.Announced, bgp.IPv4Unicast, false, 0, p, attributes{hop: netip.MustParseAddr("192.0.2.11"), pref: 100}))
	}
	table.Flush(func(routes.Change) {})
	for _, c := range []struct{ address, want string }{
		{"10.1.0.5", "10.1.0.5/32"}, {"10.1.0.6", "10.1.0.0/16"}, {"10.2.0.1", "10.0.0.0/8"}, {"192.0.2.1", ""}, {"fd00::1", ""},
	} {
		r, ok := table.Match(netip.MustParseAddr(c.address))
		if got := r.Prefix.String(); ok != (c.want != "") || (ok && got != c.want) {
			t.Errorf("%s matches %s, %t; want %q", c.address, got, ok, c.want)
		}
	}
	for p, why := range table.Refused() {
		if p.String() != "0.0.0.0/0" || !strings.Contains(why, "default route") {
			t.Errorf("%s %s", p, why)
		}
	}
}
