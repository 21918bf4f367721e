package topology

import "net/netip"

// addresses: a session and a next hop must mean one speaker, wherever in the
// fabric they are looked up.
func (c *checks) addresses() {
	for addr, claims := range c.speakers {
		for _, key := range claims[1:] {
			c.add(key, "claims %s, which belongs to %s: give one of the two another address", addr, claims[0])
		}
		for _, key := range claims {
			if addr.IsLinkLocalUnicast() && key.Kind != KindSettings {
				c.add(key, "has address %s, which is link-local and so no next hop beyond its link: "+
					"write one that is valid in the whole fabric", addr)
			}
		}
	}
}

// addressesInPools: the longest route that a ToR has for an address of the
// underlay must not be the summary of a pool.
func (c *checks) addressesInPools() {
	covered, listeners := make(map[string][]claim), c.listeners()
	for addr, keys := range c.speakers {
		if keys[0].Kind == KindSettings {
			if pool, ok := c.PoolOf(addr); ok {
				c.add(keys[0], "discard address %s lies in pool %s (%s), so that a summary may be its own next hop and a workload may get it: "+
					"take one outside every pool", addr, pool.Name, pool.Prefix)
			}
			continue
		}
		for name := range c.ranges.around(addr) {
			if listeners && c.wantsSummary(c.pools[name]) {
				covered[name] = append(covered[name], claim{keys[0], addr})
			}
		}
	}
	for name, claims := range covered {
		first := claims[0]
		for _, other := range claims[1:] {
			if other.compare(first) < 0 {
				first = other
			}
		}
		what := "address"
		if len(claims) > 1 {
			what = "addresses of nodes and routers, among them that"
		}
		c.add(Key{KindPool, name}, "covers the %s of %s, %s, which its summary leads to discard wherever the route to it is missing: "+
			"number them from another range, or set summaries: false", what, first.key, first.addr)
	}
}

// claim is an address and who has it.
type claim struct {
	key  Key
	addr netip.Addr
}

func (c claim) compare(other claim) int {
	if order := c.key.Compare(other.key); order != 0 {
		return order
	}
	return c.addr.Compare(other.addr)
}
