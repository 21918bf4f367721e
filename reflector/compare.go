package reflector

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"heddle/bgp"
	"heddle/reflector/rib"
	"heddle/topology"
)

// GroupChange is what an update group would hear otherwise under another inventory.
type GroupChange struct {
	Group    string
	Members  int
	Gained   int // routes that would be told
	Lost     int // withdrawn
	Changed  int // told otherwise: another path, another class, confined or no longer
	Examples []RouteChange
}

// RouteChange is one route that a group would hear otherwise, in words.
type RouteChange struct {
	Prefix    netip.Prefix
	Now, Then string
}

// examplesMost is how many routes of a group are named.
const examplesMost = 5

// TableChange is what another inventory would change in the tables.
type TableChange struct {
	Groups []GroupChange  // those that would hear otherwise, by name
	Up     []netip.Prefix // summaries that would come into being
	Down   []netip.Prefix // summaries that would cease
}

// Compare says what would change if another inventory were in force, by the routes
// there are now. It asks the loop in pages, between which peers are served.
func (r *Reflector) Compare(ctx context.Context, s *topology.Snapshot) (TableChange, error) {
	var change TableChange
	summaries := map[netip.Prefix]bool{}
	c := rib.Comparison{Contributes: func(pool netip.Prefix) { summaries[pool] = true }}
	c.Each = func(view int, prefix netip.Prefix, now, then rib.Heard) {
		change.Groups[view].add(prefix, r.inWords(now), r.inWords(then), len(now.Sources) > 0, len(then.Sources) > 0)
	}
	err := r.ask(ctx, func() {
		c.Next, c.Views = r.rib.Compile(s), slices.Clone(r.views)
		for _, g := range r.groups {
			change.Groups = append(change.Groups, GroupChange{Group: r.rib.NameOf(g.view), Members: len(g.members)})
		}
	})
	for _, f := range bgp.Families {
		for at, more := uint32(0), true; err == nil && more; {
			err = r.ask(ctx, func() { at = r.rib.Compare(&c, f, at, pageSize); more = at != 0 })
		}
	}
	if err == nil {
		err = r.ask(ctx, func() { change.Up, change.Down = r.summaryChanges(summaries) })
	}
	change.Groups = slices.DeleteFunc(change.Groups, func(g GroupChange) bool { return g.Gained+g.Lost+g.Changed == 0 })
	slices.SortFunc(change.Groups, func(a, b GroupChange) int { return strings.Compare(a.Group, b.Group) })
	return change, err
}

// summaryChanges holds the summaries that there would be against those that are.
func (r *Reflector) summaryChanges(then map[netip.Prefix]bool) (up, down []netip.Prefix) {
	for _, info := range r.rib.Map().Pools {
		if r.rib.SummaryOf(info.Prefix).Live && !then[info.Prefix] {
			down = append(down, info.Prefix)
		}
	}
	for prefix := range then {
		if !r.rib.SummaryOf(prefix).Live {
			up = append(up, prefix)
		}
	}
	slices.SortFunc(up, netip.Prefix.Compare)
	slices.SortFunc(down, netip.Prefix.Compare)
	return up, down
}

func (c *GroupChange) add(prefix netip.Prefix, now, then string, heard, hears bool) {
	switch {
	case !heard:
		c.Gained++
	case !hears:
		c.Lost++
	default:
		c.Changed++
	}
	if len(c.Examples) < examplesMost {
		c.Examples = append(c.Examples, RouteChange{prefix, now, then})
	}
}

func (r *Reflector) inWords(h rib.Heard) string {
	if len(h.Sources) == 0 {
		return "nothing (" + h.Verdict.Why.String() + ")"
	}
	return r.announcers(h.Sources) + "'s (" + h.Verdict.Why.String() + ")"
}
