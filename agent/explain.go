package agent

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/topology"
)

// Question is a packet that starts a flow: what would become of it on this host?
type Question struct {
	Source, Destination netip.Addr
	Protocol            topology.Protocol
	Port                uint16
	ICMPType            uint8
}

// Explanation is the fate of a packet.
type Explanation struct {
	Passes bool
	// Verdict says it in a sentence.
	Verdict string
	// Path says where it comes from and goes to, as this host sees it.
	Path   []string
	Family bgp.Family
	// Steps are the rules that matched, in order; the last decided.
	Steps []firewall.Step
}

// Explain asks the loop.
func (a *Agent) Explain(ctx context.Context, q Question) (x Explanation, err error) {
	err = a.ask(ctx, func() { x = a.explain(q) })
	return x, err
}

// end is one end of a packet.
type end struct {
	words    string
	link     string // interface it is behind; empty: the host itself, or unknown
	mac      [6]byte
	host     bool
	workload bool
	lost     bool // nobody knows where it is
}

func (a *Agent) explain(q Question) (x Explanation) {
	if a.state == nil {
		x.Verdict = "nothing is known yet: there is no inventory with this node"
		return x
	}
	x.Family = bgp.FamilyOf(q.Source)
	from, to := a.end(q.Source), a.end(q.Destination)
	x.Path = []string{"from " + from.words, "to " + to.words}
	p := firewall.Packet{
		In: from.link, Out: to.link, Source: q.Source, Destination: q.Destination, MAC: from.mac,
		Protocol: uint8(q.Protocol), SourcePort: 49152, Port: q.Port, ICMPType: q.ICMPType,
	}
	if !from.workload && !to.workload && !from.host && !to.host {
		x.Passes, x.Verdict = true, "neither end is here: this host's chains have no say"
		return x
	}
	if from.workload && !a.judge(&x, firewall.Raw, "PREROUTING", p) {
		return x
	}
	hook := "FORWARD"
	switch {
	case to.host:
		hook, p.Out = "INPUT", ""
	case from.host:
		hook, p.In = "OUTPUT", ""
	case to.lost:
		x.Verdict = "dropped: the host has no route to " + q.Destination.String()
		return x
	}
	if !a.judge(&x, firewall.Filter, hook, p) {
		return x
	}
	x.Passes, x.Verdict = true, "passes"
	switch {
	case !to.workload && !to.host:
		x.Verdict = "passes here; the host of " + q.Destination.String() + " decides, too"
	case !from.workload && !from.host:
		x.Verdict = "passes here, if the host of " + q.Source.String() + " let it out"
	}
	return x
}

// judge walks one table, and says whether the packet passes it.
func (a *Agent) judge(x *Explanation, table firewall.Table, hook string, p firewall.Packet) bool {
	verdict, steps := a.state.Filter.Walk(table, hook, p, a.member)
	for _, s := range steps {
		if s.Match {
			x.Steps = append(x.Steps, s)
		}
	}
	if verdict != firewall.Drop {
		return true
	}
	x.Verdict = "dropped"
	if n := len(x.Steps); n > 0 {
		last := x.Steps[n-1]
		x.Verdict = fmt.Sprintf("dropped by rule %d of %s: %s", last.Rule, last.Chain, last.What.Note)
	}
	return false
}

// end says where an address is.
func (a *Agent) end(address netip.Addr) end {
	for _, w := range a.state.Workloads {
		if !slices.Contains(w.Addresses, address) {
			continue
		}
		words := fmt.Sprintf("workload %s of this host%s", w.Name, tagged1(w.Tags))
		if w.Interface == "" {
			return end{words: words + ", a service on the host itself", host: true}
		}
		if w.State != topology.Prepared && !w.Ready {
			return end{words: words + ", which waits: " + w.Waits, lost: true}
		}
		if w.State != topology.Prepared && w.Link != 0 {
			return end{words: words + ", by " + w.Interface, link: w.Interface, mac: w.MAC, workload: true}
		}
	}
	if a.hasAddress(address) {
		return end{words: "an address of this host", host: true}
	}
	r, ok := a.table.Match(address)
	if !ok {
		ways := a.resolver.reach(address)
		if len(ways) == 0 {
			return end{words: address.String() + ", to which the host has no route", lost: true}
		}
		name := linkName(a.links, ways[0].Link)
		return end{words: fmt.Sprintf("%s, by the host's own route, %s", address, name), link: name}
	}
	out := end{words: fmt.Sprintf("%s%s, on host %s", r.Prefix, tagged1(a.tagNames(r.Tags)), a.table.HopsOf(r.Hops))}
	if ways := a.reach(r.Hops); len(ways) > 0 {
		out.link = linkName(a.links, ways[0].Link)
		out.words += ", by " + out.link
	}
	return out
}

func tagged1(tags []string) string {
	if len(tags) == 0 {
		return " without a tag"
	}
	return fmt.Sprintf(" tagged %v", tags)
}

// member says whether an address is in a set: as the kernel has it, as far as we know.
func (a *Agent) member(name string, address netip.Addr) bool {
	s := a.sets[name]
	if s == nil || s.Family != bgp.FamilyOf(address) {
		return false
	}
	if slices.ContainsFunc(s.Local, func(p netip.Prefix) bool { return p.Contains(address) }) {
		return true
	}
	return s.filled && ((s.Tag != 0 && a.table.Bears(address, s.Tag)) || (s.also != 0 && a.table.Bears(address, s.also)))
}
