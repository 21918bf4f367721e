package routes

import (
	"net/netip"
	"slices"
)

// guard is the addresses that no route may lead away: what a route by way of itself
// would need to be reached.
type guard struct {
	refs   map[netip.Addr]int // by how many each is wanted
	sorted []netip.Addr
}

func (g *guard) add(a netip.Addr) (first bool) {
	if g.refs == nil {
		g.refs = map[netip.Addr]int{}
	}
	g.refs[a]++
	if g.refs[a] > 1 {
		return false
	}
	i, _ := slices.BinarySearchFunc(g.sorted, a, netip.Addr.Compare)
	g.sorted = slices.Insert(g.sorted, i, a)
	return true
}

func (g *guard) remove(a netip.Addr) (last bool) {
	if g.refs[a]--; g.refs[a] > 0 {
		return false
	}
	delete(g.refs, a)
	i, _ := slices.BinarySearchFunc(g.sorted, a, netip.Addr.Compare)
	g.sorted = slices.Delete(g.sorted, i, i+1)
	return true
}

// covered gives an address that a prefix covers, if there is one.
func (g *guard) covered(p netip.Prefix) (netip.Addr, bool) {
	if p.IsSingleIP() {
		// Most hosts are nowhere near what is guarded, and need no look at the map.
		if n := len(g.sorted); n == 0 || p.Addr().Less(g.sorted[0]) || g.sorted[n-1].Less(p.Addr()) {
			return netip.Addr{}, false
		}
		_, ok := g.refs[p.Addr()]
		return p.Addr(), ok
	}
	i, _ := slices.BinarySearchFunc(g.sorted, p.Addr(), netip.Addr.Compare)
	if i < len(g.sorted) && p.Contains(g.sorted[i]) {
		return g.sorted[i], true
	}
	return netip.Addr{}, false
}

// Protect names the addresses that no route may cover, beside the next hops: those of
// the reflectors, of the datastore and of the host itself. It replaces what was named
// before.
func (t *Table) Protect(addresses []netip.Addr) {
	addresses = slices.Clone(addresses)
	slices.SortFunc(addresses, netip.Addr.Compare)
	addresses = slices.Compact(addresses)
	old := t.protected
	t.protected = addresses
	for _, a := range addresses {
		t.useNextHop(a)
	}
	for _, a := range old {
		t.dropNextHop(a)
	}
}

func (t *Table) useNextHop(a netip.Addr) {
	if t.guard.add(a) {
		t.touchCovering(a)
	}
}

// dropNextHop has what was refused looked at again: there are few.
func (t *Table) dropNextHop(a netip.Addr) {
	if !t.guard.remove(a) {
		return
	}
	for p := range t.refused {
		if p.Contains(a) {
			t.touch(p)
		}
	}
}

// touchCovering has the routes looked at that cover an address.
func (t *Table) touchCovering(a netip.Addr) {
	for bits := range a.BitLen() + 1 {
		if t.count(a.Is4(), bits) == 0 {
			continue
		}
		if p, err := a.Prefix(bits); err == nil {
			t.touch(p)
		}
	}
}

func (t *Table) count(four bool, bits int) int {
	if four {
		return t.four.lengths[bits]
	}
	return t.six.lengths[bits]
}

func (t *Table) touch(p netip.Prefix) {
	if p.Addr().Is4() {
		if id := t.four.find(keyOf4(p)); id != 0 {
			t.four.touch(id)
		}
	} else if id := t.six.find(keyOf6(p)); id != 0 {
		t.six.touch(id)
	}
}

// Refuse says why a prefix must not be led anywhere, or nothing.
func (t *Table) Refuse(p netip.Prefix) string { return t.refuse(p) }

// refuse says why a prefix must not be used, or nothing.
func (t *Table) refuse(p netip.Prefix) string {
	if p.Bits() == 0 {
		return "is a default route, which a host has of its own"
	}
	if a, ok := t.guard.covered(p); ok {
		return "covers " + a.String() + ", which routes are learnt from or lead to"
	}
	return ""
}
