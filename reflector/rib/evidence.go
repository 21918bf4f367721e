package rib

import (
	"net/netip"
	"slices"

	"heddle/summarize"
)

// contested says whether the inventory is to be asked about the paths of a prefix:
// several hosts announce one address outside an anycast pool.
func (t *table[K]) contested(r *RIB, head ref) bool {
	rt := t.routes.at(head)
	if rt.next == 0 || r.m.Blank() {
		return false
	}
	prefix := rt.key.prefix(rt.length)
	return prefix.IsSingleIP() && !r.m.Info(r.m.PoolOf(prefix)).Flags.Has(summarize.Anycast)
}

// rank is what evidence says for a path (DESIGN §6, evidence). All of it is looked at
// when the path, its marks or the inventory change, and touch is told before.
func (t *table[K]) rank(r *RIB, rt *route[K], contested bool) rank {
	var k rank
	if !r.sets.get(rt.set).longLived {
		k |= rankCurrent
	}
	if rt.flags&flagLast == 0 {
		k |= rankOwned
	}
	if rt.flags&flagStale == 0 {
		k |= rankFresh
	}
	if !contested || !r.sources[rt.source].Speaker.Internal() {
		return k
	}
	switch claim := r.m.Claim(r.nodeOf(rt.source, rt.set), rt.key.prefix(rt.length).Addr()); {
	case claim == summarize.ClaimLive:
		k |= rankOwner
		fallthrough
	case claim == summarize.ClaimPrepared:
		if r.m.Elevated(r.sets.get(rt.set).attrs.LocalPref) {
			k |= rankMigrated
		}
	}
	return k
}

// nodeOf is the node that a path leads to; empty: unknown.
func (r *RIB) nodeOf(id SourceID, set setID) string {
	host, known := r.m.HostAt(r.sets.get(set).attrs.NextHop)
	if !known && r.sources[id].Speaker == summarize.Client {
		host, _ = r.m.HostAt(r.sources[id].Address)
	}
	return host.Node
}

// dispute notes whether the paths of a prefix contradict each other and no evidence
// says which is right: an address lives twice, and nobody declared that.
func (t *table[K]) dispute(r *RIB, head ref, paths []candidate) {
	if len(paths) < 2 && len(r.disputed) == 0 {
		return
	}
	rt := t.routes.at(head)
	if t.contested(r, head) && r.tied(paths) {
		r.disputed[rt.key.prefix(rt.length)] = struct{}{}
		return
	}
	if len(r.disputed) > 0 {
		delete(r.disputed, rt.key.prefix(rt.length))
	}
}

// tied says whether two paths that lead to different hosts are best by evidence.
func (r *RIB) tied(paths []candidate) bool {
	if len(paths) < 2 {
		return false
	}
	best := slices.MaxFunc(paths, func(a, b candidate) int { return int(a.rank) - int(b.rank) })
	for i := range paths {
		if paths[i].rank == best.rank && !r.oneHost(paths[i].attrs.NextHop, best.attrs.NextHop) {
			return true
		}
	}
	return false
}

// oneHost says whether two next hops are addresses of one node.
func (r *RIB) oneHost(a, b netip.Addr) bool {
	x, known := r.m.HostAt(a)
	y, _ := r.m.HostAt(b)
	return a == b || (known && x.Node == y.Node)
}

// Disputed lists the addresses that several hosts announce and of which no evidence
// says where they live: undeclared duplicates, decided by RFC 4456 §9 alone.
func (r *RIB) Disputed() []netip.Prefix {
	list := make([]netip.Prefix, 0, len(r.disputed))
	for prefix := range r.disputed {
		list = append(list, prefix)
	}
	slices.SortFunc(list, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return list
}
