package topology_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"heddle/topology"
)

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]string
		want   []string // object and the beginning of the text
	}{
		{
			"two nodes claim one address",
			map[string]string{"nodes/h3": `{"addresses":["192.0.2.11"],"rack":"r1"}`},
			[]string{"node h3: claims 192.0.2.11, which belongs to node h1: give one of the two another address"},
		},
		{
			"a node claims the address of a router",
			map[string]string{"nodes/h3": `{"addresses":["192.0.2.1"],"rack":"r1"}`},
			[]string{"router tor1: claims 192.0.2.1, which belongs to node h3: "},
		},
		{
			"a router has the discard address",
			map[string]string{"routers/tor1": `{"role":"tor","rack":"r1","addresses":["192.0.2.254"],"asn":65001}`},
			[]string{"router tor1: claims 192.0.2.254, which belongs to settings: "},
		},
		{
			"a workload claims the address of another node",
			map[string]string{"workloads/h1/thief": `{"addresses":["192.0.2.12"]}`},
			[]string{"workload h1/thief: claims 192.0.2.12, which belongs to node h2: "},
		},
		{
			"a service may have the address of its own host", map[string]string{"workloads/h1/self": `{"addresses":["192.0.2.11"]}`}, nil,
		},
		{
			"a ToR in the AS of the fabric",
			map[string]string{"routers/tor1": `{"role":"tor","rack":"r1","addresses":["192.0.2.1"],"asn":64512}`},
			[]string{"router tor1: has AS 64512, that of the fabric, but sessions with a tor are eBGP: "},
		},
		{
			"a reflector in another AS",
			map[string]string{"routers/rr1": `{"role":"reflector","serves":["r1","r2"],"addresses":["192.0.2.251"],"asn":65000}`},
			[]string{"router rr1: has AS 65000, but the fabric is AS 64512: "},
		},
		{
			"two reflectors of one cluster with other racks",
			map[string]string{
				"routers/rr1": `{"role":"reflector","serves":["r1"],"addresses":["192.0.2.251"],"clusterID":"1.1.1.1"}`,
				"routers/rr2": `{"role":"reflector","serves":["r1","r2"],"addresses":["192.0.2.252"],"clusterID":"1.1.1.1"}`,
				"routers/rr3": `{"role":"reflector","serves":["r2"],"addresses":["192.0.2.253"]}`,
			},
			[]string{"router rr2: shares cluster ID 1.1.1.1 with router rr1 but serves other racks"},
		},
		{
			"two reflectors of one cluster with the same racks are a pair", map[string]string{
				"routers/rr1": `{"role":"reflector","serves":["r1","r2"],"addresses":["192.0.2.251"],"clusterID":"1.1.1.1"}`,
				"routers/rr2": `{"role":"reflector","serves":["r2","r1"],"addresses":["192.0.2.252"],"clusterID":"1.1.1.1"}`,
			}, nil,
		},
		{
			"a rack with nodes that nobody serves",
			map[string]string{"nodes/h3": `{"addresses":["192.0.2.13"],"rack":"r3"}`},
			[]string{"rack r3: has nodes but no reflector serves it: add r3 to the serves of a reflector"},
		},
		{
			"a node without a rack among racks",
			map[string]string{"nodes/h3": `{"addresses":["192.0.2.13"]}`},
			[]string{"node h3: stands in no rack, "},
		},
		{
			"two pools of one prefix",
			map[string]string{"pools/zzz": `{"prefix":"10.1.0.0/16","rack":"r1"}`},
			[]string{"pool zzz: has prefix 10.1.0.0/16, as has pool blue, which counts, though neither is summarised: delete one "},
		},
		{
			"no discard address for a family that is summarised",
			map[string]string{"settings": `{"discard":["192.0.2.254"]}`},
			[]string{"pool blue6: is to be summarised, but there is no ipv6 discard address for a next hop: "},
		},
		{
			"nothing is summarised, so no discard address is missed", map[string]string{
				"settings": `{"summaries":false}`,
			}, nil,
		},
		{
			"a node numbered from a pool, where nobody hears its summary", map[string]string{
				"nodes/h2":     `{"addresses":["10.1.0.12"],"rack":"r2"}`,
				"routers/tor1": `{"role":"spine","addresses":["192.0.2.1"],"asn":65001}`,
				"routers/tor2": `{"role":"spine","addresses":["192.0.2.2"],"asn":65001}`,
			}, nil,
		},
		{
			"workloads of a node that does not exist are told once",
			map[string]string{
				"workloads/h9/b": `{"addresses":["10.1.9.1"]}`, "workloads/h9/a": `{"addresses":["10.1.9.2"]}`,
			},
			[]string{"node h9: does not exist, yet 2 workloads such as a stand under it: "},
		},
		{
			"a single workload of a node that does not exist is named",
			map[string]string{"workloads/h9/a": `{"addresses":["10.1.9.2"]}`},
			[]string{"node h9: does not exist, yet workload a stands under it: "},
		},
		{
			"two live workloads with one address",
			map[string]string{"workloads/h2/twin": `{"addresses":["10.1.0.5"]}`},
			[]string{"workload h2/twin: has address 10.1.0.5, as has workload h1/web1: delete one, make one prepared or leaving, or declare the pool anycast"},
		},
		{
			"a workload on its way is no duplicate", map[string]string{
				"nodes/h2":          `{"addresses":["192.0.2.12","2001:db8::12"],"rack":"r2"}`,
				"workloads/h2/web1": `{"addresses":["10.1.0.5","fd00:1::5"],"tags":["web"],"state":"prepared"}`,
			}, nil,
		},
		{
			"nor is one on its way out", map[string]string{
				"nodes/h2":          `{"addresses":["192.0.2.12","2001:db8::12"],"rack":"r2"}`,
				"workloads/h2/web1": `{"addresses":["10.1.0.5","fd00:1::5"],"tags":["web"],"state":"leaving"}`,
			}, nil,
		},
		{
			"a workload that leaves for nowhere", map[string]string{
				"workloads/h1/web2": `{"addresses":["10.1.0.9"],"state":"leaving"}`,
			}, []string{"workload h1/web2: is leaving, yet 10.1.0.9 is live nowhere: make it live, or delete it"},
		},
		{
			"two tags with one number",
			map[string]string{"tags/zzz": `{"id":1}`},
			[]string{"tag zzz: has number 1, as has tag web: "},
		},
		{
			"a tag without a number",
			map[string]string{
				"workloads/h2/web2": `{"addresses":["10.1.0.6"],"tags":["db"]}`,
				"policies/db":       `{"appliesTo":["web"],"egress":[{"action":"allow","to":{"tags":["db"]}}]}`,
			},
			[]string{"tag db: has no number, yet 2 workloads and policies name it: "},
		},
		{
			"a tag without a number that is named once",
			map[string]string{"workloads/h2/web2": `{"addresses":["10.1.0.6"],"tags":["db"]}`},
			[]string{"tag db: has no number, yet a workload or policy names it: "},
		},
		{
			"a key of a kind we do not know",
			map[string]string{"gadgets/x": `{}`},
			[]string{`/heddle/v1/gadgets/x: key "/heddle/v1/gadgets/x" names no kind of object: `},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := fabric()
			maps.Copy(values, c.values)
			problems := snapshotOf(values).Problems()
			if len(problems) != len(c.want) {
				t.Fatalf("%d problems, want %d: %v", len(problems), len(c.want), problems)
			}
			for i, problem := range problems {
				if !strings.HasPrefix(problem.String(), c.want[i]) {
					t.Errorf("problem %q\nwant    %q", problem, c.want[i])
				}
			}
		})
	}
}

func TestProblemsGoAway(t *testing.T) {
	var inv topology.Inventory
	inv.Apply(1, changes(fabric()))
	inv.Apply(2, changes(map[string]string{
		"workloads/h2/twin": `{"addresses":["10.1.0.5"],"tags":["lost"]}`,
		"workloads/h9/x":    `{"addresses":["10.1.0.5"]}`,
		"odd":               ``,
	}))
	if n := len(inv.Snapshot().Problems()); n != 5 {
		t.Fatalf("%d problems, want 5: %v", n, inv.Snapshot().Problems())
	}
	for _, path := range []string{"workloads/h2/twin", "workloads/h9/x", "odd"} {
		inv.Apply(3, []topology.Change{{Path: topology.Prefix + path}})
	}
	if problems := inv.Snapshot().Problems(); len(problems) > 0 {
		t.Errorf("problems stay: %v", problems)
	}
}

// The count of what is at home in a rack follows each change, as one from the
// beginning would find.
func TestBudgetIsKeptAsWorkloadsCome(t *testing.T) {
	var inv topology.Inventory
	inv.Apply(1, changes(fabric()))
	inv.Apply(1, changes(map[string]string{"racks/r1": `{"routeBudget":3}`})) // three are at home there
	for _, step := range []struct {
		name   string
		change []topology.Change
		over   bool
	}{
		{"as many as there is room for", nil, false},
		{"one more, although it lives elsewhere", changes(map[string]string{"workloads/h2/x": `{"addresses":["10.1.0.9"]}`}), true},
		{"gone again", gone("workloads/h2/x"), false},
		{"a second workload of one address", changes(map[string]string{"workloads/h2/x": `{"addresses":["10.1.0.5"],"state":"prepared"}`}), false},
		{"the first of them goes", gone("workloads/h1/web1"), false},
		{"a pool more at home there", changes(map[string]string{"pools/anycast": `{"prefix":"10.9.0.0/24","rack":"r1"}`}), false},
		{"two addresses in it", changes(map[string]string{"workloads/h2/y": `{"addresses":["10.9.0.2","10.9.0.3"]}`}), true},
		{"the pool moves its home", changes(map[string]string{"pools/anycast": `{"prefix":"10.9.0.0/24","rack":"r2"}`}), false},
		{"less room", changes(map[string]string{"racks/r1": `{"routeBudget":1}`}), true},
		{"no budget", changes(map[string]string{"racks/r1": `{}`}), false},
	} {
		inv.Apply(2, step.change)
		over := slices.ContainsFunc(inv.Snapshot().Problems(), func(p topology.Problem) bool {
			return p.Object == "rack r1" && strings.Contains(p.Text, "routeBudget")
		})
		if over != step.over {
			t.Errorf("%s: over the budget %v\n%v", step.name, over, inv.Snapshot().Problems())
		}
	}
}

func TestProblemsAreSorted(t *testing.T) {
	problems := snapshotOf(map[string]string{"b": `{}`, "a": `{}`, "nodes/h": `{}`, "nodes/g": `{"addresses":[1,2]}`}).Problems()
	if len(problems) != 5 || !slices.IsSortedFunc(problems, topology.Problem.Compare) {
		t.Errorf("problems %v", problems)
	}
}
