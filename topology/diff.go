package topology

import (
	"maps"
	"net/netip"
	"reflect"
	"strings"
)

// Delta is what differs between two snapshots, by who must look again.
type Delta struct {
	// Structure: settings, racks, pools, nodes or routers.
	Structure bool
	// Tags: which tags there are, or their numbers.
	Tags bool
	// Policies: any of them.
	Policies bool
	// Addresses are those of workloads that came, went or changed in any way: the
	// ones they had and the ones they have. Nil if there are none.
	Addresses map[netip.Addr]struct{}
}

// Diff finds what changed from an old snapshot to this one; nil stands for an
// empty fabric. Between snapshots of one inventory it visits only what changed
// and the list of nodes: what did not is one map, or one list of workloads, in
// both. Snapshots that have nothing to do with each other are compared in full.
func (s *Snapshot) Diff(old *Snapshot) Delta {
	if old == nil {
		old = new(Snapshot)
	}
	d := Delta{
		Structure: differ(s.settings, old.settings) || differ(s.racks, old.racks) || differ(s.pools, old.pools) ||
			differ(s.nodes, old.nodes) || differ(s.routers, old.routers),
		Tags:     differ(s.tags, old.tags),
		Policies: differ(s.policies, old.policies),
	}
	if !same(s.byNode, old.byNode) {
		d.workloads(s.byNode, old.byNode)
	}
	return d
}

// same says whether two maps are one, so that nothing in them need be compared.
func same[M ~map[K]V, K comparable, V any](a, b M) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

func differ[V any](now, old map[string]V) bool {
	return !same(now, old) && !maps.EqualFunc(now, old, func(a, b V) bool { return reflect.DeepEqual(a, b) })
}

func (d *Delta) workloads(now, old map[string][]*Workload) {
	found := 0 // nodes in both
	for node, list := range now {
		before, ok := old[node]
		if ok {
			found++
		}
		// A list is replaced, never written to.
		if len(list) != len(before) || &list[0] != &before[0] {
			d.node(list, before)
		}
	}
	if found == len(old) {
		return
	}
	for node, before := range old {
		if _, ok := now[node]; !ok {
			d.node(nil, before)
		}
	}
}

// node compares the workloads of one node, both lists sorted by name.
func (d *Delta) node(now, old []*Workload) {
	for len(now) > 0 && len(old) > 0 {
		switch order := strings.Compare(now[0].Name, old[0].Name); {
		case order < 0:
			d.touch(now[0])
			now = now[1:]
		case order > 0:
			d.touch(old[0])
			old = old[1:]
		default:
			if now[0] != old[0] && !reflect.DeepEqual(now[0], old[0]) {
				d.touch(now[0])
				d.touch(old[0])
			}
			now, old = now[1:], old[1:]
		}
	}
	for _, w := range now {
		d.touch(w)
	}
	for _, w := range old {
		d.touch(w)
	}
}

func (d *Delta) touch(w *Workload) {
	if d.Addresses == nil {
		d.Addresses = make(map[netip.Addr]struct{})
	}
	for _, addr := range w.Addresses {
		d.Addresses[addr] = struct{}{}
	}
}
