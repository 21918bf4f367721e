package topology

import "heddle/bgp"

// homes: without a rack a node still works, but nothing it runs is summarised.
func (c *checks) homes() {
	if len(c.rackNames) == 0 {
		return
	}
	for node := range c.Nodes() {
		if node.Rack == "" {
			c.add(node.Key(), "stands in no rack, so that each of its routes is an exception everywhere: name its rack")
		}
	}
}

// homesWithoutToR: a summary is announced by the ToRs of its rack. Where no rack
// has one, the fabric does without.
func (c *checks) homesWithoutToR() {
	occupied, towered := c.occupied(), make(map[string]bool)
	for _, router := range c.routers {
		if router.Role == ToR {
			towered[router.Rack] = true
		}
	}
	told := make(map[string]bool)
	for pool := range c.Pools() {
		switch {
		case pool.Rack == "":
		case len(c.nodes) > 0 && !occupied[pool.Rack]:
			c.add(pool.Key(), "is at home in rack %s, in which no node stands: correct its rack, or add the nodes", pool.Rack)
		case len(towered) > 0 && !towered[pool.Rack] && c.wantsSummary(pool) && !told[pool.Rack]:
			told[pool.Rack] = true
			c.add(Key{KindRack, pool.Rack}, "is home of pool %s but has no ToR to announce the summary, unlike other racks: "+
				"add its ToR, or set summaries: false on it", pool.Name)
		}
	}
}

// discards: a summary without a next hop cannot be told to anyone.
func (c *checks) discards() {
	if !c.listeners() {
		return
	}
	for pool := range c.Pools() {
		family := bgp.FamilyOf(pool.Prefix.Addr())
		if _, ok := c.Settings().DiscardFor(family); !ok && c.wantsSummary(pool) {
			c.add(pool.Key(), "is to be summarised, but there is no %s discard address for a next hop: "+
				"add one to discard in the settings", family)
		}
	}
}

// borders: a border router hears the summaries of public pools, and where it asks
// for them their exceptions; of one without a summary it hears each address.
func (c *checks) borders() {
	public := false
	for _, pool := range c.pools {
		public = public || pool.Public
	}
	for _, router := range c.routers {
		if router.Exceptions && !public {
			c.add(router.Key(), "asks for the exceptions of public pools, but no pool is public: make one public, or delete its exceptions")
		}
	}
	if !c.any(Border) {
		return
	}
	for _, pool := range c.pools {
		if pool.Public && pool.Rack == "" && !pool.Anycast && pool.Summaries != No {
			c.add(pool.Key(), "is public but has no home, so that there is no summary of it and border routers hear each of its addresses: "+
				"give it a rack, or set summaries: false on it if that is meant")
		}
	}
	for _, leak := range c.summaries.leaks {
		if c.Summarized(leak.outer) {
			c.add(leak.inner.Key(), "is not public, but lies in pool %s (%s), whose summary shows it to border routers: "+
				"make it public, or give it a prefix outside", leak.outer.Name, leak.outer.Prefix)
		}
	}
}
