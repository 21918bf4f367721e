package reflector

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

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
	if p, ok := r.unfit.problem(r.tick); ok {
		list = append(list, p)
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

// unfit is routes that could not be told to peers whose messages are too short for
// their attributes with ours (RFC 8654 §5).
type unfit struct {
	count uint64
	last  time.Time
}

// unfitTime is how long it stays a problem that a route did not fit.
const unfitTime = time.Hour

func (u *unfit) look(count uint64, now time.Time) {
	if count != u.count {
		u.count, u.last = count, now
	}
}

func (u *unfit) problem(now time.Time) (Problem, bool) {
	if u.count == 0 || now.Sub(u.last) > unfitTime {
		return Problem{}, false
	}
	return Problem{"messages", fmt.Sprintf(
		"%d times a route was withdrawn from peers, or not told to them, since its attributes with those of reflection exceed their messages, the last time at %s: "+
			"let whoever announces it say less, or have both sides use extended messages (RFC 8654)",
		u.count, u.last.UTC().Format(time.RFC3339))}, true
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
