package derive_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heddle/agent/derive"
	"heddle/agent/fib"
	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/topology"
)

func snapshot(values map[string]string) *topology.Snapshot {
	var inv topology.Inventory
	var changes []topology.Change
	for path, value := range values {
		changes = append(changes, topology.Change{Path: topology.Prefix + path, Value: []byte(value)})
	}
	inv.Apply(1, changes)
	return inv.Snapshot()
}

var host = derive.Config{Node: "h1", Patterns: []string{"tap+"}, FailsafeIn: []derive.Service{{Protocol: topology.TCP, Port: 22}}}

// draw is a random host: its inventory and its interfaces.
func draw(t *rapid.T) (map[string]string, []fib.Link) {
	values := map[string]string{"nodes/h1": `{"addresses":["192.0.2.11","2001:db8::11"]}`, "tags/a": `{"id":1}`, "tags/b": `{"id":2}`}
	var links []fib.Link
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`(tap|wl|tap1)[0-9a-c]{0,3}`), 0, 60, rapid.ID).Draw(t, "interfaces")
	for i, name := range names {
		tags := rapid.SampledFrom([]string{`[]`, `["a"]`, `["b"]`, `["a","b"]`, `["none"]`, `["a-very-long-name-of-a-tag-that-fits-nowhere"]`, `["ü"]`}).Draw(t, "tags")
		mac := ""
		if rapid.Bool().Draw(t, "MAC") {
			mac = fmt.Sprintf(`"mac":"02:00:00:00:00:%02x",`, i+1)
		}
		values[fmt.Sprintf("workloads/h1/w%d", i)] = fmt.Sprintf(`{"addresses":["10.0.0.%d","fd00::%x"],%s"interface":"%s","tags":%s}`, i+1, i+1, mac, name, tags)
		if rapid.Bool().Draw(t, "there") {
			links = append(links, fib.Link{Index: 10 + i, Name: name, Up: rapid.Bool().Draw(t, "up")})
		}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "policies") {
		rule := rapid.SampledFrom([]string{
			`{"action":"allow"}`, `{"action":"deny","from":{"tags":["b"]}}`, `{"action":"allow","protocol":"tcp","ports":[1,2,3,4,5,6,7,8,9,"20-30","40-50","60-70","80-90"]}`,
			`{"action":"allow","from":{"tags":["a","unheard-of"],"prefixes":["10.0.0.0/8","fd00::/8","0.0.0.0/0"]}}`, `{"action":"deny","protocol":"icmp","icmpTypes":[8,13]}`,
		}).Draw(t, "rule")
		values[fmt.Sprintf("policies/p%d", i)] = fmt.Sprintf(`{"appliesTo":["a"],"ingress":[%s,{"action":"allow","protocol":"sctp"}],"egress":[%s]}`, rule, strings.ReplaceAll(rule, "from", "to"))
	}
	return values, links
}

// Whatever the host: the kernel takes its rules; each packet of a workload is judged by
// that workload's chains, and by nobody else's; equal inputs give equal states.
func TestEveryStateIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values, links := draw(t)
		s := snapshot(values)
		state := derive.For(s, links, host)
		if err := state.Filter.Check(); err != nil {
			t.Fatal(err)
		}
		shuffled := slices.Clone(links)
		slices.Reverse(shuffled)
		if again := derive.For(snapshot(values), shuffled, host); !reflect.DeepEqual(again.Filter, state.Filter) || !reflect.DeepEqual(again.Members, state.Members) {
			t.Fatal("equal inputs, and another state")
		}
		for w := range s.WorkloadsOn("h1") {
			for _, address := range w.Addresses {
				checkPort(t, state, w, address)
			}
		}
	})
}

func checkPort(t *rapid.T, state *derive.State, w topology.Workload, address netip.Addr) {
	nobody := func(string, netip.Addr) bool { return false }
	outside := netip.MustParseAddr("198.51.100.1")
	if address.Is6() {
		outside = netip.MustParseAddr("2001:db8:ffff::1")
	}
	p := firewall.Packet{In: w.Interface, Source: address, Destination: outside, MAC: w.MAC, Protocol: 17, SourcePort: 5, Port: 7}
	verdict, steps := state.Filter.Walk(firewall.Raw, "PREROUTING", p, nobody)
	if verdict != firewall.Accept || !met(steps, firewall.Prefix+"from-"+w.Interface) {
		t.Fatalf("%s by %s: %d after %v", address, w.Interface, verdict, steps)
	}
	for name, lie := range map[string]firewall.Packet{
		"another's address": change(p, func(p *firewall.Packet) { p.Source = outside }),
		"the wrong way":     change(p, func(p *firewall.Packet) { p.Spoofed = true }),
		"an unknown port":   change(p, func(p *firewall.Packet) { p.In = "tap-unknown" }),
	} {
		if verdict, _ := state.Filter.Walk(firewall.Raw, "PREROUTING", lie, nobody); verdict != firewall.Drop {
			t.Fatalf("%s of %s passes", name, w.Interface)
		}
	}
	if w.MAC != (topology.MAC{}) {
		lie := change(p, func(p *firewall.Packet) { p.MAC[5]++ })
		if verdict, _ := state.Filter.Walk(firewall.Raw, "PREROUTING", lie, nobody); verdict != firewall.Drop {
			t.Fatalf("another's MAC of %s passes", w.Interface)
		}
	}
	in := firewall.Packet{In: "eth0", Out: w.Interface, Source: outside, Destination: address, Protocol: 6, Port: 9}
	_, steps = state.Filter.Walk(firewall.Filter, "FORWARD", in, nobody)
	judged := 0
	for _, step := range steps {
		if strings.HasPrefix(step.Chain, firewall.Prefix+"ingress-") && step.Rule == 1 {
			judged++
		}
	}
	if judged != 1 {
		t.Fatalf("a packet to %s met %d policies", w.Interface, judged)
	}
}

func change(p firewall.Packet, f func(*firewall.Packet)) firewall.Packet { f(&p); return p }

func met(steps []firewall.Step, chain string) bool {
	return slices.ContainsFunc(steps, func(s firewall.Step) bool { return s.Chain == chain })
}

// A thousand ports cost a packet a few rules.
func TestAThousandPortsAreFoundQuickly(t *testing.T) {
	values := map[string]string{"nodes/h1": `{"addresses":["192.0.2.11"]}`}
	for i := range 1000 {
		values[fmt.Sprintf("workloads/h1/w%d", i)] = fmt.Sprintf(`{"addresses":["10.0.%d.%d"],"interface":"tap%08x"}`, i/250, i%250+1, i*2654435761%(1<<32))
	}
	s := snapshot(values)
	state := derive.For(s, nil, host)
	most := 0
	for w := range s.WorkloadsOn("h1") {
		_, steps := state.Filter.Walk(firewall.Raw, "PREROUTING", firewall.Packet{In: w.Interface, Source: w.Addresses[0], Destination: w.Addresses[0]}, nil)
		most = max(most, len(steps))
	}
	if most > 60 {
		t.Errorf("a packet meets %d rules", most)
	}
}

func TestWhatAPersonShouldMend(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]string
		links  []fib.Link
		want   string
	}{
		{
			"an address twice",
			map[string]string{"workloads/h1/a": `{"addresses":["10.0.0.1"],"interface":"tap1"}`, "workloads/h1/b": `{"addresses":["10.0.0.1"],"interface":"tap2"}`},
			nil, "workload h1/b: has address 10.0.0.1, which workload a of this node has, too",
		},
		{
			"an interface twice",
			map[string]string{"workloads/h1/a": `{"addresses":["10.0.0.1"],"interface":"tap1"}`, "workloads/h1/b": `{"addresses":["10.0.0.2"],"interface":"tap1"}`},
			nil, "workload h1/b: has interface tap1, which is workload a's",
		},
		{
			"the loopback",
			map[string]string{"workloads/h1/a": `{"addresses":["10.0.0.1"],"interface":"lo"}`},
			nil, "has interface lo, which is the host's loopback",
		},
		{
			"the uplink",
			map[string]string{"workloads/h1/a": `{"addresses":["10.0.0.1"],"interface":"eth0"}`},
			[]fib.Link{{Index: 2, Name: "eth0", Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.11/24")}}},
			"has the host's own address 192.0.2.11",
		},
		{
			"no pattern covers it",
			map[string]string{"workloads/h1/a": `{"addresses":["10.0.0.1"],"interface":"veth1"}`},
			nil, "none of --workload-interfaces covers",
		},
		{
			"a family that the node lacks",
			map[string]string{"workloads/h1/a": `{"addresses":["fd00::1"],"interface":"tap1"}`},
			[]fib.Link{{Index: 3, Name: "tap1", Up: true}},
			"no ipv6 address to announce it with",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.values["nodes/h1"] = `{"addresses":["192.0.2.11"]}`
			var got []string
			for _, p := range derive.For(snapshot(c.values), c.links, host).Problems {
				got = append(got, p.String())
			}
			if !slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("problems %q, want %q", got, c.want)
			}
		})
	}
}

// A workload may move from one interface of a host to another.
func TestAnAddressIsWhereItIsServed(t *testing.T) {
	links := []fib.Link{{Index: 3, Name: "tap1", Up: true}, {Index: 4, Name: "tap2", Up: true}}
	for _, c := range []struct {
		first, second string // the states of the workloads, by name
		link          int
	}{
		{"live", "live", 3},
		{"prepared", "live", 4},
		{"leaving", "live", 4},
		{"prepared", "leaving", 4},
		{"live", "prepared", 3},
		{"live", "leaving", 3},
		{"leaving", "prepared", 3},
	} {
		state := derive.For(snapshot(map[string]string{
			"nodes/h1":        `{"addresses":["192.0.2.11"]}`,
			"workloads/h1/w1": `{"addresses":["10.0.0.1"],"interface":"tap1","state":"` + c.first + `"}`,
			"workloads/h1/w2": `{"addresses":["10.0.0.1"],"interface":"tap2","state":"` + c.second + `"}`,
		}), links, host)
		if len(state.Routes) != 1 || state.Routes[0].Link != c.link {
			t.Errorf("%s and %s: routes are %+v, want one by %d", c.first, c.second, state.Routes, c.link)
		}
		if len(state.Workloads) != 2 || state.Workloads[0].Name != "w1" {
			t.Errorf("%s and %s: workloads are %+v", c.first, c.second, state.Workloads)
		}
	}
}

// Tags that are joined look like another tag, and are not it.
func TestSetsOfTagsAreNotMixedUp(t *testing.T) {
	state := derive.For(snapshot(map[string]string{
		"nodes/h1": `{"addresses":["192.0.2.11"]}`, "policies/p": `{"appliesTo":["a"],"ingress":[{"action":"allow"}]}`,
		"workloads/h1/w1": `{"addresses":["10.0.0.1"],"interface":"tap1","tags":["a+b"]}`,
		"workloads/h1/w2": `{"addresses":["10.0.0.2"],"interface":"tap2","tags":["a","b"]}`,
	}), nil, host)
	for port, want := range map[string]firewall.Verdict{"tap1": firewall.Drop, "tap2": firewall.Accept} {
		p := firewall.Packet{In: "eth0", Out: port, Source: netip.MustParseAddr("198.51.100.1"), Destination: netip.MustParseAddr("10.0.0.9"), Protocol: 6}
		if got, _ := state.Filter.Walk(firewall.Filter, "FORWARD", p, func(string, netip.Addr) bool { return false }); got != want {
			t.Errorf("to %s: %d, want %d", port, got, want)
		}
	}
}

// Two tags that share the beginning of a name share no set.
func TestNamesOfSetsNeverCollide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z+ü.~-]{1,40}`), 2, 8, rapid.ID).Draw(t, "tags")
		values := map[string]string{"nodes/h1": `{"addresses":["192.0.2.11"]}`}
		for i, name := range names {
			values[fmt.Sprintf("tags/%s", name)] = fmt.Sprintf(`{"id":%d}`, i+1)
			values[fmt.Sprintf("workloads/h1/w%d", i)] = fmt.Sprintf(`{"addresses":["10.0.0.%d"],"interface":"tap%d","tags":[%q]}`, i+1, i, name)
		}
		state := derive.For(snapshot(values), nil, host)
		seen := map[string]uint32{}
		for _, m := range state.Members {
			if other, twice := seen[m.Set]; twice && m.Family == bgp.IPv4Unicast {
				t.Fatalf("%s is the set of tags %d and %d", m.Set, other, m.Tag)
			}
			seen[m.Set] = m.Tag
		}
		if err := state.Filter.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
