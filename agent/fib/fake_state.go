package fib

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// This is the side of Fake that a test holds.

// SetLinks says which interfaces there are. With one that is gone its port and the
// routes over it go, as in the kernel; nothing is announced.
func (f *Fake) SetLinks(links ...Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.links = links
	there := func(index int) bool {
		return slices.ContainsFunc(links, func(l Link) bool { return l.Index == index })
	}
	maps.DeleteFunc(f.ports, func(index int, _ Port) bool { return !there(index) })
	f.cut(there)
}

// SetDown takes an interface down: the routes over it go. Nothing is announced.
func (f *Fake) SetDown(index int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.links {
		if f.links[i].Index == index {
			f.links[i].Up = false
		}
	}
	f.cut(func(other int) bool { return other != index })
}

// cut removes the routes that have no hop left over an interface that is there. As
// in the kernel, one that shares traffic goes in IPv4 with its last hop; the hops
// that are dead stay in it.
func (f *Fake) cut(there func(index int) bool) {
	maps.DeleteFunc(f.routes, func(_ fakeKey, r Found) bool {
		return !r.Dead && !slices.ContainsFunc(r.Hops, func(h Hop) bool { return there(h.Link) })
	})
}

// Put writes any route, ours or not, as somebody else may do.
func (f *Fake) Put(found Found) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found.Hops = slices.Clone(found.Hops)
	f.put(found)
}

// Drop removes any route, as somebody else may do.
func (f *Fake) Drop(prefix netip.Prefix, metric uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.routes, fakeKey{prefix, metric})
}

// Emit calls who watches, and returns when he has heard.
func (f *Fake) Emit(e Event) {
	f.mu.Lock()
	ctx, watch := f.ctx, f.watch
	f.mu.Unlock()
	if watch != nil && ctx.Err() == nil {
		watch(e)
	}
}

// Writes counts the routes that Flush was to write or to remove.
func (f *Fake) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// Ports lists the ports by index; their addresses are sorted.
func (f *Fake) Ports() []Port {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.SortedFunc(maps.Values(f.ports), func(a, b Port) int { return cmp.Compare(a.Index, b.Index) })
}

// Forwarding says whether Forward was called for a family.
func (f *Fake) Forwarding(family bgp.Family) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.forwarding[family]
}

// check refuses what the kernel refuses.
func (f *Fake) check(r Route) error {
	if !r.Prefix.IsValid() || r.Prefix != r.Prefix.Masked() || len(r.Hops) == 0 {
		return unix.EINVAL
	}
	six := r.Prefix.Addr().Is6()
	for _, hop := range r.Hops {
		i := slices.IndexFunc(f.links, func(l Link) bool { return l.Index == hop.Link })
		if i < 0 {
			return unix.ENODEV
		}
		if !f.links[i].Up {
			return unix.ENETDOWN
		}
		if hop.Via.IsValid() && !hop.Onlink && !f.reaches(f.links[i], hop.Via) {
			if six {
				return unix.EHOSTUNREACH
			}
			return unix.ENETUNREACH
		}
	}
	local := func(l Link) bool {
		return slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Addr() == r.Source })
	}
	if r.Source.IsValid() && !slices.ContainsFunc(f.links, local) {
		return unix.EINVAL
	}
	return nil
}

// reaches: a gateway is on the link, by an address of ours or by a route.
func (f *Fake) reaches(l Link, via netip.Addr) bool {
	if via.Is6() && via.IsLinkLocalUnicast() {
		return true
	}
	if slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Contains(via) && p.Addr() != via }) {
		return true
	}
	for key, r := range f.routes {
		for _, hop := range r.Hops {
			if key.prefix.Contains(via) && hop.Link == l.Index && !hop.Via.IsValid() {
				return true
			}
		}
	}
	return false
}
