package firewall

import (
	"fmt"
	"strings"

	"heddle/bgp"
)

// Check says what in a state no kernel would take. A state that derives from code of
// ours passes: a fault is a defect.
func (s *State) Check() error {
	sets := map[string]bgp.Family{}
	for _, set := range s.Sets {
		if !strings.HasPrefix(set.Name, Prefix) || len(set.Name) > MaxSetName {
			return fmt.Errorf("set %s: want a name that begins with %s, of at most %d octets", set.Name, Prefix, MaxSetName)
		}
		if _, twice := sets[set.Name]; twice {
			return fmt.Errorf("set %s is there twice", set.Name)
		}
		sets[set.Name] = set.Family
	}
	for _, f := range bgp.Families {
		for _, table := range []Table{Raw, Filter} {
			if err := s.checkTable(f, table, sets); err != nil {
				return fmt.Errorf("%s %s: %w", f, table, err)
			}
		}
	}
	return nil
}

func (s *State) checkTable(f bgp.Family, table Table, sets map[string]bgp.Family) error {
	chains := map[string][]Rule{}
	for _, chain := range s.Of(f).Chains {
		if chain.Table != table {
			continue
		}
		if !strings.HasPrefix(chain.Name, Prefix) || len(chain.Name) > MaxName {
			return fmt.Errorf("chain %s: want a name that begins with %s, of at most %d octets", chain.Name, Prefix, MaxName)
		}
		if _, twice := chains[chain.Name]; twice {
			return fmt.Errorf("chain %s is there twice", chain.Name)
		}
		chains[chain.Name] = chain.Rules
	}
	for name, rules := range chains {
		for i := range rules {
			if err := checkRule(&rules[i], f, chains, sets); err != nil {
				return fmt.Errorf("chain %s, rule %d: %w", name, i+1, err)
			}
		}
		if depth(chains, name, 0) > depthMost {
			return fmt.Errorf("chain %s leads back to itself", name)
		}
	}
	for _, h := range s.Of(f).Hooks {
		if _, ok := chains[h.To]; h.Table == table && !ok {
			return fmt.Errorf("%s leads to %s, which is not there", h.Chain, h.To)
		}
	}
	return nil
}

func depth(chains map[string][]Rule, name string, at int) int {
	deepest := at
	if at > depthMost {
		return at
	}
	for _, r := range chains[name] {
		if r.To != "" {
			deepest = max(deepest, depth(chains, r.To, at+1))
		}
	}
	return deepest
}

func checkRule(r *Rule, f bgp.Family, chains map[string][]Rule, sets map[string]bgp.Family) error {
	_, known := chains[r.To]
	switch jumps := r.Verdict == Jump || r.Verdict == Goto; {
	case r.Verdict == VerdictInvalid || r.Verdict > Goto:
		return fmt.Errorf("has no verdict")
	case jumps != (r.To != "") || (jumps && !known):
		return fmt.Errorf("leads to %q, which is not there", r.To)
	case len(SplitPorts(r.Ports)) > 1 || len(SplitPorts(r.SourcePorts)) > 1:
		return fmt.Errorf("has more ports than a rule takes")
	}
	for _, name := range []string{r.SourceSet, r.TargetSet} {
		if of, ok := sets[name]; name != "" && (!ok || of != f) {
			return fmt.Errorf("names set %s, which is not there", name)
		}
	}
	for _, p := range []bool{!r.Source.IsValid() || bgp.FamilyOf(r.Source.Addr()) == f, !r.Destination.IsValid() || bgp.FamilyOf(r.Destination.Addr()) == f} {
		if !p {
			return fmt.Errorf("has a prefix of the other family")
		}
	}
	return nil
}
