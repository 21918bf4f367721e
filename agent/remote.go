package agent

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"heddle/agent/fib"
	"heddle/agent/routes"
	"heddle/bgp"
)

// change takes a change of the table: who bears which tag, and where the prefix is.
func (a *Agent) change(c routes.Change) {
	if c.Tags != c.OldTags {
		a.retag(c)
	}
	if c.Hops == c.OldHops {
		return
	}
	a.counts.Changes++
	if !a.adopting() {
		a.write(c.Prefix, c.Hops)
	}
}

// adopting says that the kernel has the routes of a process before us, and that not all
// has been said of them: until then they stand, and then they are compared.
func (a *Agent) adopting() bool { return a.preserved && !a.synced }

// write makes the kernel have a remote route as the table has it.
func (a *Agent) write(p netip.Prefix, hops routes.Hops) {
	if _, here := a.local[p]; here || a.cfg.Install == InstallNone {
		return // of InstallNone there is nothing in the kernel
	}
	want := a.reach(hops)
	if len(want) == 0 {
		a.kernel.Remove(p)
		return
	}
	a.kernel.Replace(fib.Route{Prefix: p, Hops: want, Source: a.source(p)})
}

// rewrite makes the kernel have a prefix as it should be, whatever that is.
func (a *Agent) rewrite(p netip.Prefix) {
	if a.snapshot == nil {
		return
	}
	if r, here := a.local[p]; here {
		a.writeLocal(r)
		return
	}
	if r, ok := a.table.Get(p); ok {
		a.write(p, r.Hops)
	}
}

// reach is the ways to a set of next hops, each once; none if the route is not to be
// installed. A next hop that can't be reached is left out: the others carry its share.
func (a *Agent) reach(h routes.Hops) []fib.Hop {
	list := a.table.HopsOf(h)
	if len(list) == 1 {
		return a.wanted(list[0], a.resolver.reach(list[0]))
	}
	var all []fib.Hop
	for _, hop := range list {
		for _, way := range a.wanted(hop, a.resolver.reach(hop)) {
			if !slices.Contains(all, way) {
				all = append(all, way)
			}
		}
	}
	return all
}

// wanted leaves out what the mode does not install: beyond the rack is what is reached
// by way of a gateway.
func (a *Agent) wanted(hop netip.Addr, ways []fib.Hop) []fib.Hop {
	if a.cfg.Install == InstallRack && slices.ContainsFunc(ways, func(w fib.Hop) bool { return w.Via != hop }) {
		return nil
	}
	return ways
}

// source is the address that the host's own packets to workloads go out with: its node's,
// if it has that.
func (a *Agent) source(p netip.Prefix) netip.Addr { return a.sources[bgp.FamilyOf(p.Addr())-1] }

// findSources looks for them once, for every route asks.
func (a *Agent) findSources() {
	a.sources = [2]netip.Addr{}
	for _, own := range a.node.Addresses {
		if s := &a.sources[bgp.FamilyOf(own)-1]; !s.IsValid() && a.hasAddress(own) {
			*s = own
		}
	}
}

func (a *Agent) hasAddress(own netip.Addr) bool {
	for i := range a.links {
		for _, p := range a.links[i].Addresses {
			if p.Addr() == own {
				return true
			}
		}
	}
	return false
}

// reconcile reads what the kernel has, learns the host's own routes from it, and writes
// what is not as it should be. What bears our mark and is not wanted goes only when the
// inventory and the reflectors have said all.
func (a *Agent) reconcile() error {
	a.check = false
	a.counts.Checks++
	if !a.resolver.loaded {
		// Nothing can be compared before it is known how next hops are reached.
		if err := a.survey(); err != nil {
			return err
		}
	}
	fresh := resolver{ways: &bart.Table[way]{}}
	seen := map[netip.Prefix]bool{}
	for _, f := range bgp.Families {
		err := a.kernel.Dump(f, func(found *fib.Found) bool {
			if !found.Own {
				fresh.learn(found)
			} else {
				a.compare(found, seen)
			}
			return true
		})
		if err != nil {
			// What was seen so far must not count for the next reading.
			a.table.Unseen(bgp.IPv4Unicast, func(netip.Prefix, routes.Hops) {})
			a.table.Unseen(bgp.IPv6Unicast, func(netip.Prefix, routes.Hops) {})
			return err
		}
	}
	a.missing(seen)
	a.rearrange(fresh.ways)
	return nil
}

// survey learns the host's own routes only.
func (a *Agent) survey() error {
	fresh := resolver{ways: &bart.Table[way]{}}
	for _, f := range bgp.Families {
		err := a.kernel.Dump(f, func(found *fib.Found) bool {
			if !found.Own {
				fresh.learn(found)
			} else {
				a.preserved = true
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	a.resolver.replace(fresh.ways)
	return nil
}

// compare holds a route of ours in the kernel against what it should be.
func (a *Agent) compare(found *fib.Found, seen map[netip.Prefix]bool) {
	if !a.synced && len(found.Hops) == 1 && !found.Hops[0].Via.IsValid() {
		a.found[found.Prefix] = found.Hops[0].Link
	}
	if r, here := a.local[found.Prefix]; here {
		seen[found.Prefix] = true
		if r.Link == 0 { // the address is the host's own: a route would only wait to be wrong
			a.kernel.Remove(found.Prefix)
			return
		}
		if want := a.localRoute(r); !same(found.Hops, want.Hops) || found.Source != want.Source {
			a.counts.Repaired++
			a.kernel.Replace(want)
		}
		return
	}
	var want []fib.Hop
	if hops := a.table.See(found.Prefix); hops != 0 && a.cfg.Install != InstallNone {
		want = a.reach(hops)
	}
	switch {
	case len(want) == 0 && a.synced:
		a.kernel.Remove(found.Prefix)
	case len(want) > 0 && !a.adopting() && (!same(found.Hops, want) || found.Source != a.source(found.Prefix)):
		a.counts.Repaired++
		a.kernel.Replace(fib.Route{Prefix: found.Prefix, Hops: want, Source: a.source(found.Prefix)})
	}
}

// missing writes what a reading did not come upon.
func (a *Agent) missing(seen map[netip.Prefix]bool) {
	for p, r := range a.local {
		if !seen[p] && r.Link != 0 {
			a.counts.Repaired++
			a.writeLocal(r)
		}
	}
	for _, f := range bgp.Families {
		a.table.Unseen(f, func(p netip.Prefix, hops routes.Hops) {
			if _, here := a.local[p]; !here && !a.adopting() && a.cfg.Install != InstallNone && len(a.reach(hops)) > 0 {
				a.counts.Repaired++
				a.write(p, hops)
			}
		})
	}
}

// rearrange takes the host's own routes as they were just read, and writes the routes
// whose next hops are reached otherwise now.
func (a *Agent) rearrange(ways *bart.Table[way]) {
	changed := a.resolver.replace(ways)
	if len(changed) == 0 {
		return
	}
	used := map[netip.Addr]bool{}
	for r := range a.table.All() {
		touched := false
		for _, hop := range a.table.HopsOf(r.Hops) {
			used[hop] = true
			touched = touched || changed[hop]
		}
		if touched {
			a.write(r.Prefix, r.Hops)
		}
	}
	a.resolver.forget(func(hop netip.Addr) bool { return used[hop] })
	a.resolver.news = true
}

// flush sends what is buffered, and notes what failed.
func (a *Agent) flush() {
	for _, f := range a.kernel.Flush() {
		if len(a.failed) == 0 {
			a.log.Warn("the kernel refuses a route", "prefix", f.Prefix, "error", f.Err)
		}
		a.failed[f.Prefix] = f.Err
	}
}
