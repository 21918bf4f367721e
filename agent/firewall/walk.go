package firewall

import (
	"net/netip"
	"slices"
	"strings"

	"heddle/bgp"
)

// depthMost bounds jumps within jumps; Check refuses states that could exceed it.
const depthMost = 16

// Walk says what becomes of a packet that reaches a chain of the kernel: Drop, or Accept
// when it is passed on, be it to the rules of others. The steps are the rules it met.
// member says who is in a set.
func (s *State) Walk(table Table, hook string, p Packet, member func(set string, a netip.Addr) bool) (Verdict, []Step) {
	family := bgp.FamilyOf(p.Source)
	if family == bgp.FamilyInvalid {
		return Accept, nil
	}
	w := walker{packet: p, table: table, member: member, chains: map[string][]Rule{}}
	rules := s.Of(family)
	for _, chain := range rules.Chains {
		if chain.Table == table {
			w.chains[chain.Name] = chain.Rules
		}
	}
	for _, h := range rules.Hooks {
		if h.Table == table && h.Chain == hook {
			if v := w.enter(h.To, 0); v != Return {
				return v, w.steps
			}
		}
	}
	return Accept, w.steps
}

type walker struct {
	packet Packet
	table  Table
	member func(string, netip.Addr) bool
	chains map[string][]Rule
	steps  []Step
}

// enter gives Accept, Drop, or Return when the chain has not decided.
func (w *walker) enter(name string, depth int) Verdict {
	if depth > depthMost {
		return Return
	}
	for i := range w.chains[name] {
		rule := &w.chains[name][i]
		match := w.matches(rule)
		w.steps = append(w.steps, Step{Table: w.table, Chain: name, Rule: i + 1, Match: match, What: *rule})
		if !match {
			continue
		}
		switch rule.Verdict {
		case Jump:
			if v := w.enter(rule.To, depth+1); v != Return {
				return v
			}
		case Goto:
			return w.enter(rule.To, depth+1)
		default:
			return rule.Verdict
		}
	}
	return Return
}

func (w *walker) matches(r *Rule) bool {
	p := &w.packet
	switch {
	case !named(r.In, p.In), !named(r.Out, p.Out):
	case r.Source.IsValid() && !r.Source.Contains(p.Source):
	case r.Destination.IsValid() && !r.Destination.Contains(p.Destination):
	case r.SourceSet != "" && !w.member(r.SourceSet, p.Source):
	case r.TargetSet != "" && !w.member(r.TargetSet, p.Destination):
	case r.NotMAC != [6]byte{} && r.NotMAC == p.MAC:
	case r.Protocol != 0 && r.Protocol != p.Protocol:
	case !within(r.SourcePorts, p.SourcePort), !within(r.Ports, p.Port):
	case r.ICMPType.Valid && r.ICMPType.Type != p.ICMPType:
	case r.State != AnyState && r.State != p.State:
	case r.Spoofed && !p.Spoofed:
	default:
		return true
	}
	return false
}

func named(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	if prefix, any := strings.CutSuffix(pattern, "+"); any {
		return name != "" && strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

func within(ports []Ports, port uint16) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p Ports) bool { return p.First <= port && port <= p.Last })
}
