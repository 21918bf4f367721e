package agent

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"heddle/agent/derive"
	"heddle/agent/fib"
	"heddle/agent/routes"
	"heddle/bgp"
	"heddle/topology"
)

// Counts is what the agent has done since it started.
type Counts struct {
	Settled   uint64 // turns of the loop
	Changes   uint64 // of routes
	Checks    uint64 // readings of all routes
	Repaired  uint64 // routes that were not as they should be
	Filtered  uint64 // times that rules were written
	Mended    uint64 // times that rules of ours were not as they should be
	Members   uint64 // joined or left a set
	Ports     uint64 // times that one was readied
	Forgotten uint64 // flows of addresses that left
}

// Status is how the agent fares.
type Status struct {
	Running   bool // an inventory with our node is in force
	Synced    bool // the reflectors have said all
	Routes    map[bgp.Family]int
	Paths     int
	Refused   int // prefixes that no host installs
	Failed    int // routes that the kernel refused
	Announced int
	State     *derive.State // nil before Running
	Links     []fib.Link
	Counts    Counts
	Problems  []topology.Problem
	Guarded   string          // why the chains are not in place; empty: they are
	Says      map[string]bool // workloads of which something is announced
}

// Status asks the loop.
func (a *Agent) Status(ctx context.Context) (s Status, err error) {
	err = a.ask(ctx, func() { s = a.status() })
	return s, err
}

func (a *Agent) status() Status {
	s := Status{
		Running: a.snapshot != nil, Synced: a.synced, Routes: map[bgp.Family]int{}, Paths: a.table.Paths(),
		Failed: len(a.failed), Announced: len(a.speaker.list), State: a.state, Links: a.links, Counts: a.counts,
	}
	for _, f := range bgp.Families {
		s.Routes[f] = a.table.Routes(f)
	}
	for range a.table.Refused() {
		s.Refused++
	}
	s.Problems, s.Guarded, s.Says = a.problems(), a.trouble["firewall"], map[string]bool{}
	if a.state == nil {
		return s
	}
	for _, w := range a.state.Workloads {
		for _, address := range w.Addresses {
			if _, said := a.speaker.list[netip.PrefixFrom(address, address.BitLen())]; said {
				s.Says[w.Name] = true
			}
		}
	}
	return s
}

// listMost is how many of a kind of problem are named one by one.
const listMost = 20

func (a *Agent) problems() (list []topology.Problem) {
	self := topology.Key{Kind: topology.KindNode, Name: a.cfg.Host.Node}.String()
	add := func(object, text string) { list = append(list, topology.Problem{Object: object, Text: text}) }
	if a.frozen != "" {
		add(self, a.frozen)
	}
	if a.state != nil {
		list = append(list, a.state.Problems...)
	}
	for _, about := range slices.Sorted(maps.Keys(a.trouble)) {
		add(about, a.trouble[about]+" (it is tried again)")
	}
	n := 0
	for p, why := range a.table.Refused() {
		if n++; n <= listMost {
			add("route "+p.String(), why+": it is not installed")
		}
	}
	n = 0
	for p, err := range a.failed {
		if n++; n <= listMost {
			add("route "+p.String(), "the kernel refuses it: "+err.Error())
		}
	}
	if loose, err := a.kernel.LooseRPF(); err == nil && loose {
		add("sysctl net.ipv4.conf.all.rp_filter", "is 2, which makes every port loose: the chains still are strict; set it to 0 or 1")
	}
	slices.SortFunc(list, topology.Problem.Compare)
	return list
}

// Route is a route as people see it.
type Route struct {
	Prefix netip.Prefix
	Local  string // workload, if it lives here
	Ways   []fib.Hop
	Stale  bool
	Why    string // it is not in the kernel, and why
	Tags   []string
	Said   []routes.Path
}

// pageMost is how many routes the loop gives between two events.
const pageMost = 1000

// Routes yields the host's own workloads, then what the reflectors say. The loop is
// asked in pieces: what changes in between may be missed.
func (a *Agent) Routes(ctx context.Context, yield func(Route) error) error {
	var page []Route
	if err := a.ask(ctx, func() { page = a.localRoutes() }); err != nil {
		return err
	}
	for next, first := uint64(0), true; first || next != 0; first = false {
		for _, r := range page {
			if err := yield(r); err != nil {
				return err
			}
		}
		page = page[:0]
		err := a.ask(ctx, func() {
			next = a.table.Page(next, pageMost, func(r routes.Route) {
				if _, here := a.local[r.Prefix]; !here {
					page = append(page, a.remoteRoute(r))
				}
			})
		})
		if err != nil {
			return err
		}
	}
	for _, r := range page {
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}

// Route gives the routes that an address goes by: the longest prefix, if there is any.
func (a *Agent) Route(ctx context.Context, address netip.Addr) (r Route, ok bool, err error) {
	err = a.ask(ctx, func() { r, ok = a.route(address) })
	return r, ok, err
}

func (a *Agent) route(address netip.Addr) (Route, bool) {
	for _, r := range a.localRoutes() {
		if r.Prefix.Addr() == address {
			return r, true
		}
	}
	if r, ok := a.table.Match(address); ok {
		return a.remoteRoute(r), true
	}
	r, ok := a.table.Get(netip.PrefixFrom(address, address.BitLen()))
	return a.remoteRoute(r), ok
}

func (a *Agent) localRoutes() (list []Route) {
	if a.state == nil {
		return nil
	}
	for _, w := range a.state.Workloads {
		for _, address := range w.Addresses {
			p := netip.PrefixFrom(address, address.BitLen())
			r := Route{Prefix: p, Local: w.Name, Tags: w.Tags, Why: w.Waits}
			if l, here := a.local[p]; here && l.Link != 0 {
				r.Ways = []fib.Hop{{Link: l.Link}}
			}
			list = append(list, r)
		}
	}
	return list
}

func (a *Agent) remoteRoute(r routes.Route) Route {
	out := Route{Prefix: r.Prefix, Stale: r.Stale, Ways: a.reach(r.Hops), Tags: a.tagNames(r.Tags)}
	if r.Prefix.IsValid() {
		out.Said = a.table.Said(r.Prefix)
	}
	switch {
	case a.failed[r.Prefix] != nil:
		out.Why = "the kernel refuses it: " + a.failed[r.Prefix].Error()
	case r.Hops == 0:
		out.Why = a.table.Refuse(r.Prefix)
	case a.cfg.Install == InstallNone:
		out.Why = "install: none"
	case len(out.Ways) == 0:
		out.Why = "no route of the host leads to the next hop"
		if a.cfg.Install == InstallRack {
			out.Why = "install: rack, and it is beyond a gateway, or no route leads to the next hop"
		}
	}
	return out
}

func (a *Agent) tagNames(tags routes.Tags) (names []string) {
	for _, id := range a.table.TagsOf(tags) {
		for tag := range a.snapshot.Tags() {
			if tag.ID == id {
				names = append(names, tag.Name)
			}
		}
	}
	return names
}

// LinkName is what people call an interface.
func (s *Status) LinkName(index int) string { return linkName(s.Links, index) }

func linkName(links []fib.Link, index int) string {
	for i := range links {
		if links[i].Index == index {
			return links[i].Name
		}
	}
	return ""
}
