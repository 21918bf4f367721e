package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"heddle/topology"
	"heddle/topology/manifest"
)

// soundFabric has two racks, each with a ToR, a reflector that serves both and a
// host; a spine and a border router.
const soundFabric = `
- {kind: settings, asn: 64512, discard: [192.0.2.254, "2001:db8::dead"]}
- {kind: rack, name: r1, routeBudget: 3}
- {kind: pool, name: blue, prefix: 10.1.0.0/16, rack: r1, public: true}
- {kind: pool, name: blue6, prefix: "fd00:1::/64", rack: r1}
- {kind: pool, name: green, prefix: 10.2.0.0/16, rack: r2}
- {kind: pool, name: service, prefix: 10.9.0.0/24, anycast: true}
- {kind: node, name: h1, addresses: [192.0.2.11, "2001:db8::11"], rack: r1}
- {kind: node, name: h2, addresses: [192.0.2.12], rack: r2}
- {kind: router, name: edge, role: border, asn: 65200, addresses: [192.0.2.9], exceptions: true}
- {kind: router, name: rr1, role: reflector, rack: r1, serves: [r1, r2], addresses: [192.0.2.251]}
- {kind: router, name: rr2, role: reflector, rack: r2, serves: [r1, r2], addresses: [192.0.2.252]}
- {kind: router, name: s1, role: spine, asn: 65100, addresses: [192.0.2.3]}
- {kind: router, name: s2, role: spine, asn: 65100, addresses: [192.0.2.4]}
- {kind: router, name: t1, role: tor, rack: r1, asn: 65001, addresses: [192.0.2.1]}
- {kind: router, name: t1b, role: tor, rack: r1, asn: 65001, addresses: [192.0.2.5]}
- {kind: router, name: t2, role: tor, rack: r2, asn: 65002, addresses: [192.0.2.2]}
- {kind: workload, node: h1, name: dns, addresses: [10.9.0.1]}
- {kind: workload, node: h1, name: web1, addresses: [10.1.0.5, "fd00:1::5"]}
- {kind: workload, node: h2, name: web2, addresses: [10.2.0.5]}
`

func TestWrongFabrics(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrong string   // what takes the place of objects of the sound fabric, or joins them
		gone  []string // objects of the sound fabric, as topology.Key prints them
		want  string   // all that check says
	}{
		{name: "none is wrong, and an anycast pool may have a single instance"},
		{
			name:  "a pool is to be summarised without a discard address of its family",
			wrong: `- {kind: settings, asn: 64512, discard: [192.0.2.254]}`,
			want:  "pool blue6: is to be summarised, but there is no ipv6 discard address for a next hop: add one to discard in the settings",
		},
		{
			name:  "the discard address lies in a pool",
			wrong: `- {kind: settings, asn: 64512, discard: [10.1.255.254, "2001:db8::dead"]}`,
			want: "settings: discard address 10.1.255.254 lies in pool blue (10.1.0.0/16), so that a summary may be its own next hop and a workload may get it: " +
				"take one outside every pool",
		},
		{
			name:  "the discard address is that of a node",
			wrong: `- {kind: settings, asn: 64512, discard: [192.0.2.12, "2001:db8::dead"]}`,
			want:  "node h2: claims 192.0.2.12, which belongs to settings: give one of the two another address",
		},
		{
			name:  "the discard address is that of a router",
			wrong: `- {kind: settings, asn: 64512, discard: [192.0.2.1, "2001:db8::dead"]}`,
			want:  "router t1: claims 192.0.2.1, which belongs to settings: give one of the two another address",
		},
		{
			name:  "a workload claims the discard address",
			wrong: `- {kind: workload, node: h2, name: web2, addresses: [192.0.2.254]}`,
			want:  "workload h2/web2: claims 192.0.2.254, which belongs to settings: give it another address",
		},
		{
			name:  "a workload claims the address of a ToR",
			wrong: `- {kind: workload, node: h2, name: web2, addresses: [192.0.2.2]}`,
			want:  "workload h2/web2: claims 192.0.2.2, which belongs to router t2: give it another address",
		},
		{
			name:  "two nodes have one address",
			wrong: `- {kind: node, name: h2, addresses: [192.0.2.11], rack: r2}`,
			want:  "node h2: claims 192.0.2.11, which belongs to node h1: give one of the two another address",
		},
		{
			name:  "a node is numbered from a pool",
			wrong: `- {kind: node, name: h2, addresses: [10.1.0.12], rack: r2}`,
			want: "pool blue: covers the address of node h2, 10.1.0.12, which its summary leads to discard wherever the route to it is missing: " +
				"number them from another range, or set summaries: false",
		},
		{
			name: "nodes and routers are numbered from a pool, the outer of two",
			wrong: `
- {kind: node, name: h1, addresses: [10.2.0.11, "2001:db8::11"], rack: r1}
- {kind: node, name: h2, addresses: [10.2.0.12], rack: r2}
- {kind: router, name: t2, role: tor, rack: r2, asn: 65002, addresses: [10.2.3.1]}
- {kind: pool, name: inner, prefix: 10.2.3.0/24, rack: r2, summaries: false}`,
			want: "pool green: covers the addresses of nodes and routers, among them that of node h1, 10.2.0.11, " +
				"which its summary leads to discard wherever the route to it is missing: number them from another range, or set summaries: false",
		},
		{
			name:  "a node has a link-local address",
			wrong: `- {kind: node, name: h2, addresses: [169.254.0.12], rack: r2}`,
			want:  "node h2: has address 169.254.0.12, which is link-local and so no next hop beyond its link: write one that is valid in the whole fabric",
		},
		{
			name:  "a pool is at home where no node stands",
			wrong: `- {kind: pool, name: red, prefix: 10.3.0.0/16, rack: r3}`,
			want:  "pool red: is at home in rack r3, in which no node stands: correct its rack, or add the nodes",
		},
		{
			name: "a rack has summaries and no ToR",
			gone: []string{"router t2"},
			want: "rack r2: is home of pool green but has no ToR to announce the summary, unlike other racks: add its ToR, or set summaries: false on it",
		},
		{
			name:  "a ToR is in the AS of the fabric",
			wrong: `- {kind: router, name: t2, role: tor, rack: r2, asn: 64512, addresses: [192.0.2.2]}`,
			want:  "router t2: has AS 64512, that of the fabric, but sessions with a tor are eBGP: give it an AS of its own",
		},
		{
			name:  "a spine is in the AS of the fabric",
			wrong: `- {kind: router, name: s1, role: spine, asn: 64512, addresses: [192.0.2.3]}`,
			want:  "router s1: has AS 64512, that of the fabric, but sessions with a spine are eBGP: give it an AS of its own",
		},
		{
			name:  "a border router is in the AS of the fabric",
			wrong: `- {kind: router, name: edge, role: border, asn: 64512, addresses: [192.0.2.9]}`,
			want:  "router edge: has AS 64512, that of the fabric, but sessions with a border are eBGP: give it an AS of its own",
		},
		{
			name:  "ToRs of two racks share an AS",
			wrong: `- {kind: router, name: t2, role: tor, rack: r2, asn: 65001, addresses: [192.0.2.2]}`,
			want:  "router t2: has AS 65001, as has the ToR of rack r1, t1, so that each refuses the routes of the other as loops: give one of the two another AS",
		},
		{
			name:  "a ToR is in the AS of the spines",
			wrong: `- {kind: router, name: t2, role: tor, rack: r2, asn: 65100, addresses: [192.0.2.2]}`,
			want:  "router t2: has AS 65100, as has the spine s1, so that each refuses the routes of the other as loops: give one of the two another AS",
		},
		{
			name:  "a border router is in the AS of a ToR",
			wrong: `- {kind: router, name: edge, role: border, asn: 65002, addresses: [192.0.2.9]}`,
			want:  "router t2: has AS 65002, as has the border edge, so that each refuses the routes of the other as loops: give one of the two another AS",
		},
		{
			name: "no reflector serves the ToR of a rack",
			wrong: `
- {kind: rack, name: r3}
- {kind: router, name: t3, role: tor, rack: r3, asn: 65003, addresses: [192.0.2.33]}`,
			want: "rack r3: has a ToR but no reflector serves it: add r3 to the serves of a reflector",
		},
		{
			name:  "no reflector serves the nodes of a rack",
			wrong: `- {kind: node, name: h3, addresses: [192.0.2.13], rack: r3}`,
			want:  "rack r3: has nodes but no reflector serves it: add r3 to the serves of a reflector",
		},
		{
			name:  "one of two reflectors serves a rack",
			wrong: `- {kind: router, name: rr2, role: reflector, rack: r2, addresses: [192.0.2.252]}`,
			want:  "rack r1: is served by router rr1 alone and hears nothing while that is down: add r1 to the serves of another reflector",
		},
		{
			name:  "a single reflector serves all, having named no rack: nothing is wrong",
			wrong: `- {kind: router, name: rr1, role: reflector, addresses: [192.0.2.251]}`,
			gone:  []string{"router rr2"},
		},
		{
			name:  "a reflector serves a rack of which nobody knows",
			wrong: `- {kind: router, name: rr2, role: reflector, serves: [r1, r2, r22], addresses: [192.0.2.252]}`,
			want:  "router rr2: serves rack r22, in which nothing stands: correct its name, or add its nodes",
		},
		{
			name:  "a ToR and the reflectors have no family in common",
			wrong: `- {kind: router, name: t2, role: tor, rack: r2, asn: 65002, addresses: ["2001:db8::2"]}`,
			want: `router t2: has ipv6 addresses alone and router rr1 ipv4 alone, so that they can have no session: give one an address of the other's family
router t2: has ipv6 addresses alone and router rr2 ipv4 alone, so that they can have no session: give one an address of the other's family`,
		},
		{
			name: "two reflectors have no family in common",
			wrong: `
- {kind: router, name: rr1, role: reflector, serves: [r1, r2], addresses: [192.0.2.251, "2001:db8::251"]}
- {kind: router, name: rr2, role: reflector, serves: [r1, r2], addresses: [192.0.2.252, "2001:db8::252"]}
- {kind: router, name: rr3, role: reflector, serves: [r1, r2], addresses: [192.0.2.253, "2001:db8::253"]}
- {kind: router, name: rr4, role: reflector, rack: r1, addresses: ["2001:db8::254"]}
- {kind: router, name: rr5, role: reflector, rack: r1, addresses: [192.0.2.250]}
- {kind: router, name: edge, role: border, asn: 65200, addresses: [192.0.2.9, "2001:db8::9"]}
- {kind: router, name: s1, role: spine, asn: 65100, addresses: [192.0.2.3, "2001:db8::3"]}
- {kind: router, name: s2, role: spine, asn: 65100, addresses: [192.0.2.4, "2001:db8::4"]}
- {kind: router, name: t1, role: tor, rack: r1, asn: 65001, addresses: [192.0.2.1, "2001:db8::1"]}
- {kind: router, name: t1b, role: tor, rack: r1, asn: 65001, addresses: [192.0.2.5, "2001:db8::5"]}`,
			want: "router rr4: has ipv6 addresses alone and router rr5 ipv4 alone, so that they can have no session: give one an address of the other's family",
		},
		{
			name:  "a workload has an IPv6 address on a node without one",
			wrong: `- {kind: workload, node: h2, name: web2, addresses: [10.2.0.5, "fd00:1::6"]}`,
			want:  "node h2: has no ipv6 address for a next hop, yet workload web2 on it needs one: give the node one, or take the workload's",
		},
		{
			name: "workloads have IPv4 addresses on a node without one",
			wrong: `
- {kind: node, name: h2, addresses: ["2001:db8::12"], rack: r2}
- {kind: workload, node: h2, name: web3, addresses: [10.2.0.6]}
- {kind: workload, node: h2, name: a, addresses: ["fd00:1::7"]}`,
			want: "node h2: has no ipv4 address for a next hop, yet 2 workloads such as web2 on it need one: give the node one, or take theirs",
		},
		{
			name:  "a node stands in no rack",
			wrong: `- {kind: node, name: h3, addresses: [192.0.2.13]}`,
			want:  "node h3: stands in no rack, so that each of its routes is an exception everywhere: name its rack",
		},
		{
			name:  "pools of two homes nest",
			wrong: `- {kind: pool, name: red, prefix: 10.2.7.0/24, rack: r1}`,
			want: "pool red: is of rack r1 and lies in pool green (10.2.0.0/16) of rack r2, so that neither is summarised: " +
				"home both in one rack, give one another prefix, or set summaries: false on both",
		},
		{
			name:  "a pool without a home lies in one that has one",
			wrong: `- {kind: pool, name: service, prefix: 10.2.9.0/24, anycast: true}`,
			want: "pool service: lies in pool green (10.2.0.0/16) of rack r2 and has no home, so that green is not summarised: " +
				"give it rack r2 or another prefix, or set summaries: false on green",
		},
		{
			name:  "two pools have one prefix",
			wrong: `- {kind: pool, name: red, prefix: 10.2.0.0/16, rack: r2}`,
			want:  "pool red: has prefix 10.2.0.0/16, as has pool green, which counts, though neither is summarised: delete one or give it another prefix",
		},
		{
			name: "a public pool without a home, of which border routers hear each address",
			wrong: `
- {kind: pool, name: service, prefix: 10.9.0.0/24, public: true}
- {kind: router, name: edge, role: border, asn: 65200, addresses: [192.0.2.9]}`,
			want: "pool service: is public but has no home, so that there is no summary of it and border routers hear each of its addresses: " +
				"give it a rack, or set summaries: false on it if that is meant",
		},
		{
			name:  "a border router asks for exceptions where nothing is public",
			wrong: `- {kind: pool, name: blue, prefix: 10.1.0.0/16, rack: r1}`,
			want:  "router edge: asks for the exceptions of public pools, but no pool is public: make one public, or delete its exceptions",
		},
		{
			name:  "the summary of a public pool shows a private one",
			wrong: `- {kind: pool, name: cellar, prefix: 10.1.66.0/24, rack: r1}`,
			want: "pool cellar: is not public, but lies in pool blue (10.1.0.0/16), whose summary shows it to border routers: " +
				"make it public, or give it a prefix outside",
		},
		{
			name:  "more addresses are at home in a rack than its ToRs have room for",
			wrong: `- {kind: workload, node: h2, name: strayed, addresses: [10.1.0.6, 10.1.0.7]}`,
			want: "rack r1: is home to 4 addresses, but each of its ToRs has room for 3 routes: " +
				"raise routeBudget if they have more, or number workloads from the pool of another rack",
		},
		{
			name:  "two live workloads have one address",
			wrong: `- {kind: workload, node: h2, name: twin, addresses: [10.1.0.5]}`,
			want:  "workload h2/twin: has address 10.1.0.5, as has workload h1/web1: delete one, make one prepared or leaving, or declare the pool anycast",
		},
		{
			name: "workloads stand under a node that is not there",
			gone: []string{"node h1"},
			want: `node h1: does not exist, yet 2 workloads such as dns stand under it: add the node or delete them
pool blue: is at home in rack r1, in which no node stands: correct its rack, or add the nodes
pool blue6: is at home in rack r1, in which no node stands: correct its rack, or add the nodes`,
		},
		{
			name:  "a reflector is in another AS than the fabric",
			wrong: `- {kind: router, name: rr2, role: reflector, rack: r2, serves: [r1, r2], addresses: [192.0.2.252], asn: 65000}`,
			want:  "router rr2: has AS 65000, but the fabric is AS 64512: delete its asn, a reflector has that of the fabric",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			objects := changed(t, c.wrong, c.gone)
			err := judge(&out, snapshotOf(objects), len(objects))
			got := strings.TrimSuffix(out.String(), "\n")
			if c.want == "" {
				if err != nil {
					t.Errorf("problems are\n%s", got)
				}
				return
			}
			if err == nil || got != c.want {
				t.Errorf("problems are\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// changed is the sound fabric with some objects in the place of others.
func changed(t *testing.T, wrong string, gone []string) []topology.Object {
	t.Helper()
	fabric := map[topology.Key]topology.Object{}
	for _, text := range []string{soundFabric, wrong} {
		objects, err := manifest.Parse("fabric.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			fabric[object.Key()] = object
		}
	}
	maps.DeleteFunc(fabric, func(key topology.Key, _ topology.Object) bool { return slices.Contains(gone, key.String()) })
	return slices.Collect(maps.Values(fabric))
}
