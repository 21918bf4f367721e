package topology_test

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heddle/topology"
	"heddle/topology/internal/generate"
)

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		name   string
		change []topology.Change
		want   topology.Delta
	}{
		{"nothing", nil, topology.Delta{}},
		{"a pool", changes(map[string]string{"pools/x": `{"prefix":"10.7.0.0/16"}`}), topology.Delta{Structure: true}},
		{"settings", changes(map[string]string{"settings": `{}`}), topology.Delta{Structure: true}},
		{"a rack", changes(map[string]string{"racks/r1": `{}`}), topology.Delta{Structure: true}},
		{"a node", changes(map[string]string{"nodes/h2": `{"addresses":["192.0.2.77"]}`}), topology.Delta{Structure: true}},
		{"a router that is gone", gone("routers/tor1"), topology.Delta{Structure: true}},
		{"the number of a tag", changes(map[string]string{"tags/web": `{"id":2}`}), topology.Delta{Tags: true}},
		{"a policy that is gone", gone("policies/web"), topology.Delta{Policies: true}},
		{
			"the addresses a workload had and has", changes(map[string]string{"workloads/h1/web1": `{"addresses":["10.1.0.5","10.1.0.7"]}`}),
			topology.Delta{Addresses: touched("10.1.0.5", "10.1.0.7", "fd00:1::5")},
		},
		{
			"the tags of a workload alone", changes(map[string]string{"workloads/h2/web2": `{"addresses":["10.1.0.6"]}`}),
			topology.Delta{Addresses: touched("10.1.0.6")},
		},
		{"a workload that came", changes(map[string]string{"workloads/h2/a": `{"addresses":["10.1.0.7"]}`}), topology.Delta{Addresses: touched("10.1.0.7")}},
		{"a workload that went", gone("workloads/h2/web2"), topology.Delta{Addresses: touched("10.1.0.6")}},
		{
			"the last workload of a node and the first of another", append(gone("workloads/h2/web2", "workloads/h2/dns"), changes(map[string]string{
				"workloads/h3/web2": `{"addresses":["10.1.0.6"]}`,
			})...), topology.Delta{Addresses: touched("10.1.0.6", "10.9.0.1")},
		},
		{
			"there and back", append(append(gone("workloads/h2/web2", "pools/blue"), changes(map[string]string{"workloads/h2/web2": `{"addresses":["10.8.0.6"]}`})...),
				changes(fabric())...), topology.Delta{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var inv topology.Inventory
			inv.Apply(1, changes(fabric()))
			old := inv.Snapshot()
			inv.Apply(2, c.change)
			if got := inv.Snapshot().Diff(old); !reflect.DeepEqual(got, c.want) {
				t.Errorf("Diff = %+v, want %+v", got, c.want)
			}
			if got := old.Diff(inv.Snapshot()); !reflect.DeepEqual(got, c.want) {
				t.Errorf("the other way %+v, want %+v", got, c.want)
			}
		})
	}
}

func gone(paths ...string) []topology.Change {
	var out []topology.Change
	for _, path := range paths {
		out = append(out, topology.Change{Path: topology.Prefix + path})
	}
	return out
}

func touched(texts ...string) map[netip.Addr]struct{} {
	out := map[netip.Addr]struct{}{}
	for _, addr := range addrs(texts...) {
		out[addr] = struct{}{}
	}
	return out
}

// Any two of the snapshots on a random walk, of which one is of another inventory,
// differ as a comparison of everything they hold says.
func TestDiffAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var one, other topology.Inventory
		pictures := []*topology.Snapshot{nil, other.Snapshot()}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			path, value := topology.Encode(generate.Rival(t))
			if rapid.IntRange(0, 3).Draw(t, "gone") == 0 {
				value = nil
			}
			one.Apply(1, []topology.Change{{Path: path, Value: value}})
			if rapid.Bool().Draw(t, "both") {
				other.Apply(1, []topology.Change{{Path: path, Value: value}})
			}
			if rapid.Bool().Draw(t, "look") {
				pictures = append(pictures, one.Snapshot())
			}
		}
		pictures = append(pictures, one.Snapshot(), other.Snapshot())
		for range 10 {
			now := rapid.SampledFrom(pictures[1:]).Draw(t, "now")
			old := rapid.SampledFrom(pictures).Draw(t, "old")
			if got, want := now.Diff(old), modelDiff(now, old); !reflect.DeepEqual(got, want) {
				t.Fatalf("Diff = %+v, want %+v", got, want)
			}
		}
	})
}

func modelDiff(now, old *topology.Snapshot) topology.Delta {
	a, b := objects(now), objects(old)
	var d topology.Delta
	for _, key := range slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b))) {
		if reflect.DeepEqual(a[key], b[key]) {
			continue
		}
		switch key.Kind {
		case topology.KindTag:
			d.Tags = true
		case topology.KindPolicy:
			d.Policies = true
		case topology.KindWorkload:
			if d.Addresses == nil {
				d.Addresses = map[netip.Addr]struct{}{}
			}
			for _, object := range []topology.Object{a[key], b[key]} {
				if w, ok := object.(topology.Workload); ok {
					for _, addr := range w.Addresses {
						d.Addresses[addr] = struct{}{}
					}
				}
			}
		default:
			d.Structure = true
		}
	}
	return d
}

func objects(s *topology.Snapshot) map[topology.Key]topology.Object {
	out := map[topology.Key]topology.Object{}
	if s == nil {
		return out
	}
	for object := range s.Objects() {
		out[object.Key()] = object
	}
	return out
}
