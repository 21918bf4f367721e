package firewall

import (
	"maps"
	"slices"

	"heddle/bgp"
)

// chain is a chain of ours, wanted or found.
type chain struct {
	name  string
	rules []line
	from  []Rule // what it was rendered from; nil when it was read from the kernel
}

// view is what of ours is, or is to be, in one table of one family.
type view struct {
	chains map[string]*chain
	// wanted: by kernel chain, in order. Of a view that was read only strays are set.
	hooks  map[string][]line
	strays map[string][]stray
}

// stray is a rule of ours in a chain of somebody else.
type stray struct {
	at int // from 0
	line
}

// compile renders a table. Chains whose rules are the same as in last are taken from
// there: with a thousand workloads rendering costs more than all the rest of a change.
func compile(s *State, family bgp.Family, table Table, last *view) *view {
	v := &view{chains: map[string]*chain{}, hooks: map[string][]line{}}
	set := s.Of(family)
	for i := range set.Chains {
		c := &set.Chains[i]
		if c.Table != table {
			continue
		}
		if last != nil {
			if old := last.chains[c.Name]; old != nil && sameRules(old.from, c.Rules) {
				v.chains[c.Name] = old
				continue
			}
		}
		rendered := &chain{name: c.Name, rules: make([]line, len(c.Rules)), from: c.Rules}
		for i := range c.Rules {
			rendered.rules[i] = lineOf(&c.Rules[i], family)
		}
		v.chains[c.Name] = rendered
	}
	for _, h := range set.Hooks {
		if h.Table == table {
			v.hooks[h.Chain] = append(v.hooks[h.Chain], lineOf(&Rule{Verdict: Jump, To: h.To}, family))
		}
	}
	return v
}

// sameRules holds a state to be unchangeable once applied: the same array is the same
// rules.
func sameRules(a, b []Rule) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	for i := range a {
		if !a[i].equal(&b[i]) {
			return false
		}
	}
	return true
}

func (r *Rule) equal(o *Rule) bool {
	return r.In == o.In && r.Out == o.Out && r.Source == o.Source && r.Destination == o.Destination &&
		r.SourceSet == o.SourceSet && r.TargetSet == o.TargetSet && r.NotMAC == o.NotMAC &&
		r.Protocol == o.Protocol && slices.Equal(r.SourcePorts, o.SourcePorts) && slices.Equal(r.Ports, o.Ports) &&
		r.ICMPType == o.ICMPType && r.State == o.State && r.Spoofed == o.Spoofed &&
		r.Verdict == o.Verdict && r.To == o.To && r.Note == o.Note
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
