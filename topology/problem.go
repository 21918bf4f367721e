package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is something a person should mend. It is comparable, so that two lists
// can be set against each other.
type Problem struct {
	// Object is what it is about, as Key.String says it, or the path of a key that
	// names nothing we know.
	Object string
	// Text says in one sentence what is wrong and how to mend it.
	Text string
}

// String is object and text.
func (p Problem) String() string { return p.Object + ": " + p.Text }

// Compare orders problems by object, then text.
func (p Problem) Compare(other Problem) int {
	return cmp.Or(strings.Compare(p.Object, other.Object), strings.Compare(p.Text, other.Text))
}

// problems lists the faults of single values and those that only show when
// objects are seen together. Of the workloads it visits only what is suspect.
func (inv *Inventory) problems(s *Snapshot) []Problem {
	c := checks{Snapshot: s, found: slices.Clone(s.wiring)}
	for _, faults := range inv.faults {
		c.found = append(c.found, faults...)
	}
	c.borrowedAddresses()
	c.strandedWorkloads()
	c.duplicateWorkloads(inv.workloads.contested)
	c.forgottenWorkloads(inv.workloads.leaving)
	c.unreachableWorkloads(inv.workloads.families)
	c.budgets()
	c.tags(inv.workloads.tagged)
	slices.SortFunc(c.found, Problem.Compare)
	return slices.Compact(c.found)
}

// findWiring lists what is wrong with settings, racks, pools, nodes and routers.
// It need not be done again while only workloads change.
func findWiring(s *Snapshot) []Problem {
	c := checks{Snapshot: s, found: slices.Clone(s.summaries.problems)}
	c.addresses()
	c.addressesInPools()
	c.autonomousSystems()
	c.pathLoops()
	c.clusters()
	c.service()
	c.strayServes()
	c.families()
	c.homes()
	c.homesWithoutToR()
	c.discards()
	c.borders()
	return c.found
}

type checks struct {
	*Snapshot
	found []Problem
}

func (c *checks) add(key Key, format string, args ...any) {
	c.found = append(c.found, Problem{Object: key.String(), Text: fmt.Sprintf(format, args...)})
}

// any says whether there is a router of one of the roles.
func (c *checks) any(roles ...Role) bool {
	for _, router := range c.routers {
		if slices.Contains(roles, router.Role) {
			return true
		}
	}
	return false
}

// listeners says whether anyone hears summaries. Where nobody does, what would be
// wrong with them is nobody's problem.
func (c *checks) listeners() bool { return c.any(ToR, Border) }

// occupied gives the racks that a node stands in.
func (c *checks) occupied() map[string]bool {
	racks := make(map[string]bool)
	for _, node := range c.nodes {
		racks[node.Rack] = true
	}
	return racks
}
