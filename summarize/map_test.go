package summarize_test

import (
	"fmt"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"heddle/summarize"
	"heddle/topology"
)

func snapshot(t testing.TB, values map[string]string) *topology.Snapshot {
	var inventory topology.Inventory
	var changes []topology.Change
	for path, value := range values {
		changes = append(changes, topology.Change{Path: topology.Prefix + path, Value: []byte(value)})
	}
	inventory.Apply(1, changes)
	return inventory.Snapshot()
}

func TestPlacesOfAFabric(t *testing.T) {
	var names summarize.Names
	m := summarize.Compile(snapshot(t, map[string]string{
		"settings":        `{"discard":["192.0.2.254"]}`,
		"pools/blue":      `{"prefix":"10.1.0.0/16","rack":"r1","public":true}`,
		"pools/service":   `{"prefix":"10.1.9.0/24","anycast":true}`,
		"pools/plain":     `{"prefix":"10.2.0.0/16","rack":"r2","summaries":false}`,
		"pools/six":       `{"prefix":"fd02::/32","rack":"r2"}`,
		"nodes/h1":        `{"addresses":["192.0.2.11","2001:db8::11"],"rack":"r1"}`,
		"nodes/nowhere":   `{"addresses":["192.0.2.19"]}`,
		"workloads/h1/w":  `{"addresses":["10.1.0.5"]}`,
		"workloads/h2/w":  `{"addresses":["10.1.0.5"],"state":"prepared"}`,
		"workloads/h3/w":  `{"addresses":["10.1.0.5"],"state":"leaving"}`,
		"workloads/h2/w2": `{"addresses":["10.1.0.6"]}`,
	}), &names, topology.OwnershipUnset)
	for _, c := range []struct{ prefix, want string }{
		{"10.1.0.5/32", "blue r1"},
		{"10.1.9.1/32", "service "},
		{"10.1.0.0/16", "blue r1"},
		{"10.1.0.0/17", "blue r1"},
		{"10.0.0.0/8", " "},
		{"10.2.0.1/32", "plain r2"},
		{"fd02::5/128", "six r2"},
		{"fd03::5/128", " "},
		{"0.0.0.0/0", " "},
	} {
		info := m.Info(m.PoolOf(netip.MustParsePrefix(c.prefix)))
		if got := info.Name + " " + names.Name(info.Home); got != c.want {
			t.Errorf("%s is of pool and home %q, want %q", c.prefix, got, c.want)
		}
	}
	for pool, want := range map[string]summarize.PoolFlags{
		// The service pool has no home and lies inside: a summary of blue would mislead.
		"10.1.0.0/16": summarize.InPool | summarize.Public, "10.1.9.0/24": summarize.InPool | summarize.Anycast,
		"10.2.0.0/16": summarize.InPool,
		"fd02::/32":   summarize.InPool, // there is no discard address of the family
	} {
		p, ok := m.PoolAt(netip.MustParsePrefix(pool))
		if got := m.Info(p).Flags; !ok || got != want {
			t.Errorf("pool %s has flags %b, want %b", pool, got, want)
		}
	}
	if h, ok := m.HostAt(netip.MustParseAddr("2001:db8::11")); !ok || h.Node != "h1" || names.Name(h.Rack) != "r1" {
		t.Errorf("h1 is %+v", h)
	}
	if h, ok := m.HostAt(netip.MustParseAddr("192.0.2.19")); !ok || h.Rack != 0 {
		t.Errorf("the host without a rack is %+v", h)
	}
	for _, c := range []struct {
		node, addr string
		want       summarize.Claim
	}{
		{"h1", "10.1.0.5", summarize.ClaimLive},
		{"h2", "10.1.0.5", summarize.ClaimPrepared},
		{"h3", "10.1.0.5", summarize.ClaimLeaving},
		{"h2", "10.1.0.6", summarize.ClaimLive},
		{"h1", "10.1.0.6", summarize.ClaimNone},
		{"", "10.1.0.6", summarize.ClaimNone},
	} {
		if got := m.Claim(c.node, netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%s claims %s: %d, want %d", c.node, c.addr, got, c.want)
		}
	}
}

func TestRacksKeepTheirNumbers(t *testing.T) {
	var names summarize.Names
	summarize.Compile(snapshot(t, map[string]string{"nodes/a": `{"addresses":["192.0.2.1"],"rack":"r1"}`, "nodes/b": `{"addresses":["192.0.2.2"],"rack":"r2"}`}), &names, topology.OwnershipUnset)
	one, two := names.ID("r1"), names.ID("r2")
	summarize.Compile(snapshot(t, map[string]string{"nodes/b": `{"addresses":["192.0.2.2"],"rack":"r2"}`, "nodes/c": `{"addresses":["192.0.2.3"],"rack":"r0"}`}), &names, topology.OwnershipUnset)
	if names.ID("r1") != one || names.ID("r2") != two || names.ID("r0") == one || names.ID("r0") == two || names.ID("") != 0 {
		t.Error("a number was given anew")
	}
}

// What differs between two maps is found: nothing that a route is judged by changes
// without the delta saying so.
func TestADeltaMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var names summarize.Names
		draw := func() map[string]string {
			values := map[string]string{}
			if rapid.Bool().Draw(t, "settings") {
				values["settings"] = fmt.Sprintf(`{"ownership":%q,"discard":[%q]}`,
					rapid.SampledFrom([]string{"warn", "enforce"}).Draw(t, "ownership"), rapid.SampledFrom([]string{"192.0.2.254", "192.0.2.253"}).Draw(t, "discard"))
			}
			for i := range 2 {
				values[fmt.Sprintf("pools/p%d", i)] = fmt.Sprintf(`{"prefix":"10.%d.0.0/16","rack":%q,"public":%v}`,
					rapid.IntRange(0, 3).Draw(t, "prefix"), rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "home"), rapid.Bool().Draw(t, "public"))
				values[fmt.Sprintf("nodes/n%d", i)] = fmt.Sprintf(`{"addresses":["192.0.2.%d"],"rack":%q}`, i+1, rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "rack"))
				values[fmt.Sprintf("workloads/n%d/w", i)] = fmt.Sprintf(`{"addresses":["10.1.0.%d"],"state":%q,"tags":["t"]}`,
					rapid.IntRange(1, 3).Draw(t, "address"), rapid.SampledFrom([]string{"live", "prepared"}).Draw(t, "state"))
			}
			values["tags/t"] = fmt.Sprintf(`{"id":%d}`, rapid.IntRange(1, 2).Draw(t, "id"))
			return values
		}
		a, b := compile(draw(), &names), compile(draw(), &names)
		d := a.Diff(b)
		for i := range 4 {
			prefix := netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i))
			if x, y := *a.Info(a.PoolOf(prefix)), *b.Info(b.PoolOf(prefix)); x != y && !d.Pools {
				t.Fatalf("%s is of %+v and of %+v, and pools do not differ", prefix, x, y)
			}
			addr := netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i))
			if x, _ := a.HostAt(addr); !d.Hosts {
				if y, _ := b.HostAt(addr); x != y {
					t.Fatalf("%s is %+v and %+v, and hosts do not differ", addr, x, y)
				}
			}
			home := netip.MustParseAddr(fmt.Sprintf("10.1.0.%d", i))
			for _, node := range []string{"n0", "n1"} {
				if _, told := d.Addresses[home]; a.Claim(node, home) != b.Claim(node, home) && !told {
					t.Fatalf("%s claims %s otherwise, and the address is not among the delta's", node, home)
				}
			}
		}
		if x, y := a.Snapshot().Settings(), b.Snapshot().Settings(); x.Ownership != y.Ownership && !d.Judgement {
			t.Fatal("ownership differs, and judgement does not")
		}
		if !a.Diff(a).Empty() {
			t.Fatal("a map differs from itself")
		}
	})
}

func compile(values map[string]string, names *summarize.Names) *summarize.Map {
	var inventory topology.Inventory
	var changes []topology.Change
	for path, value := range values {
		changes = append(changes, topology.Change{Path: topology.Prefix + path, Value: []byte(value)})
	}
	inventory.Apply(1, changes)
	return summarize.Compile(inventory.Snapshot(), names, topology.OwnershipUnset)
}
