package api

import (
	"net/netip"
	"slices"

	"heddle/peering"
	"heddle/reflector"
	"heddle/topology"
)

// The classes of a path.
const (
	InRack    = "in-rack"
	Exception = "exception"
	External  = "external"
)

// classify says what a path is to the fabric (DESIGN §2):
//
//	learnt by eBGP, here or by another reflector   external
//	home rack = the rack of the host now           in-rack
//	any other, and either unknown                  exception
//
// The home is that of the pool that holds the whole prefix: a prefix wider than
// the pool of its first address has no one home.
func classify(s *topology.Snapshot, prefix netip.Prefix, p *reflector.Path) string {
	if p.Kind == peering.External.String() || p.ASPath != "" {
		return External
	}
	pool, ok := s.PoolOf(prefix.Addr())
	if !ok || pool.Rack == "" || pool.Prefix.Bits() > prefix.Bits() {
		return Exception
	}
	if host, ok := hostOf(s, p); ok && host.Rack == pool.Rack {
		return InRack
	}
	return Exception
}

// hostOf is the node that a path leads to: its next hop, else its sender.
func hostOf(s *topology.Snapshot, p *reflector.Path) (topology.Node, bool) {
	if node, ok := s.NodeByAddress(p.NextHop); ok {
		return node, true
	}
	return s.NodeByAddress(p.From)
}

// tags are those of the workload that a host route leads to. While one address
// stands under several nodes, the host that announces the path decides; where it
// has no entry, all of them count.
func tags(s *topology.Snapshot, prefix netip.Prefix, p *reflector.Path) []string {
	list, of := []string{}, []string{}
	if !prefix.IsSingleIP() {
		return list
	}
	host, known := hostOf(s, p)
	for w := range s.WorkloadsAt(prefix.Addr()) {
		list = append(list, w.Tags...)
		if known && w.Node == host.Name {
			of = append(of, w.Tags...)
		}
	}
	if len(of) > 0 {
		list = of
	}
	slices.Sort(list)
	return slices.Compact(list)
}
