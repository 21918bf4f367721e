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
// once nothing is in grace any more. Prefixes of which not everybody hears the best
// path are compared by that all the same, and left out here.
func TestAComparisonComesTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFabricTwins(t)
		for range rapid.IntRange(10, 60).Draw(t, "events") {
			f.happen()
		}
		calm := func() { f.tick(11 * time.Second); f.flush() }
		calm()
		before := f.hearings()
		was := f.rib.Map()
		next := f.drawn()
		names := slices.Sorted(maps.Keys(f.peers))
		said := map[string]map[netip.Prefix]bool{}
		for _, name := range names {
			said[name] = map[netip.Prefix]bool{}
		}
		compiled := f.rib.Compile(snapshotOf(f.t, next))
		for _, family := range bgp.Families {
			for at := uint32(0); ; {
				at = f.rib.Compare(&rib.Comparison{Next: compiled, Views: f.views(), Each: func(view int, prefix netip.Prefix, _, _ rib.Heard) {
					said[names[view]][prefix] = true
				}, Contributes: func(netip.Prefix) {}}, family, at, 3)
				if at == 0 {
					break
				}
			}
		}
		f.follow(next)
		calm()
		after := f.hearings()
		for _, name := range names {
			for _, prefix := range f.pool {
				if !prefix.IsSingleIP() && prefix.Bits() > 0 { // a summary may come or go
					continue
				}
				if f.mixed(prefix) || was.Info(was.PoolOf(prefix)).Flags&8 != 0 || compiled.Info(compiled.PoolOf(prefix)).Flags&8 != 0 {
					continue
				}
				x, y := before[name][prefix], after[name][prefix]
				changed := x.Manner != y.Manner || x.Class != y.Class || (x.Heard() && !slices.Equal(x.Sources, y.Sources))
				if changed != said[name][prefix] {
					t.Fatalf("%s hears of %s %+v and then %+v: a change was foretold: %v", name, prefix, x, y, said[name][prefix])
				}
			}
		}
	})
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
