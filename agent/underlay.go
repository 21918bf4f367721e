package agent

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"heddle/agent/fib"
)

// resolver finds how next hops are reached by the routes of the host that are not ours:
// a next hop is a host, perhaps racks away, and the kernel wants a neighbour.
type resolver struct {
	ways   *bart.Table[way]
	cache  map[netip.Addr][]fib.Hop // of next hops in use
	loaded bool

	news bool // a gateway that was not known

	// A load has routes of one next hop one behind the other.
	last     netip.Addr
	lastWays []fib.Hop
}

// way is a route of the host.
type way struct {
	hops   []fib.Hop // none: it leads nowhere
	metric uint32
}

func newResolver() resolver {
	return resolver{ways: &bart.Table[way]{}, cache: map[netip.Addr][]fib.Hop{}}
}

// learn adds a route that is not ours. Of several to one prefix the kernel takes the one
// with the lowest metric.
func (r *resolver) learn(f *fib.Found) {
	if other, ok := r.ways.Get(f.Prefix); ok && other.metric <= f.Metric {
		return
	}
	r.ways.Insert(f.Prefix, way{hops: slices.Clone(f.Hops), metric: f.Metric})
}

// reach gives how a next hop is reached; nil: it is not.
func (r *resolver) reach(hop netip.Addr) []fib.Hop {
	if hop == r.last {
		return r.lastWays
	}
	hops, ok := r.cache[hop]
	if !ok {
		hops = r.find(hop)
		r.cache[hop] = hops
		r.news = r.news || slices.ContainsFunc(hops, func(h fib.Hop) bool { return h.Via != hop })
	}
	r.last, r.lastWays = hop, hops
	return hops
}

func (r *resolver) find(hop netip.Addr) []fib.Hop {
	way, ok := r.ways.Lookup(hop)
	if !ok {
		return nil
	}
	hops := slices.Clone(way.hops)
	for i := range hops {
		if !hops[i].Via.IsValid() {
			hops[i].Via = hop // it is a neighbour itself
		}
	}
	return hops
}

// replace takes the routes that were read anew, and gives the next hops that are reached
// otherwise than before.
func (r *resolver) replace(ways *bart.Table[way]) map[netip.Addr]bool {
	r.ways, r.loaded, r.last = ways, true, netip.Addr{}
	changed := map[netip.Addr]bool{}
	for hop, old := range r.cache {
		if now := r.find(hop); !slices.Equal(now, old) {
			r.cache[hop] = now
			changed[hop] = true
		}
	}
	return changed
}

// forget drops next hops that nobody uses.
func (r *resolver) forget(used func(netip.Addr) bool) {
	r.last = netip.Addr{}
	maps.DeleteFunc(r.cache, func(hop netip.Addr, _ []fib.Hop) bool { return !used(hop) })
}

// gateways lists the neighbours that next hops are reached by.
func (r *resolver) gateways() []netip.Addr {
	seen := map[netip.Addr]bool{}
	for hop, hops := range r.cache {
		for _, h := range hops {
			if h.Via != hop {
				seen[h.Via] = true
			}
		}
	}
	return slices.Collect(maps.Keys(seen))
}

// uplinks is the interfaces that routes with a gateway lead through.
func (r *resolver) uplinks() map[int]bool {
	links := map[int]bool{}
	for _, way := range r.ways.All() {
		for _, h := range way.hops {
			if h.Via.IsValid() {
				links[h.Link] = true
			}
		}
	}
	return links
}

// same says whether a route leads where another does; the order of hops means nothing.
func same(a, b []fib.Hop) bool {
	if len(a) != len(b) {
		return false
	}
	for _, h := range a {
		if !slices.Contains(b, h) {
			return false
		}
	}
	return true
}
