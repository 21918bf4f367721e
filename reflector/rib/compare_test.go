package rib_test

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/reflector/rib"
)

// heardBy is what each peer's view hears of each prefix, by nobody in particular.
type heardBy map[string]map[netip.Prefix]rib.Hearing

func (f *fabricTwins) hearings() heardBy {
	all := heardBy{}
	for name, p := range f.peers {
		all[name] = map[netip.Prefix]rib.Hearing{}
		for _, prefix := range f.pool {
			all[name][prefix] = f.rib.Hears(prefix, p.view, rib.Receiver{})
		}
	}
	return all
}

// What Compare says would change is what changes when the inventory is put in force,
// once nothing is in grace any more. What only the hosts of a rack hear is left out.
func TestAComparisonComesTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFabricTwins(t)
		for range rapid.IntRange(10, 60).Draw(t, "events") {
			f.happen()
		}
		calm := func() { f.tick(11 * time.Second); f.flush() }
		calm()
		before := f.hearings()
		next := f.drawn()
		names := slices.Sorted(maps.Keys(f.peers))
		said := map[string]map[netip.Prefix]bool{}
		for _, name := range names {
			said[name] = map[netip.Prefix]bool{}
		}
		kept := map[netip.Prefix]bool{}
		compiled := f.rib.Compile(snapshotOf(f.t, next))
		for _, family := range bgp.Families {
			for at := uint32(0); ; {
				at = f.rib.Compare(&rib.Comparison{Next: compiled, Views: f.views(), Each: func(view int, prefix netip.Prefix, _, _ rib.Heard) {
					said[names[view]][prefix] = true
				}, Contributes: func(pool netip.Prefix) { kept[pool] = true }}, family, at, 3)
				if at == 0 {
					break
				}
			}
		}
		f.follow(next)
		calm()
		after := f.hearings()
		for _, info := range compiled.Pools {
			if got := f.rib.SummaryOf(info.Prefix).Routes > 0; got != kept[info.Prefix] {
				t.Fatalf("routes keep the summary of %s alive: %v; that was foretold: %v", info.Prefix, got, kept[info.Prefix])
			}
		}
		for _, name := range names {
			for _, prefix := range f.pool {
				if !prefix.IsSingleIP() && prefix.Bits() > 0 { // a summary may come or go
					continue
				}
				if f.mixed(prefix) {
					continue
				}
				x, y := before[name][prefix], after[name][prefix]
				changed := x.Manner != y.Manner || x.Class != y.Class || (x.Heard() && !sameSources(x.Sources, y.Sources))
				if changed != said[name][prefix] {
					t.Fatalf("%s hears of %s %+v and then %+v: a change was foretold: %v", name, prefix, x, y, said[name][prefix])
				}
			}
		}
	})
}

// sameSources says whether two lists name the same; who is first does not matter.
func sameSources(a, b []rib.SourceID) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// mixed says whether a prefix has paths that not everybody may hear.
func (f *fabricTwins) mixed(prefix netip.Prefix) bool {
	for _, p := range f.rib.Lookup(prefix) {
		if p.Route.Outside || p.Route.From == 0 {
			return true
		}
	}
	return false
}
