package reflector

import (
	"fmt"
	"net/netip"
	"strings"

	"heddle/reflector/rib"
)

// Problem is something about routes that a person should mend.
type Problem struct{ Object, Text string }

// problems lists what the tables know to be wrong.
func (r *Reflector) problems() []Problem {
	list := append(r.budgets(), r.crowds()...)
	for _, prefix := range r.rib.Disputed() {
		list = append(list, r.disputed(prefix))
	}
	if m := r.rib.Map().Snapshot(); r.missing.count > 0 && m.HasSettings() {
		what := "addresses of live workloads are"
		if r.missing.count == 1 {
			what = "address of a live workload is"
		}
		list = append(list, Problem{"workloads", fmt.Sprintf(
			"%d %s announced by nobody: `heddle show blackholes` lists them", r.missing.count, what)})
	}
	return list
}

func (r *Reflector) disputed(prefix netip.Prefix) Problem {
	var hosts []string
	for _, p := range r.rib.Lookup(prefix) {
		if p.Refused == rib.RefusedNot {
			hosts = append(hosts, fmt.Sprintf("%s (next hop %s)", r.announcer(p.Source).Name, p.Attrs.NextHop))
		}
	}
	return Problem{prefix.String(), fmt.Sprintf(
		"is announced by %s, and neither the inventory nor a migration says which is right, so that the lower router ID decided: "+
			"withdraw it on the wrong one, or declare its pool anycast", strings.Join(hosts, " and "))}
}
