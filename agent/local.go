package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"heddle/agent/derive"
	"heddle/agent/fib"
	"heddle/bgp"
	"heddle/topology"
)

// settle does what the events taken come to. The order is what keeps a packet from being
// lost or leaked: what there is to know is read (interfaces, sets, the kernel), then
// what is our own is guarded, routed and announced, then what others announce is routed.
func (a *Agent) settle(ctx context.Context) {
	if a.snapshot == nil {
		return
	}
	if a.linksOld {
		a.readLinks()
	}
	if a.inherited == nil && !a.inherit() {
		return
	}
	if a.check || !a.resolver.loaded {
		a.verify()
	}
	if a.resolver.news {
		a.guard()
	}
	if a.stale {
		a.stale = false
		a.settleLocal(ctx)
	}
	a.table.Flush(a.change)
	a.flushSets(false)
	a.flush()
	a.counts.Settled++
}

// verify holds everything against the kernel: first what is there, so that nothing right
// is written again.
func (a *Agent) verify() {
	clear(a.failed)
	a.table.Flush(a.change) // what was just said, nothing is to be held against
	a.report("kernel", a.reconcile())
	a.flush()
	a.announce()
}

// inherit looks which sets a process before us left: who is in them, it knew.
func (a *Agent) inherit() bool {
	names, err := a.filter.Existing()
	if a.report("sets", err); err != nil {
		return false
	}
	a.inherited = map[string]bool{}
	for _, name := range names {
		a.inherited[name] = true
	}
	return true
}

func (a *Agent) readLinks() {
	links, err := a.kernel.Links()
	if a.report("interfaces", err); err != nil {
		return
	}
	a.links, a.linksOld, a.stale = links, false, true
	a.findSources()
}

// report notes what a driver says, has it tried again later, and logs it once.
func (a *Agent) report(about string, err error) {
	if err == nil {
		if delete(a.trouble, about); len(a.trouble) == 0 {
			a.due.worked()
		}
		return
	}
	text := err.Error()
	if a.trouble[about] != text {
		a.log.Error("failed, and will be tried again", "what", about, "error", err)
	}
	a.trouble[about] = text
	a.due.failed()
}

// settleLocal makes the host what its own workloads want. What goes, goes first: it is
// not announced any more, then not routed, then not known. What comes is guarded, then
// routed, then announced.
func (a *Agent) settleLocal(ctx context.Context) {
	state := a.derive()
	a.leave(state)
	if a.report("sets", a.furnish(state)); a.trouble["sets"] != "" {
		return
	}
	state = a.derive() // what is known of sets may be more by now
	a.state = state
	a.unport(state)
	if err := a.fence(ctx, state); err != nil {
		a.report("firewall", err)
		return // what is not guarded is not opened
	}
	a.report("firewall", nil)
	a.enter(state)
	a.forget()
	a.announce()
}

// derive says what the host should be. An address that others need to find the
// reflectors, the datastore or each other is nobody's to have here.
func (a *Agent) derive() *derive.State {
	a.cfg.Host.Unknown = a.unknown
	a.cfg.Host.Uplinks = a.resolver.uplinks()
	state := derive.For(a.snapshot, a.links, a.cfg.Host)
	kept := state.Routes[:0:0]
	for _, r := range state.Routes {
		why := a.table.Refuse(r.Prefix)
		if why == "" {
			kept = append(kept, r)
			continue
		}
		object := topology.WorkloadKey(a.cfg.Host.Node, r.Name).String()
		state.Problems = append(state.Problems, topology.Problem{Object: object, Text: "has an address that " + why + ": it is neither routed nor announced; give it another"})
		for i := range state.Workloads {
			if state.Workloads[i].Name == r.Name {
				state.Workloads[i].Waits = "its address " + why
			}
		}
	}
	state.Routes = kept
	return state
}

// furnish has the sets there that rules are going to name, and in them everybody who
// belongs there: a rule must not stand on a set that lacks somebody. Who does not belong
// there any more leaves when the rules are in place.
func (a *Agent) furnish(state *derive.State) error {
	if _, err := a.filter.Prepare(&state.Filter); err != nil {
		return err
	}
	if err := a.adoptSets(state.Members); err != nil {
		return err
	}
	a.flushSets(true)
	return nil
}

// forget ends the flows of addresses that left, or that are another workload's now.
func (a *Agent) forget() {
	if len(a.departed) == 0 {
		return
	}
	flows, err := a.filter.Forget(slices.SortedFunc(maps.Keys(a.departed), netip.Addr.Compare))
	a.counts.Forgotten += uint64(flows)
	if a.report("flows of addresses that left", err); err == nil {
		clear(a.departed)
	}
}

// leave ends what is not wanted any more: announcement, then route. Where the address
// lives elsewhere by now, the route there takes the place of ours in one step.
func (a *Agent) leave(state *derive.State) {
	wanted := make(map[netip.Prefix]derive.Route, len(state.Routes))
	for _, r := range state.Routes {
		wanted[r.Prefix] = r
	}
	var gone []netip.Addr
	for p, was := range a.local {
		r, stays := wanted[p]
		if !stays {
			gone = append(gone, p.Addr())
		}
		if !stays || r.Name != was.Name || r.Link != was.Link {
			a.departed[p.Addr()] = true
		}
	}
	if len(gone) == 0 {
		return
	}
	slices.SortFunc(gone, netip.Addr.Compare)
	left := map[netip.Prefix]netip.Addr{}
	for p, hop := range a.speaker.list {
		if _, stays := wanted[p]; stays {
			left[p] = hop
		}
	}
	a.say(left)
	a.table.Flush(a.change)
	for _, address := range gone {
		p := netip.PrefixFrom(address, address.BitLen())
		was := a.local[p]
		delete(a.local, p)
		r, _ := a.table.Get(p)
		switch {
		case r.Hops != 0 && a.cfg.Install != InstallNone:
			a.write(p, r.Hops)
		case was.Link != 0:
			a.kernel.Remove(p)
		}
	}
	a.flush()
}

// unport puts interfaces back as they were that are no workload's any more.
func (a *Agent) unport(state *derive.State) {
	wanted := map[string]int{}
	for _, p := range state.Ports {
		wanted[p.Name] = p.Index
	}
	for name, p := range a.ports {
		if wanted[name] == p.Index {
			continue
		}
		a.report("port "+name, a.kernel.Unport(p.Index, name))
		delete(a.ports, name)
	}
}

// applyMost bounds how long the chains may take: somebody may hold the lock of iptables.
const applyMost = 15 * time.Second

// fence has the chains in place.
func (a *Agent) fence(ctx context.Context, state *derive.State) error {
	ctx, cancel := context.WithTimeout(ctx, applyMost)
	defer cancel()
	wrote, err := a.filter.Apply(ctx, &state.Filter)
	if wrote {
		a.counts.Filtered++
	}
	return err
}

// enter readies ports and routes to them. A port that can't be readied has no route.
func (a *Agent) enter(state *derive.State) {
	unready := map[int]bool{}
	maps.DeleteFunc(a.trouble, func(about, _ string) bool { return strings.HasPrefix(about, "port ") })
	for _, p := range state.Ports {
		changed, err := a.kernel.Port(p)
		a.report("port "+p.Name, err)
		if err != nil {
			unready[p.Index] = true
			continue
		}
		if changed {
			a.counts.Ports++
		}
		a.ports[p.Name] = p
	}
	a.report("forwarding", a.forward(state))
	for _, r := range state.Routes {
		p := r.Prefix
		was, had := a.local[p]
		if unready[r.Link] && r.Link != 0 {
			continue
		}
		a.local[p] = r
		if there, left := a.found[p]; !had && left && there == r.Link {
			continue // the next comparison finds what else may differ
		}
		switch {
		case had && was.Link != 0 && r.Link == 0:
			a.kernel.Remove(p) // a service now, on the host itself
		case !had || was.Link != r.Link:
			a.writeLocal(r)
		}
	}
	clear(a.found)
	a.flush()
}

// forward turns forwarding on for the families that workloads have.
func (a *Agent) forward(state *derive.State) error {
	var errs []error
	for _, f := range bgp.Families {
		for _, r := range state.Routes {
			if bgp.FamilyOf(r.Prefix.Addr()) == f && r.Link != 0 {
				_, err := a.kernel.Forward(f)
				errs = append(errs, err)
				break
			}
		}
	}
	return errors.Join(errs...)
}

func (a *Agent) localRoute(r derive.Route) fib.Route {
	return fib.Route{Prefix: r.Prefix, Hops: []fib.Hop{{Link: r.Link}}, Source: a.source(r.Prefix)}
}

func (a *Agent) writeLocal(r derive.Route) {
	if r.Link != 0 {
		a.kernel.Replace(a.localRoute(r))
	}
}

// announce tells the reflectors of every workload that can carry traffic: its chains are
// in place, and so is its route.
func (a *Agent) announce() {
	if a.state == nil || a.trouble["firewall"] != "" {
		return
	}
	list := map[netip.Prefix]netip.Addr{}
	for _, r := range a.state.Routes {
		_, routed := a.local[r.Prefix]
		_, failed := a.failed[r.Prefix]
		hop, ok := derive.NextHop(a.node, r.Prefix.Addr())
		if routed && !failed && ok {
			list[r.Prefix] = hop
		}
	}
	a.say(list)
}

func (a *Agent) say(list map[netip.Prefix]netip.Addr) {
	if a.speaker.ready && maps.Equal(list, a.speaker.list) {
		return
	}
	a.sessions.Wake(a.speaker.say(list))
}

// pollFilter looks whether somebody else wrote the tables, and mends them.
func (a *Agent) pollFilter() {
	if a.state == nil {
		return
	}
	changed, err := a.filter.Changed()
	if err == nil && !changed {
		return
	}
	a.report("look at the firewall", err)
	a.repairFilter()
}

func (a *Agent) repairFilter() {
	if a.state == nil || a.trouble["firewall"] != "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), applyMost)
	defer cancel()
	wrote, err := a.filter.Repair(ctx)
	if wrote {
		a.counts.Mended++
		a.log.Warn("the firewall was not as it should be, and is again")
	}
	if err != nil {
		err = fmt.Errorf("mend: %w", err)
	}
	a.report("firewall repair", err)
}
