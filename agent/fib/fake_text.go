package fib

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"heddle/bgp"
)

// String has the routes as `ip route show` and then `ip -6 route show` print them,
// without the blanks at the ends of lines. Routes of others have the protocol that
// `ip route add` gives, which is not shown.
func (f *Fake) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for _, family := range bgp.Families {
		for _, r := range f.sorted(family) {
			f.print(&b, r)
		}
	}
	return b.String()
}

// sorted has the routes of a family in the order of a dump.
func (f *Fake) sorted(family bgp.Family) []Found {
	var list []Found
	for key, r := range f.routes {
		if bgp.FamilyOf(key.prefix.Addr()) == family {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, order)
	return list
}

// order is by address, as the trees are walked. IPv4's has the longer of two
// prefixes with one address first, IPv6's all that a prefix covers before it.
func order(a, b Found) int {
	longer := cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits())
	if a.Prefix.Addr().Is6() && a.Prefix.Overlaps(b.Prefix) {
		return cmp.Or(longer, cmp.Compare(a.Metric, b.Metric))
	}
	return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), longer, cmp.Compare(a.Metric, b.Metric))
}

func (f *Fake) print(b *strings.Builder, r Found) {
	six := r.Prefix.Addr().Is6()
	words := []string{}
	say := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if r.Dead {
		say("blackhole")
	}
	say("%s", destination(r))
	switch {
	case r.Dead && six:
		say("dev lo")
	case len(r.Hops) == 1:
		say("%s", f.way(r.Hops[0]))
	}
	if r.Own {
		say("proto %d", Protocol)
	}
	if !r.Dead && !six && scope(r.Route) != 0 {
		say("scope link")
	}
	if r.Source.IsValid() {
		say("src %s", r.Source)
	}
	if r.Metric != 0 {
		say("metric %d", r.Metric)
	}
	if len(r.Hops) == 1 && r.Hops[0].Onlink && r.Hops[0].Via.IsValid() {
		say("onlink")
	}
	if six {
		say("pref medium")
	}
	b.WriteString(strings.Join(words, " ") + "\n")
	f.printHops(b, r)
}

func (f *Fake) printHops(b *strings.Builder, r Found) {
	if len(r.Hops) < 2 {
		return
	}
	for _, hop := range r.Hops {
		if r.Own && r.Prefix.Addr().Is6() && !hop.Via.IsValid() {
			hop.Via, hop.Onlink = workload6, false
		}
		fmt.Fprintf(b, "\tnexthop %s weight 1", f.way(hop))
		if hop.Onlink && hop.Via.IsValid() {
			b.WriteString(" onlink")
		}
		b.WriteString("\n")
	}
}

func destination(r Found) string {
	switch {
	case r.Prefix.Bits() == 0:
		return "default"
	case r.Prefix.IsSingleIP():
		return r.Prefix.Addr().String()
	}
	return r.Prefix.String()
}

func (f *Fake) way(hop Hop) string {
	name := fmt.Sprintf("if%d", hop.Link)
	for _, l := range f.links {
		if l.Index == hop.Link {
			name = l.Name
		}
	}
	if !hop.Via.IsValid() {
		return "dev " + name
	}
	return fmt.Sprintf("via %s dev %s", hop.Via, name)
}
