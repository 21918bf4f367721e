package topology_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"heddle/topology"
)

// fabric is two racks with all there is to them, by path below the prefix.
func fabric() map[string]string {
	return map[string]string{
		"settings":          `{"asn":64512,"discard":["192.0.2.254","2001:db8::dead"]}`,
		"racks/r1":          `{"routeBudget":16000}`,
		"pools/blue":        `{"prefix":"10.1.0.0/16","rack":"r1"}`,
		"pools/blue6":       `{"prefix":"fd00:1::/64","rack":"r1"}`,
		"pools/green":       `{"prefix":"10.2.0.0/16","rack":"r2","summaries":false}`,
		"pools/green-inner": `{"prefix":"10.2.9.0/24","rack":"r2"}`,
		"pools/anycast":     `{"prefix":"10.9.0.0/24","anycast":true}`,
		"nodes/h1":          `{"addresses":["192.0.2.11","2001:db8::11"],"rack":"r1"}`,
		"nodes/h2":          `{"addresses":["192.0.2.12"],"rack":"r2"}`,
		"routers/tor1":      `{"role":"tor","rack":"r1","addresses":["192.0.2.1"],"asn":65001}`,
		"routers/tor2":      `{"role":"tor","rack":"r2","addresses":["192.0.2.2"],"asn":65002}`,
		"routers/rr1":       `{"role":"reflector","rack":"r1","serves":["r1","r2"],"addresses":["192.0.2.251"]}`,
		"tags/web":          `{"id":1}`,
		"policies/web":      `{"appliesTo":["web"],"ingress":[{"action":"allow"}]}`,
		"workloads/h1/web1": `{"addresses":["10.1.0.5","fd00:1::5"],"tags":["web"]}`,
		"workloads/h1/dns":  `{"addresses":["10.9.0.1"]}`,
		"workloads/h2/dns":  `{"addresses":["10.9.0.1"]}`,
		"workloads/h2/web2": `{"addresses":["10.1.0.6"],"tags":["web"]}`,
	}
}

func changes(values map[string]string) []topology.Change {
	var out []topology.Change
	for _, path := range slices.Sorted(maps.Keys(values)) {
		out = append(out, topology.Change{Path: topology.Prefix + path, Value: []byte(values[path])})
	}
	return out
}

func snapshotOf(values map[string]string) *topology.Snapshot {
	var inv topology.Inventory
	inv.Apply(1, changes(values))
	return inv.Snapshot()
}

// tell writes down all that a snapshot answers, but for its revision.
func tell(s *topology.Snapshot) string {
	var out strings.Builder
	addresses := map[netip.Addr]bool{}
	for object := range s.Objects() {
		path, value := topology.Encode(object)
		fmt.Fprintln(&out, path, string(value))
		switch o := object.(type) {
		case topology.Node:
			for _, addr := range o.Addresses {
				addresses[addr] = true
			}
		case topology.Router:
			for _, addr := range o.Addresses {
				addresses[addr] = true
			}
		case topology.Workload:
			for _, addr := range o.Addresses {
				addresses[addr] = true
			}
		}
	}
	fmt.Fprintf(&out, "settings %v %+v\n", s.HasSettings(), s.Settings())
	for rack := range s.Racks() {
		fmt.Fprintf(&out, "rack %+v\n", rack)
	}
	for pool := range s.Pools() {
		fmt.Fprintf(&out, "pool %s summarised %v\n", pool.Name, s.Summarized(pool))
	}
	for _, addr := range slices.SortedFunc(maps.Keys(addresses), netip.Addr.Compare) {
		node, _ := s.NodeByAddress(addr)
		router, _ := s.RouterByAddress(addr)
		pool, _ := s.PoolOf(addr)
		fmt.Fprintf(&out, "%s node %q router %q pool %q", addr, node.Name, router.Name, pool.Name)
		for w := range s.WorkloadsAt(addr) {
			fmt.Fprintf(&out, " %s", w.Key())
		}
		fmt.Fprintln(&out)
	}
	for node := range s.Nodes() {
		for w := range s.WorkloadsOn(node.Name) {
			fmt.Fprintf(&out, "on %s %s\n", node.Name, w.Name)
		}
	}
	for _, problem := range s.Problems() {
		fmt.Fprintln(&out, problem)
	}
	return out.String()
}

func TestSnapshotAnswers(t *testing.T) {
	s := snapshotOf(fabric())
	if len(s.Problems()) > 0 {
		t.Fatalf("a sound fabric has problems: %v", s.Problems())
	}
	if pool, ok := s.PoolOf(netip.MustParseAddr("10.2.9.1")); !ok || pool.Name != "green-inner" {
		t.Errorf("the longest prefix does not win: %v", pool)
	}
	if pool, ok := s.PoolOf(netip.MustParseAddr("10.2.8.1")); !ok || pool.Name != "green" {
		t.Errorf("a shorter prefix is not found beside a longer one: %v", pool)
	}
	if pool, ok := s.PoolOf(netip.MustParseAddr("::a02:901")); ok {
		t.Errorf("an IPv6 address is in the IPv4 pool %v", pool)
	}
	if pool, ok := s.PoolOf(netip.Addr{}); ok {
		t.Errorf("no address is in %v", pool)
	}
	if node, ok := s.NodeByAddress(netip.MustParseAddr("2001:db8::11")); !ok || node.Name != "h1" {
		t.Errorf("the node of 2001:db8::11 is %v", node)
	}
	if node, ok := s.NodeByAddress(netip.MustParseAddr("192.0.2.1")); ok {
		t.Errorf("the address of a router is that of %v", node)
	}
	if router, ok := s.RouterByAddress(netip.MustParseAddr("192.0.2.1")); !ok || router.Name != "tor1" {
		t.Errorf("the router of 192.0.2.1 is %v", router)
	}
	var racks []string
	for rack := range s.Racks() {
		racks = append(racks, rack.Name)
	}
	if !slices.Equal(racks, []string{"r1", "r2"}) {
		t.Errorf("racks %v: r2 has no key but is named", racks)
	}
	summarized := map[string]bool{"blue": true, "blue6": true, "green": false, "green-inner": true, "anycast": false}
	for pool := range s.Pools() {
		if s.Summarized(pool) != summarized[pool.Name] {
			t.Errorf("pool %s summarised: %v", pool.Name, !summarized[pool.Name])
		}
	}
	if _, ok := s.Rack("r3"); ok {
		t.Error("a rack exists that nothing names")
	}
	if _, ok := s.Workload("h1", "web2"); ok {
		t.Error("h1 runs what h2 runs")
	}
}

func TestEmptySnapshotHasDefaults(t *testing.T) {
	s := new(topology.Inventory).Snapshot()
	if s.HasSettings() || !s.Settings().Summaries || s.Settings().Ownership != topology.OwnershipWarn || s.Settings().ASN != 0 {
		t.Errorf("settings %+v", s.Settings())
	}
	if len(s.Problems()) > 0 {
		t.Errorf("problems %v", s.Problems())
	}
}

func TestSnapshotIsTheSameWhileNothingChanges(t *testing.T) {
	var inv topology.Inventory
	inv.Apply(7, changes(fabric()))
	first := inv.Snapshot()
	inv.Apply(8, changes(fabric()))
	inv.Apply(9, []topology.Change{{Path: topology.Prefix + "nodes/nobody"}})
	inv.Apply(10, []topology.Change{{Path: topology.Prefix + "nodes/h2", Value: []byte(`{ "rack":"r2", "addresses":["192.0.2.12"] }`)}})
	inv.Replace(11, changes(fabric()))
	if second := inv.Snapshot(); second != first {
		t.Error("another snapshot of the same fabric")
	}
	if first.Revision() != 7 {
		t.Errorf("revision %d, want 7, that of the last change", first.Revision())
	}
	inv.Apply(12, []topology.Change{{Path: topology.Prefix + "nodes/h2", Value: []byte(`{"addresses":["192.0.2.13"]}`)}})
	if second := inv.Snapshot(); second == first || second.Revision() != 12 {
		t.Error("a change gives no new snapshot")
	}
}

func TestBadValueKeepsTheLastGoodOne(t *testing.T) {
	path := topology.Prefix + "nodes/h1"
	var inv topology.Inventory
	put := func(value string) { inv.Apply(1, []topology.Change{{Path: path, Value: []byte(value)}}) }

	put(`{"addresses":["oops"]}`)
	if _, ok := inv.Snapshot().Node("h1"); ok {
		t.Fatal("a bad value made a node")
	}
	want := `addresses[0]: "oops" is no IP address: write one such as 192.0.2.1 or 2001:db8::1 (no good value is known: the object does not exist until then)`
	if got := inv.Snapshot().Problems(); len(got) != 1 || got[0] != (topology.Problem{Object: "node h1", Text: want}) {
		t.Fatalf("problems %v", got)
	}

	put(`{"addresses":["192.0.2.11"]}`)
	if got := inv.Snapshot().Problems(); len(got) != 0 {
		t.Fatalf("problems %v", got)
	}

	put(`{"addresses":["oops"]}`)
	if node, ok := inv.Snapshot().Node("h1"); !ok || node.Addresses[0].String() != "192.0.2.11" {
		t.Fatalf("node %v: the last good value is gone", node)
	}
	if got := inv.Snapshot().Problems(); len(got) != 1 || !strings.Contains(got[0].Text, "the last good value stays in force") {
		t.Fatalf("problems %v", got)
	}

	put(`{"addresses":["192.0.2.12"],"colour":"red"}`)
	if node, _ := inv.Snapshot().Node("h1"); node.Addresses[0].String() != "192.0.2.12" {
		t.Fatalf("node %v: an unknown field made the value unusable", node)
	}
	if got := inv.Snapshot().Problems(); len(got) != 1 || !strings.Contains(got[0].Text, "colour: unknown field") {
		t.Fatalf("problems %v", got)
	}

	put(``)
	inv.Apply(2, []topology.Change{{Path: path}})
	if _, ok := inv.Snapshot().Node("h1"); ok || len(inv.Snapshot().Problems()) > 0 {
		t.Fatal("a deleted key left something behind")
	}
}

// A list that grows in the middle must not grow within a snapshot.
func TestSnapshotsOfOneNodeStandApart(t *testing.T) {
	var inv topology.Inventory
	var pictures []*topology.Snapshot
	for i := range 26 {
		inv.Apply(1, changes(map[string]string{
			fmt.Sprintf("workloads/h1/%c", 'z'-i): `{"addresses":["10.0.0.1"]}`,
		}))
		pictures = append(pictures, inv.Snapshot())
	}
	for i, picture := range pictures {
		var names string
		for w := range picture.WorkloadsOn("h1") {
			names += w.Name
		}
		if want := "abcdefghijklmnopqrstuvwxyz"[25-i:]; names != want {
			t.Errorf("snapshot %d has %s, want %s", i, names, want)
		}
		n := 0
		for range picture.WorkloadsAt(netip.MustParseAddr("10.0.0.1")) {
			n++
		}
		if n != i+1 {
			t.Errorf("snapshot %d has %d at the address, want %d", i, n, i+1)
		}
	}
}
