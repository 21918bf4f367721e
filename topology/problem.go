package topology

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"heddle/bgp"
)

// Problem is something a person should mend. It is comparable, so that two lists
// can be set against each other.
type Problem struct {
	// Object is what it is about, as Key.String says it, or the path of a key that
	// names nothing we know.
	Object string
	// Text says in one sentence what is wrong and how to mend it.
	Text string
}

// String is object and text.
func (p Problem) String() string { return p.Object + ": " + p.Text }

// Compare orders problems by object, then text.
func (p Problem) Compare(other Problem) int {
	return cmp.Or(strings.Compare(p.Object, other.Object), strings.Compare(p.Text, other.Text))
}

// problems lists the faults of single values and those that only show when
// objects are seen together. It walks nodes and routers, but of the workloads
// only what is suspect.
func (inv *Inventory) problems(s *Snapshot) []Problem {
	c := checks{Snapshot: s}
	for _, faults := range inv.faults {
		c.found = append(c.found, faults...)
	}
	c.addresses()
	c.autonomousSystems()
	c.clusters()
	c.servedRacks()
	c.homes()
	c.found = append(c.found, s.summaries.problems...)
	c.discards()
	c.strandedWorkloads()
	c.duplicateWorkloads(inv.workloads.contested)
	c.tags(inv.workloads.tagged)
	slices.SortFunc(c.found, Problem.Compare)
	return slices.Compact(c.found)
}

type checks struct {
	*Snapshot
	found []Problem
}

func (c *checks) add(key Key, format string, args ...any) {
	c.found = append(c.found, Problem{Object: key.String(), Text: fmt.Sprintf(format, args...)})
}

// addresses: a session and a next hop must mean one speaker.
func (c *checks) addresses() {
	for addr, claims := range c.speakers {
		for _, key := range claims[1:] {
			c.add(key, "claims %s, which belongs to %s: give one of the two another address", addr, claims[0])
		}
		for w := range c.WorkloadsAt(addr) {
			// A service on the bare host may well use the address of its own host.
			if claims[0] != (Key{KindNode, w.Node}) {
				c.add(w.Key(), "claims %s, which belongs to %s: give it another address", addr, claims[0])
			}
		}
	}
}

func (c *checks) autonomousSystems() {
	asn := c.Settings().ASN
	if asn == bgp.ASNone {
		return
	}
	for router := range c.Routers() {
		switch {
		case router.Role.External() && router.ASN == asn:
			c.add(router.Key(), "has AS %s, that of the fabric, but sessions with a %s are eBGP: give it an AS of its own",
				asn, router.Role)
		case router.Role == Reflector && router.ASN != bgp.ASNone && router.ASN != asn:
			c.add(router.Key(), "has AS %s, but the fabric is AS %s: delete its asn, a reflector has that of the fabric",
				router.ASN, asn)
		}
	}
}

// clusters: of two reflectors with one cluster ID each drops what the other
// reflects (RFC 4456 §8), which is harmless only where both have the same clients.
func (c *checks) clusters() {
	first := make(map[bgp.ClusterID]Router)
	for router := range c.Routers() {
		if router.Role != Reflector || router.ClusterID == 0 {
			continue
		}
		other, taken := first[router.ClusterID]
		if !taken {
			first[router.ClusterID] = router
			continue
		}
		if !slices.Equal(router.ServedRacks(), other.ServedRacks()) {
			c.add(router.Key(), "shares cluster ID %s with router %s but serves other racks, so each drops the other's routes: "+
				"give it another clusterID or the same racks", router.ClusterID, other.Name)
		}
	}
}

// servedRacks: a host whose rack no reflector serves hears nothing. A fabric
// without any reflector in the inventory is left alone: its reflectors may be
// configured by flags.
func (c *checks) servedRacks() {
	served := make(map[string]bool)
	reflectors := false
	for router := range c.Routers() {
		reflectors = reflectors || router.Role == Reflector
		for _, rack := range router.ServedRacks() {
			served[rack] = true
		}
	}
	if !reflectors {
		return
	}
	stranded := make(map[string]bool)
	for node := range c.Nodes() {
		if node.Rack != "" && !served[node.Rack] {
			stranded[node.Rack] = true
		}
	}
	for rack := range stranded {
		c.add(Key{KindRack, rack}, "has nodes but no reflector serves it: add %s to the serves of a reflector", rack)
	}
}

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

// discards: a summary without a next hop cannot be told to anyone.
func (c *checks) discards() {
	var listeners bool
	for router := range c.Routers() {
		listeners = listeners || router.Role == ToR || router.Role == Border
	}
	for pool := range c.Pools() {
		family := bgp.FamilyOf(pool.Prefix.Addr())
		if _, ok := c.Settings().DiscardFor(family); listeners && !ok && c.wantsSummary(pool) {
			c.add(pool.Key(), "is to be summarised, but there is no %s discard address for a next hop: "+
				"add one to discard in the settings", family)
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
// that is only prepared is on its way and no duplicate.
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
				c.add(w.Key(), "has address %s, as has %s: delete one, make one prepared, or declare the pool anycast",
					addr, first.Key())
			}
		}
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
