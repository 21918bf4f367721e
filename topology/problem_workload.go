package topology

import (
	"maps"
	"net/netip"
	"slices"

	"heddle/bgp"
)

// borrowedAddresses: what a session or next hop uses is no workload's.
func (c *checks) borrowedAddresses() {
	for addr, claims := range c.speakers {
		for w := range c.WorkloadsAt(addr) {
			// A service on the bare host may well use the address of its own host.
			if claims[0] != (Key{KindNode, w.Node}) {
				c.add(w.Key(), "claims %s, which belongs to %s: give it another address", addr, claims[0])
			}
		}
	}
}

// strandedWorkloads are told once per node: after the loss of a node there may be
// hundreds.
func (c *checks) strandedWorkloads() {
	for node, list := range c.byNode {
		if _, ok := c.Node(node); ok {
			continue
		}
		if len(list) == 1 {
			c.add(Key{KindNode, node}, "does not exist, yet workload %s stands under it: add the node or delete the workload", list[0].Name)
			continue
		}
		c.add(Key{KindNode, node}, "does not exist, yet %d workloads such as %s stand under it: add the node or delete them",
			len(list), list[0].Name)
	}
}

// duplicateWorkloads: outside an anycast pool an address lives once. A workload
// that is only prepared is on its way, one that is leaving is on its way out: neither
// is a duplicate.
func (c *checks) duplicateWorkloads(contested map[netip.Addr]struct{}) {
	for addr := range contested {
		if pool, ok := c.PoolOf(addr); ok && pool.Anycast {
			continue
		}
		var first *Workload
		for w := range c.WorkloadsAt(addr) {
			switch {
			case w.State != Live:
			case first == nil:
				first = &w
			default:
				c.add(w.Key(), "has address %s, as has %s: delete one, make one prepared or leaving, or declare the pool anycast",
					addr, first.Key())
			}
		}
	}
}

// forgottenWorkloads have left by their word, and arrived nowhere: they are served all
// the same, by a node that somebody may be about to switch off.
func (c *checks) forgottenWorkloads(leaving map[*Workload]int) {
	for w := range leaving {
		for _, addr := range w.Addresses {
			if !c.live(addr) {
				c.add(w.Key(), "is leaving, yet %s is live nowhere: make it live, or delete it", addr)
				break
			}
		}
	}
}

func (c *checks) live(addr netip.Addr) bool {
	for w := range c.WorkloadsAt(addr) {
		if w.State == Live {
			return true
		}
	}
	return false
}

// unreachableWorkloads: the next hop of an address is one of its node, of its
// family: sessions do not offer IPv6 next hops for IPv4 (RFC 8950). Told once per
// node.
func (c *checks) unreachableWorkloads(carried map[nodeFamily]int) {
	for name, node := range c.nodes {
		have := familiesOf(node.Addresses)
		for _, family := range bgp.Families {
			n := carried[nodeFamily{name, family}]
			if n == 0 || have.Has(family) {
				continue
			}
			first := c.carrier(name, family)
			if n == 1 {
				c.add(node.Key(), "has no %s address for a next hop, yet workload %s on it needs one: give the node one, or take the workload's", family, first)
				continue
			}
			c.add(node.Key(), "has no %s address for a next hop, yet %d workloads such as %s on it need one: give the node one, or take theirs",
				family, n, first)
		}
	}
}

// carrier is the first workload on a node that has an address of a family.
func (c *checks) carrier(node string, family bgp.Family) string {
	for _, w := range c.byNode[node] {
		if familiesOf(w.Addresses).Has(family) {
			return w.Name
		}
	}
	return ""
}

func familiesOf(addresses []netip.Addr) bgp.FamilySet {
	var set bgp.FamilySet
	for _, addr := range addresses {
		set |= bgp.FamiliesOf(bgp.FamilyOf(addr))
	}
	return set
}

// budgets: a ToR holds a route for each address at home in its rack, wherever
// that lives.
func (c *checks) budgets() {
	for name, rack := range c.racks {
		if n := c.homed[name]; rack.RouteBudget != 0 && n > int(rack.RouteBudget) {
			c.add(rack.Key(), "is home to %d addresses, but each of its ToRs has room for %d routes: "+
				"raise routeBudget if they have more, or number workloads from the pool of another rack", n, rack.RouteBudget)
		}
	}
}

// countHomes counts the addresses of workloads by the rack they are at home in, as
// far as a budget asks. It counts anew where pools or racks changed, else only what
// the workloads changed.
func (s *Snapshot) countHomes(previous *Snapshot, anew bool) map[string]int {
	budgeted := func(rack Rack) bool { return rack.RouteBudget != 0 }
	if !slices.ContainsFunc(slices.Collect(maps.Values(s.racks)), budgeted) {
		return nil
	}
	homed := make(map[string]int)
	if anew {
		for _, shard := range s.byAddress {
			for addr := range shard {
				s.countHome(homed, addr, 1)
			}
		}
		return homed
	}
	if same(s.byNode, previous.byNode) {
		return previous.homed
	}
	maps.Copy(homed, previous.homed)
	var d Delta
	d.workloads(s.byNode, previous.byNode)
	for addr := range d.Addresses {
		had, has := len(previous.byAddress[shard(addr)][addr]) > 0, len(s.byAddress[shard(addr)][addr]) > 0
		switch {
		case has && !had:
			s.countHome(homed, addr, 1)
		case had && !has:
			s.countHome(homed, addr, -1)
		}
	}
	return homed
}

func (s *Snapshot) countHome(homed map[string]int, addr netip.Addr, by int) {
	if pool, ok := s.PoolOf(addr); ok && pool.Rack != "" {
		homed[pool.Rack] += by
	}
}

// tags: a tag travels as a number.
func (c *checks) tags(tagged map[string]int) {
	owners := make(map[uint32]string)
	for tag := range c.Tags() {
		if first, taken := owners[tag.ID]; taken {
			c.add(tag.Key(), "has number %d, as has tag %s: delete one, heddle apply numbers it anew", tag.ID, first)
			continue
		}
		owners[tag.ID] = tag.Name
	}
	used := make(map[string]int, len(tagged))
	maps.Copy(used, tagged)
	for policy := range c.Policies() {
		for _, tag := range policy.Tags() {
			used[tag]++
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(used)) {
		if _, ok := c.Tag(tag); ok {
			continue
		}
		if used[tag] == 1 {
			c.add(Key{KindTag, tag}, "has no number, yet a workload or policy names it: apply that, which numbers the tag")
			continue
		}
		c.add(Key{KindTag, tag}, "has no number, yet %d workloads and policies name it: apply one of them, which numbers it",
			used[tag])
	}
}
