package rib

import (
	"net/netip"

	"heddle/bgp"
	"heddle/summarize"
	"heddle/topology"
)

// ourselves is the source of the summaries.
const ourselves SourceID = 1

// scope says who of the inside hears a source's routes. Paths of one scope compete
// for all, so that the best of them is what everybody hears.
type scope uint32

const (
	scopeAll  scope = 0
	scopeOwn  scope = 1 << 16 // summaries: nobody inside
	scopeRack scope = 1 << 17 // ored with the rack of a ToR: its hosts
)

func (r *RIB) scopeOf(id SourceID) scope {
	switch s := &r.sources[id]; s.Speaker {
	case summarize.Ourselves:
		return scopeOwn
	case summarize.ToR:
		return scopeRack | scope(s.Rack)
	}
	return scopeAll
}

// rackOf is the rack whose hosts alone hear a source's routes; 0: all do.
func (r *RIB) rackOf(id SourceID) summarize.Rack {
	if s := &r.sources[id]; s.Speaker == summarize.ToR {
		return s.Rack
	}
	return 0
}

// now is the rack that a path leads to: that of the node its next hop belongs to,
// else, of a client's own route, the client's.
func (r *RIB) now(m *summarize.Map, id SourceID, set setID) summarize.Rack {
	s := r.sets.get(set)
	var host summarize.Host
	var known bool
	if m == r.placed {
		host, known = s.host, s.hosted
	} else {
		host, known = m.HostAt(s.attrs.NextHop)
	}
	if known {
		return host.Rack
	}
	if from := &r.sources[id]; from.Speaker == summarize.Client {
		if host, known = m.HostAt(from.Address); known {
			return host.Rack
		}
		return from.Rack
	}
	return 0
}

// route is what the table of views asks about a path.
func (r *RIB) route(m *summarize.Map, pool summarize.Pool, id SourceID, set setID) summarize.Route {
	from := &r.sources[id]
	route := summarize.Route{From: from.Speaker, Scope: r.rackOf(id), Outside: r.outside(m, id, set), Reach: r.sets.get(set).reach, LongLived: r.sets.get(set).longLived}
	switch {
	case m.Blank() || route.Outside:
	case from.Speaker.Internal():
		route.Place = m.Place(pool, r.now(m, id, set))
	case from.Speaker == summarize.Ourselves:
		route.Place = m.Place(pool, 0)
	}
	return route
}

// outside says whether a path came into the AS by eBGP: from a router of ours, or, as
// another reflector tells it, with an AS_PATH and a next hop that is no host's. A
// host may well announce what it learnt from a workload.
func (r *RIB) outside(m *summarize.Map, id SourceID, set setID) bool {
	switch r.sources[id].Speaker {
	case summarize.Ourselves, summarize.Client:
		return false
	case summarize.NonClient:
		s := r.sets.get(set)
		if s.attrs.ASPathLength == 0 {
			return false
		}
		_, known := m.HostAt(s.attrs.NextHop)
		return !known
	}
	return true
}

// verdict is what a view hears of a path. Inside, that depends on who announced it and
// on how far it may be told: half of what a flush that moves routes costs is spared.
func (r *RIB) verdict(v View, m *summarize.Map, pool summarize.Pool, id SourceID, set setID) summarize.Verdict {
	if from := r.sources[id].Speaker; v.To.Speaker.Internal() {
		return summarize.Hear(v.To, summarize.Route{From: from, Reach: r.sets.get(set).reach})
	}
	return summarize.Hear(v.To, r.route(m, pool, id, set))
}

// poolOf is the pool of a record's prefix.
func poolOf[K key[K]](m *summarize.Map, rt *route[K]) summarize.Pool {
	if m.Blank() {
		return 0
	}
	return m.PoolOf(rt.key.prefix(rt.length))
}

func (r *RIB) prefixOf(family bgp.Family, head ref) netip.Prefix {
	if family == bgp.IPv4Unicast {
		rt := r.v4.routes.at(head)
		return rt.key.prefix(rt.length)
	}
	rt := r.v6.routes.at(head)
	return rt.key.prefix(rt.length)
}

// Rack gives the number of a rack's name, as views and receivers name it.
func (r *RIB) Rack(name string) summarize.Rack { return r.names.ID(name) }

// RackName is the name of a number.
func (r *RIB) RackName(rack summarize.Rack) string { return r.names.Name(rack) }

// Compile makes the map of a snapshot, in the numbers of this RIB.
func (r *RIB) Compile(s *topology.Snapshot) *summarize.Map {
	return summarize.Compile(s, &r.names, r.self.Ownership)
}

// Map is the inventory that is in force.
func (r *RIB) Map() *summarize.Map { return r.m }
