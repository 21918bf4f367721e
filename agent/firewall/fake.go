package firewall

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"heddle/bgp"
)

// Fake is a packet filter in memory, for tests. It takes what iptables-restore takes and
// prints as iptables-save does.
type Fake struct {
	Writes int   // times that a table or a set was written
	Fail   error // what every write comes to, if not nil
	Flows  []netip.Addr
	tables map[where]*fakeTable
	sets   map[string]*fakeSet
}

type fakeTable struct {
	order []string
	rules map[string][]string
}

type fakeSet struct {
	Set
	members map[netip.Prefix]bool
}

// NewFake returns a driver over a fake.
func NewFake() (*Driver, *Fake) {
	f := &Fake{tables: map[where]*fakeTable{}, sets: map[string]*fakeSet{}}
	return newDriver("fake", f, (*fakeSets)(f), (*fakeFlows)(f)), f
}

func (f *Fake) table(at where) *fakeTable {
	t := f.tables[at]
	if t == nil {
		t = &fakeTable{rules: map[string][]string{}}
		for _, name := range map[Table][]string{Raw: {"PREROUTING", "OUTPUT"}, Filter: {"INPUT", "FORWARD", "OUTPUT"}}[at.table] {
			t.order = append(t.order, name)
			t.rules[name] = nil
		}
		f.tables[at] = t
	}
	return t
}

// Save is what iptables-save prints for a table.
func (f *Fake) Save(family bgp.Family, table Table) string {
	t := f.table(where{family, table})
	var w strings.Builder
	fmt.Fprintf(&w, "*%s\n", table)
	for _, name := range t.order {
		policy := "-"
		if !ours(name) {
			policy = "ACCEPT"
		}
		fmt.Fprintf(&w, ":%s %s [0:0]\n", name, policy)
	}
	for _, name := range t.order {
		for _, rule := range t.rules[name] {
			fmt.Fprintf(&w, "-A %s %s\n", name, rule)
		}
	}
	w.WriteString("COMMIT\n")
	return w.String()
}

func (f *Fake) save(_ context.Context, family bgp.Family, table Table) ([]byte, error) {
	return []byte(f.Save(family, table)), nil
}

// Restore takes the input of iptables-restore --noflush, whole or not at all.
func (f *Fake) Restore(family bgp.Family, input string) error {
	if f.Fail != nil {
		return f.Fail
	}
	at := where{family: family}
	var t *fakeTable
	for n, l := range strings.Split(strings.TrimSpace(input), "\n") {
		switch {
		case l == "*raw" || l == "*filter":
			if at.table = Raw; l == "*filter" {
				at.table = Filter
			}
			t = f.table(at).clone()
		case l == "COMMIT":
			if err := f.sound(t); err != nil {
				return err
			}
			f.tables[at] = t
			f.Writes++
		default:
			if err := t.take(l); err != nil {
				return fmt.Errorf("line %d failed: %q: %w", n+1, l, err)
			}
		}
	}
	return nil
}

func (f *Fake) restore(_ context.Context, family bgp.Family, input string) error {
	return f.Restore(family, input)
}

func (t *fakeTable) clone() *fakeTable {
	c := &fakeTable{order: slices.Clone(t.order), rules: map[string][]string{}}
	for name, rules := range t.rules {
		c.rules[name] = slices.Clone(rules)
	}
	return c
}

func (t *fakeTable) take(l string) error {
	if name, ok := strings.CutPrefix(l, ":"); ok {
		name, _, _ = strings.Cut(name, " ")
		if _, there := t.rules[name]; !there {
			t.order = append(t.order, name)
		}
		t.rules[name] = nil
		return nil
	}
	fields := strings.SplitN(l, " ", 4)
	rules, there := t.rules[fields[1]]
	if !there {
		return errors.New("no such chain")
	}
	return t.command(fields, rules, l)
}

func (t *fakeTable) command(fields []string, rules []string, l string) error {
	name := fields[1]
	switch fields[0] {
	case "-A":
		t.rules[name] = append(rules, strings.Join(fields[2:], " "))
	case "-F":
		t.rules[name] = nil
	case "-X":
		delete(t.rules, name)
		t.order = slices.DeleteFunc(t.order, func(n string) bool { return n == name })
	case "-I", "-D":
		n, err := strconv.Atoi(fields[2])
		if err != nil || n < 1 || n > len(rules)+1 || (fields[0] == "-D" && n > len(rules)) {
			return errors.New("index out of range")
		}
		if fields[0] == "-D" {
			t.rules[name] = slices.Delete(rules, n-1, n)
		} else {
			t.rules[name] = slices.Insert(rules, n-1, fields[3])
		}
	default:
		return fmt.Errorf("what is %q", l)
	}
	return nil
}

// sound refuses rules that lead to what is not there.
func (f *Fake) sound(t *fakeTable) error {
	for name, rules := range t.rules {
		for _, rule := range rules {
			if to := leads(rule); to != "" {
				if _, ok := t.rules[to]; !ok {
					return fmt.Errorf("%s leads to %s, which is not there", name, to)
				}
			}
			if _, rest, ok := strings.Cut(rule, "--match-set "); ok {
				set, _, _ := strings.Cut(rest, " ")
				if f.sets[set] == nil {
					return fmt.Errorf("set %s doesn't exist", set)
				}
			}
		}
	}
	return nil
}

// Members lists what a set holds, sorted; nil: there is no such set.
func (f *Fake) Members(set string) []netip.Prefix {
	s := f.sets[set]
	if s == nil {
		return nil
	}
	list := slices.AppendSeq([]netip.Prefix{}, maps.Keys(s.members))
	slices.SortFunc(list, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return list
}

// fakeSets and fakeFlows are the fake's other faces.
type (
	fakeSets  Fake
	fakeFlows Fake
)

func (f *fakeSets) list() (list []Set, err error) {
	for _, name := range slices.Sorted(maps.Keys(f.sets)) {
		list = append(list, f.sets[name].Set)
	}
	return append([]Set{}, list...), nil
}

func (f *fakeSets) create(s Set) error {
	if f.sets[s.Name] != nil {
		return errors.New("set exists")
	}
	f.Writes++
	f.sets[s.Name] = &fakeSet{s, map[netip.Prefix]bool{}}
	return f.Fail
}

func (f *fakeSets) destroy(name string) error {
	for _, t := range f.tables {
		for _, rules := range t.rules {
			for _, rule := range rules {
				if strings.Contains(rule, "--match-set "+name+" ") {
					return errors.New("set is in use")
				}
			}
		}
	}
	f.Writes++
	delete(f.sets, name)
	return f.Fail
}

func (f *fakeSets) members(name string) ([]netip.Prefix, error) {
	if f.sets[name] == nil {
		return nil, errors.New("no such set")
	}
	return (*Fake)(f).Members(name), nil
}

func (f *fakeSets) change(name string, prefixes []netip.Prefix, remove bool) error {
	s := f.sets[name]
	if s == nil {
		return errors.New("no such set")
	}
	f.Writes++
	for _, p := range prefixes {
		if delete(s.members, p); !remove {
			s.members[p] = true
		}
	}
	return f.Fail
}

func (f *fakeFlows) forget(gone map[netip.Addr]bool) (int, error) {
	before := len(f.Flows)
	f.Flows = slices.DeleteFunc(f.Flows, func(a netip.Addr) bool { return gone[a] })
	return before - len(f.Flows), nil
}
