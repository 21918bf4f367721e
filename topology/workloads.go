package topology

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"heddle/bgp"
)

// workloads are many, so they are kept such that changing one copies little: by
// node, each node's list being replaced as a whole, and by address in shards.
type workloads struct {
	byNode    table[string, []*Workload] // sorted by name
	byAddress [256]table[netip.Addr, []*Workload]
	contested map[netip.Addr]struct{} // addresses of more than one workload
	tagged    map[string]int          // how many carry a tag
	families  map[nodeFamily]int      // how many of a node have addresses of a family
	leaving   map[*Workload]int
}

type nodeFamily struct {
	node   string
	family bgp.Family
}

// shard spreads host addresses by their last octet, the one that differs most.
func shard(addr netip.Addr) byte { return addr.As16()[15] }

// byKey orders workloads by node, then name.
func byKey(a, b *Workload) int {
	return cmp.Or(strings.Compare(a.Node, b.Node), strings.Compare(a.Name, b.Name))
}

func (w *workloads) find(node, name string) (*Workload, bool) {
	return findByName(w.byNode.rows[node], name)
}

func findByName(list []*Workload, name string) (*Workload, bool) {
	i, found := slices.BinarySearchFunc(list, name, func(w *Workload, name string) int {
		return strings.Compare(w.Name, name)
	})
	if !found {
		return nil, false
	}
	return list[i], true
}

func (w *workloads) set(row *Workload) {
	w.remove(row.Node, row.Name)
	w.byNode.set(row.Node, inserted(w.byNode.rows[row.Node], row))
	for _, addr := range row.Addresses {
		index := &w.byAddress[shard(addr)]
		w.claim(addr, inserted(index.rows[addr], row))
	}
	w.count(row, 1)
}

func (w *workloads) remove(node, name string) {
	row, ok := w.find(node, name)
	if !ok {
		return
	}
	if rest := without(w.byNode.rows[node], row); len(rest) > 0 {
		w.byNode.set(node, rest)
	} else {
		w.byNode.remove(node)
	}
	for _, addr := range row.Addresses {
		w.claim(addr, without(w.byAddress[shard(addr)].rows[addr], row))
	}
	w.count(row, -1)
}

// count keeps the numbers that problems are found by.
func (w *workloads) count(row *Workload, by int) {
	if w.tagged == nil {
		w.tagged, w.families, w.leaving = make(map[string]int), make(map[nodeFamily]int), make(map[*Workload]int)
	}
	if row.State == Leaving {
		add(w.leaving, row, by)
	}
	for _, tag := range row.Tags {
		add(w.tagged, tag, by)
	}
	for _, family := range bgp.Families {
		if familiesOf(row.Addresses).Has(family) {
			add(w.families, nodeFamily{row.Node, family}, by)
		}
	}
}

func add[K comparable](counts map[K]int, key K, by int) {
	if counts[key] += by; counts[key] == 0 {
		delete(counts, key)
	}
}

// claim records who claims an address now.
func (w *workloads) claim(addr netip.Addr, owners []*Workload) {
	index := &w.byAddress[shard(addr)]
	if len(owners) == 0 {
		index.remove(addr)
	} else {
		index.set(addr, owners)
	}
	if w.contested == nil {
		w.contested = make(map[netip.Addr]struct{})
	}
	if len(owners) > 1 {
		w.contested[addr] = struct{}{}
	} else {
		delete(w.contested, addr)
	}
}

// inserted and without give new lists: the old ones may be in a snapshot.
func inserted(list []*Workload, row *Workload) []*Workload {
	i, _ := slices.BinarySearchFunc(list, row, byKey)
	return slices.Insert(slices.Clip(list), i, row)
}

func without(list []*Workload, row *Workload) []*Workload {
	return slices.DeleteFunc(slices.Clone(list), func(other *Workload) bool { return other == row })
}
