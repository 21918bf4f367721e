package reflector

import (
	"context"
	"net/netip"
	"slices"

	"heddle/bgp"
	"heddle/reflector/rib"
	"heddle/topology"
)

// missing counts the black holes: addresses of live workloads that nobody announces
// from their node. It goes through the inventory a slice at a time, round after
// round.
type missing struct {
	count int // in the last whole round

	nodes []string // still to come in the round under way
	found int
}

// missingSlice is how many workloads are looked at per housekeeping: about two
// milliseconds.
const missingSlice = 8 << 10

// lookForMissing does a slice of a round.
func (r *Reflector) lookForMissing() {
	w, s := &r.missing, r.rib.Map().Snapshot()
	if len(w.nodes) == 0 {
		w.begin(s)
	}
	for budget := missingSlice; budget > 0 && len(w.nodes) > 0; w.nodes = w.nodes[1:] {
		for workload := range s.WorkloadsOn(w.nodes[0]) {
			budget--
			w.found += len(r.unannounced(workload))
		}
	}
	if len(w.nodes) == 0 {
		w.count = w.found
	}
}

func (w *missing) begin(s *topology.Snapshot) {
	w.found, w.nodes = 0, nil
	for node := range s.Nodes() {
		w.nodes = append(w.nodes, node.Name)
	}
}

// unannounced lists the addresses of a live workload that no path leads to its node
// for.
func (r *Reflector) unannounced(w topology.Workload) []netip.Addr {
	if w.State != topology.Live {
		return nil
	}
	var list []netip.Addr
	for _, addr := range w.Addresses {
		if !r.rib.Owned(w.Node, addr) {
			list = append(list, addr)
		}
	}
	return list
}

// BlackHole is an address that a live workload has and nobody announces from its node.
type BlackHole struct {
	Address  netip.Addr
	Workload string
	Node     string
	Session  bool // the node has one with us
}

// BlackHoles calls back for every black hole, by node.
func (r *Reflector) BlackHoles(ctx context.Context, each func(BlackHole) error) error {
	var snapshot *topology.Snapshot
	var nodes []topology.Node
	if err := r.ask(ctx, func() { snapshot = r.rib.Map().Snapshot() }); err != nil {
		return err
	}
	nodes = slices.Collect(snapshot.Nodes())
	for _, node := range nodes {
		var found []BlackHole
		err := r.ask(ctx, func() {
			for w := range snapshot.WorkloadsOn(node.Name) {
				for _, addr := range r.unannounced(w) {
					found = append(found, BlackHole{addr, w.Name, node.Name, r.connected(node)})
				}
			}
		})
		if err != nil {
			return err
		}
		for _, hole := range found {
			if err := each(hole); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reflector) connected(node topology.Node) bool {
	return slices.ContainsFunc(node.Addresses, func(addr netip.Addr) bool {
		m := r.members[addr]
		return m != nil && m.up
	})
}

// Ghost is a route inside a pool that a host announces without a workload.
type Ghost struct {
	Prefix  netip.Prefix
	From    string
	Node    string // empty: the peer is no node of the inventory
	NextHop netip.Addr
	Refused bool
}

// Ghosts calls back for every ghost of a family, in no particular order.
func (r *Reflector) Ghosts(ctx context.Context, family bgp.Family, each func(Ghost) error) error {
	for at := uint32(0); ; {
		var page []Ghost
		err := r.ask(ctx, func() {
			at = r.rib.Ghosts(family, at, exceptionsPage, func(prefix netip.Prefix, p rib.Path) {
				page = append(page, Ghost{prefix, r.announcer(p.Source).Name, p.Node, p.Attrs.NextHop, p.Refused != rib.RefusedNot})
			})
		})
		if err != nil {
			return err
		}
		for _, ghost := range page {
			if err := each(ghost); err != nil {
				return err
			}
		}
		if at == 0 {
			return nil
		}
	}
}
