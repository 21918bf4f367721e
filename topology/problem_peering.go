package topology

import (
	"slices"

	"heddle/bgp"
)

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

// pathLoops: a router refuses a route whose AS path has its own AS (RFC 4271
// §9.1.2), so that two which must hear each other's routes may not share one.
//
//	ToRs of one rack          may share: each knows the rack itself
//	spines, border routers    may share: their routes come from the ToRs
//	any other pair            may not
func (c *checks) pathLoops() {
	owners := make(map[bgp.ASN][]Router)
	for router := range c.Routers() {
		if !router.Role.External() || router.ASN == c.Settings().ASN {
			continue // or it was told already
		}
		i := slices.IndexFunc(owners[router.ASN], func(other Router) bool { return loops(router, other) })
		if i < 0 {
			owners[router.ASN] = append(owners[router.ASN], router)
			continue
		}
		other := owners[router.ASN][i]
		c.add(router.Key(), "has AS %s, as has %s %s, so that each refuses the routes of the other as loops: give one of the two another AS",
			router.ASN, other.place(), other.Name)
	}
}

func loops(a, b Router) bool {
	if a.Role == ToR && b.Role == ToR {
		return a.Rack != b.Rack
	}
	return a.Role == ToR || b.Role == ToR
}

// place is what a router is, as text.
func (r Router) place() string {
	if r.Role == ToR {
		return "the ToR of rack " + r.Rack + ","
	}
	return "the " + r.Role.String()
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

// service: a host or ToR whose rack no reflector serves hears nothing, and with
// one reflector it hears nothing while that is down. A fabric without any
// reflector in the inventory is left alone: its reflectors may be configured by
// flags. A fabric with a single one has chosen so.
func (c *checks) service() {
	var reflectors []Router
	for router := range c.Routers() {
		if router.Role == Reflector {
			reflectors = append(reflectors, router)
		}
	}
	if len(reflectors) == 0 {
		return
	}
	for rack, what := range c.clientRacks() {
		var by []string
		for _, reflector := range reflectors {
			if reflector.serves(rack) {
				by = append(by, reflector.Name)
			}
		}
		switch {
		case len(by) == 0:
			c.add(Key{KindRack, rack}, "has %s but no reflector serves it: add %s to the serves of a reflector", what, rack)
		case len(by) == 1 && len(reflectors) > 1:
			c.add(Key{KindRack, rack}, "is served by router %s alone and hears nothing while that is down: add %s to the serves of another reflector",
				by[0], rack)
		}
	}
}

// serves says whether a reflector serves a rack; one that names none serves all.
func (r Router) serves(rack string) bool {
	served := r.ServedRacks()
	return len(served) == 0 || slices.Contains(served, rack)
}

// clientRacks gives the racks that need a reflector, with what needs it.
func (c *checks) clientRacks() map[string]string {
	racks := make(map[string]string)
	for _, router := range c.routers {
		if router.Role == ToR {
			racks[router.Rack] = "a ToR"
		}
	}
	for rack := range c.occupied() {
		if rack != "" {
			racks[rack] = "nodes"
		}
	}
	return racks
}

// strayServes: a rack that only reflectors name is most likely another one's name
// with a slip in it.
func (c *checks) strayServes() {
	if len(c.nodes) == 0 {
		return
	}
	known := c.occupied()
	for rack := range c.racks {
		known[rack] = true
	}
	for _, pool := range c.pools {
		known[pool.Rack] = true
	}
	for _, router := range c.routers {
		known[router.Rack] = true
	}
	for _, router := range c.routers {
		for _, rack := range router.Serves {
			if !known[rack] {
				c.add(router.Key(), "serves rack %s, in which nothing stands: correct its name, or add its nodes", rack)
			}
		}
	}
}

// families: a session runs between two addresses of one family.
func (c *checks) families() {
	routers := slices.Collect(c.Routers())
	for i, router := range routers {
		for j, reflector := range routers {
			switch {
			case reflector.Role != Reflector || router.Role == Reflector && i >= j:
			case router.Role == ToR && !reflector.serves(router.Rack):
			case familiesOf(router.Addresses)&familiesOf(reflector.Addresses) == 0:
				c.add(router.Key(), "has %s addresses alone and router %s %s alone, so that they can have no session: give one an address of the other's family",
					familiesOf(router.Addresses), reflector.Name, familiesOf(reflector.Addresses))
			}
		}
	}
}
