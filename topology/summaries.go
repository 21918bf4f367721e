package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"heddle/bgp"
)

// summaries say which pools are summarised, and which overlaps keep others from
// it. They are worked out once for each change of settings, racks or pools.
type summaries struct {
	pools    map[string]bool
	problems []Problem
	leaks    []leak
}

// leak is a pool that the summary of a public one around it would tell of.
type leak struct{ outer, inner Pool }

// Summarized says whether a pool of this snapshot is summarised. It is where the
// pool itself, else its rack, else the settings say so, and
//
//   - it has a home, whose summary it would be;
//   - it is more than one address, whose summary would be its host route;
//   - the settings have a discard address of its family: the next hop;
//   - it shares no address with a pool of another home, or of none, the summary of
//     which would lead the addresses of the one to the rack of the other.
//
// A pool without a home around one that has one is no obstacle to that one, which
// then knows the home of all its addresses. A pool whose prefix another has, too,
// is not summarised; the first by name counts for the rest. It costs one look-up.
func (s *Snapshot) Summarized(pool Pool) bool { return s.summaries.pools[pool.Name] }

// wantsSummary says whether a pool would be summarised if nothing were amiss.
func (s *Snapshot) wantsSummary(pool Pool) bool {
	return pool.Rack != "" && !pool.Prefix.IsSingleIP() &&
		pool.Summaries.Or(s.racks[pool.Rack].Summaries.Or(s.Settings().Summaries))
}

func findSummaries(s *Snapshot) summaries {
	o := overlaps{Snapshot: s, blocked: make(map[string]bool)}
	o.find()
	out := summaries{pools: make(map[string]bool), problems: o.problems, leaks: o.leaks}
	for _, pool := range s.pools {
		_, discarded := s.Settings().DiscardFor(bgp.FamilyOf(pool.Prefix.Addr()))
		if s.wantsSummary(pool) && discarded && !o.blocked[pool.Name] {
			out.pools[pool.Name] = true
		}
	}
	return out
}

// overlaps are the pairs of pools that keep each other from being summarised.
type overlaps struct {
	*Snapshot
	blocked  map[string]bool
	problems []Problem
	leaks    []leak
}

// find walks the pools with those that are around others first. Around one are at
// most as many as a prefix has bits, which is what keeps the pairs few.
//
//	10.0.0.0/8  ┬ 10.1.0.0/16 ─ 10.1.4.0/24
//	            └ 10.2.0.0/16                    around: the way back to the left
func (o *overlaps) find() {
	pools := make([]Pool, 0, len(o.pools))
	for _, pool := range o.pools {
		pools = append(pools, pool)
	}
	slices.SortFunc(pools, func(a, b Pool) int {
		return cmp.Or(comparePrefixes(a.Prefix, b.Prefix), strings.Compare(a.Name, b.Name))
	})
	var around []Pool
	for _, pool := range pools {
		for len(around) > 0 && !around[len(around)-1].Prefix.Contains(pool.Prefix.Addr()) {
			around = around[:len(around)-1]
		}
		if n := len(around); n > 0 && around[n-1].Prefix == pool.Prefix {
			o.twins(around[n-1], pool)
			continue // no address is numbered from it
		}
		for _, outer := range around {
			o.nested(outer, pool)
		}
		around = append(around, pool)
	}
}

func (o *overlaps) twins(first, second Pool) {
	o.blocked[first.Name], o.blocked[second.Name] = true, true
	o.problem(second, "has prefix %s, as has pool %s, which counts, though neither is summarised: "+
		"delete one or give it another prefix", second.Prefix, first.Name)
}

func (o *overlaps) nested(outer, inner Pool) {
	if outer.Rack == "" || outer.Rack == inner.Rack {
		if outer.Public && !inner.Public {
			o.leaks = append(o.leaks, leak{outer, inner})
		}
		return
	}
	o.blocked[outer.Name], o.blocked[inner.Name] = true, true
	switch {
	case !o.wantsSummary(outer) && !o.wantsSummary(inner):
	case inner.Rack == "":
		o.problem(inner, "lies in pool %s (%s) of rack %s and has no home, so that %s is not summarised: "+
			"give it rack %s or another prefix, or set summaries: false on %s",
			outer.Name, outer.Prefix, outer.Rack, outer.Name, outer.Rack, outer.Name)
	default:
		o.problem(inner, "is of rack %s and lies in pool %s (%s) of rack %s, so that neither is summarised: "+
			"home both in one rack, give one another prefix, or set summaries: false on both",
			inner.Rack, outer.Name, outer.Prefix, outer.Rack)
	}
}

func (o *overlaps) problem(pool Pool, format string, args ...any) {
	o.problems = append(o.problems, Problem{Object: pool.Key().String(), Text: fmt.Sprintf(format, args...)})
}
