package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"heddle/bgp"
)

// depthMost is how many chains deep the kernel follows jumps (NFT_JUMP_STACK_SIZE).
const depthMost = 15

// Check says what the kernel would not take.
func (s *State) Check() error {
	sets := map[string]bgp.Family{}
	var errs []error
	for _, set := range s.Sets {
		if err := checkName(set.Name, MaxSetName); err != nil {
			errs = append(errs, fmt.Errorf("set %q: %w", set.Name, err))
		}
		if set.Family != bgp.IPv4Unicast && set.Family != bgp.IPv6Unicast {
			errs = append(errs, fmt.Errorf("set %q: no family", set.Name))
		}
		if _, twice := sets[set.Name]; twice {
			errs = append(errs, fmt.Errorf("set %q: told twice", set.Name))
		}
		sets[set.Name] = set.Family
	}
	for _, family := range bgp.Families {
		for _, table := range [...]Table{Raw, Filter} {
			c := checker{family: family, table: table, sets: sets, chains: map[string]*Chain{}, depth: map[string]int{}}
			if err := c.all(s.Of(family)); err != nil {
				errs = append(errs, fmt.Errorf("table %s, %s: %w", table, family, err))
			}
		}
		errs = append(errs, checkTables(s.Of(family), family))
	}
	return errors.Join(errs...)
}

func checkTables(set *Ruleset, family bgp.Family) error {
	for _, c := range set.Chains {
		if c.Table != Raw && c.Table != Filter {
			return fmt.Errorf("%s: chain %q: no table", family, c.Name)
		}
	}
	for _, h := range set.Hooks {
		known := map[Table][]string{Raw: {"PREROUTING", "OUTPUT"}, Filter: {"INPUT", "FORWARD", "OUTPUT"}}[h.Table]
		if !slices.Contains(known, h.Chain) {
			return fmt.Errorf("%s: hook to %q: there is no chain %q", family, h.To, h.Chain)
		}
	}
	return nil
}

func checkName(name string, most int) error {
	if !strings.HasPrefix(name, Prefix) {
		return fmt.Errorf("the name does not begin with %q", Prefix)
	}
	if len(name) > most {
		return fmt.Errorf("the name has %d octets, at most %d fit", len(name), most)
	}
	return checkWord(name)
}

func checkWord(word string) error {
	for _, r := range word {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("\"'\\,!/", r) {
			return fmt.Errorf("%q has %q in it", word, r)
		}
	}
	return nil
}

type checker struct {
	family bgp.Family
	table  Table
	sets   map[string]bgp.Family
	chains map[string]*Chain
	depth  map[string]int // chains below and including; -1 while being walked
}

func (c *checker) all(set *Ruleset) error {
	var errs []error
	for i := range set.Chains {
		chain := &set.Chains[i]
		if chain.Table != c.table {
			continue
		}
		if err := checkName(chain.Name, MaxName); err != nil {
			errs = append(errs, fmt.Errorf("chain %q: %w", chain.Name, err))
		}
		if c.chains[chain.Name] != nil {
			errs = append(errs, fmt.Errorf("chain %q: told twice", chain.Name))
		}
		c.chains[chain.Name] = chain
	}
	for name, chain := range c.chains {
		for i := range chain.Rules {
			if err := c.rule(&chain.Rules[i]); err != nil {
				errs = append(errs, fmt.Errorf("chain %q, rule %d: %w", name, i+1, err))
			}
		}
	}
	for _, h := range set.Hooks {
		if h.Table == c.table && c.chains[h.To] == nil {
			errs = append(errs, fmt.Errorf("hook in %s: there is no chain %q", h.Chain, h.To))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, name := range sortedKeys(c.chains) {
		if _, err := c.below(name); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) below(name string) (int, error) {
	if d := c.depth[name]; d > 0 {
		return d, nil
	} else if d < 0 {
		return 0, fmt.Errorf("chain %q leads to itself", name)
	}
	c.depth[name] = -1
	most := 0
	for _, r := range c.chains[name].Rules {
		if r.To == "" {
			continue
		}
		d, err := c.below(r.To)
		if err != nil {
			return 0, err
		}
		most = max(most, d)
	}
	if most+1 > depthMost {
		return 0, fmt.Errorf("chain %q: more than %d chains deep", name, depthMost)
	}
	c.depth[name] = most + 1
	return most + 1, nil
}

func (c *checker) rule(r *Rule) error {
	switch r.Verdict {
	case Jump, Goto:
		if c.chains[r.To] == nil {
			return fmt.Errorf("there is no chain %q", r.To)
		}
	case Accept, Drop, Return:
		if r.To != "" {
			return fmt.Errorf("goes to %q without a jump", r.To)
		}
	default:
		return errors.New("no verdict")
	}
	for _, name := range []string{r.In, r.Out} {
		if len(name) > 15 {
			return fmt.Errorf("interface %q: a name has at most 15 octets", name)
		}
		if err := checkWord(name); err != nil {
			return fmt.Errorf("interface %w", err)
		}
	}
	for _, p := range []netip.Prefix{r.Source, r.Destination} {
		if p != (netip.Prefix{}) && (!p.IsValid() || bgp.FamilyOf(p.Addr()) != c.family) {
			return fmt.Errorf("%s is no prefix of %s", p, c.family)
		}
	}
	for _, name := range []string{r.SourceSet, r.TargetSet} {
		if family, ok := c.sets[name]; name != "" && (!ok || family != c.family) {
			return fmt.Errorf("there is no set %q of %s", name, c.family)
		}
	}
	if r.Spoofed && c.table != Raw {
		return errors.New("spoofed sources are told in table raw only")
	}
	return errors.Join(checkPorts(r), c.icmp(r))
}

func (c *checker) icmp(r *Rule) error {
	wanted := uint8(protoICMP)
	if c.family == bgp.IPv6Unicast {
		wanted = protoICMPv6
	}
	if r.ICMPType.Valid && r.Protocol != wanted {
		return fmt.Errorf("a type of ICMP needs protocol %d", wanted)
	}
	return nil
}

func checkPorts(r *Rule) error {
	for _, list := range [][]Ports{r.SourcePorts, r.Ports} {
		used := 0
		for _, p := range list {
			if p.First > p.Last {
				return fmt.Errorf("ports %d:%d run backwards", p.First, p.Last)
			}
			used += slots(p)
		}
		if used > slotsMost {
			return fmt.Errorf("ports take %d slots, a rule has %d: see SplitPorts", used, slotsMost)
		}
		if used > 0 && r.Protocol != protoTCP && r.Protocol != protoUDP && r.Protocol != protoSCTP {
			return fmt.Errorf("protocol %d has no ports", r.Protocol)
		}
	}
	return nil
}
