package summarize

import (
	"maps"
	"net/netip"
	"slices"

	"heddle/topology"
)

// Delta says which parts of two maps differ.
type Delta struct {
	Pools     bool // a pool's prefix, home or flags
	Hosts     bool // an address of a node, or its rack
	Judgement bool // what decides about every route, such as ownership
	Summaries bool // the next hop of summaries
	// Addresses are those whose workloads differ.
	Addresses map[netip.Addr]struct{}
}

// Empty says that no route can be judged otherwise.
func (d Delta) Empty() bool {
	return !d.Pools && !d.Hosts && !d.Judgement && !d.Summaries && len(d.Addresses) == 0
}

// Diff says what next has that m has not, and the other way round.
func (m *Map) Diff(next *Map) Delta {
	changed := next.snapshot.Diff(m.snapshot)
	d := Delta{Addresses: changed.Addresses}
	if changed.Tags {
		d.retagged(m.snapshot, next.snapshot)
	}
	if !changed.Structure {
		return d
	}
	before, after := m.snapshot.Settings(), next.snapshot.Settings()
	d.Judgement = m.ownership != next.ownership || before.NormalRoutePriority != after.NormalRoutePriority ||
		m.Blank() != next.Blank()
	d.Summaries = !slices.Equal(before.Discard, after.Discard)
	d.Pools = !slices.EqualFunc(m.list, next.list, func(a, b PoolInfo) bool { return a == b })
	d.Hosts = !maps.Equal(m.hosts, next.hosts)
	return d
}

// retagged adds the addresses of the workloads with a tag whose number differs.
func (d *Delta) retagged(old, next *topology.Snapshot) {
	changed := map[string]bool{}
	compare := func(a, b *topology.Snapshot) {
		for tag := range a.Tags() {
			if other, ok := b.Tag(tag.Name); !ok || other.ID != tag.ID {
				changed[tag.Name] = true
			}
		}
	}
	compare(old, next)
	compare(next, old)
	for w := range next.Workloads() {
		if !slices.ContainsFunc(w.Tags, func(tag string) bool { return changed[tag] }) {
			continue
		}
		if d.Addresses == nil {
			d.Addresses = map[netip.Addr]struct{}{}
		}
		for _, addr := range w.Addresses {
			d.Addresses[addr] = struct{}{}
		}
	}
}
