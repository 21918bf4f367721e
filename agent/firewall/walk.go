package firewall

import (
	"net/netip"
	"slices"
	"strings"

	"heddle/bgp"
)

// Walk says what becomes of a packet in a chain of the kernel, and the rules of ours
// that it met. Accept: passed on, to the rules of others and the policy of the chain.
// A packet whose addresses are of no family meets nothing.
func (s *State) Walk(table Table, hook string, p Packet, member func(set string, a netip.Addr) bool) (Verdict, []Step) {
	family := bgp.FamilyOf(p.Source)
	if family == bgp.FamilyInvalid {
		return Accept, nil
	}
	set := s.Of(family)
	w := walker{table: table, packet: p, member: member, chains: map[string]*Chain{}}
	for i := range set.Chains {
		if set.Chains[i].Table == table {
			w.chains[set.Chains[i].Name] = &set.Chains[i]
		}
	}
	for _, h := range set.Hooks {
		if h.Table != table || h.Chain != hook {
			continue
		}
		if v := w.enter(h.To, 0); v != Return {
			return v, w.steps
		}
	}
	return Accept, w.steps
}

type walker struct {
	table  Table
	packet Packet
	member func(string, netip.Addr) bool
	chains map[string]*Chain
	steps  []Step
}

// enter gives Return when the packet comes out at the end.
func (w *walker) enter(name string, depth int) Verdict {
	c := w.chains[name]
	if c == nil || depth > depthMost {
		return Return
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		match := w.matches(r)
		w.steps = append(w.steps, Step{Table: w.table, Chain: name, Rule: i + 1, Match: match, What: *r})
		if !match {
			continue
		}
		switch r.Verdict {
		case Jump:
			if v := w.enter(r.To, depth+1); v != Return {
				return v
			}
		case Goto:
			return w.enter(r.To, depth+1)
		default:
			return r.Verdict
		}
	}
	return Return
}

func (w *walker) matches(r *Rule) bool {
	p := &w.packet
	return through(r.In, p.In) && through(r.Out, p.Out) &&
		within(r.Source, p.Source) && within(r.Destination, p.Destination) &&
		(r.SourceSet == "" || w.member(r.SourceSet, p.Source)) &&
		(r.TargetSet == "" || w.member(r.TargetSet, p.Destination)) &&
		(r.Protocol == 0 || r.Protocol == p.Protocol) &&
		has(r.SourcePorts, p.SourcePort) && has(r.Ports, p.Port) &&
		(!r.ICMPType.Valid || r.ICMPType.Type == p.ICMPType) &&
		(r.State == AnyState || r.State == p.State) && (!r.Spoofed || p.Spoofed) && stranger(r.NotMAC, p.MAC)
}

func through(want, is string) bool {
	if begin, ok := strings.CutSuffix(want, "+"); ok {
		return begin == "" || (is != "" && strings.HasPrefix(is, begin))
	}
	return want == "" || want == is
}

func within(want netip.Prefix, is netip.Addr) bool { return !want.IsValid() || want.Contains(is) }

func has(list []Ports, port uint16) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(p Ports) bool { return p.First <= port && port <= p.Last })
}

// stranger: a packet without a MAC address matches neither a MAC nor its opposite.
func stranger(not, is [6]byte) bool {
	return not == [6]byte{} || (is != [6]byte{} && is != not)
}
