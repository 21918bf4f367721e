package bench

import (
	"math/rand/v2"
	"testing"

	"heddle/bgp"
)

// slow is the ledger with maps: a client is as it must be where this says so.
type slow struct {
	sets  *attrSets
	want  map[uint32]attrID
	holds map[uint32]attrID // what the client heard last
	heard map[uint32]bool   // in this phase, or held for certain since an earlier one
}

func (s *slow) good(route uint32, client int32) bool {
	want, holds := s.want[route], s.holds[route]
	if want == absent || s.sets.owner(want) == client && holds == absent {
		return holds == absent
	}
	return holds == want && s.heard[route]
}

func (s *slow) bad(routes int, client int32) (n int) {
	for route := range uint32(routes) {
		if !s.good(route, client) {
			n++
		}
	}
	return n
}

// update makes a summary as the reader would.
func updateOf(attr attrID, routes []uint32) *summary {
	s := &summary{attr: attr}
	for _, route := range routes {
		sp := span{route / 64, 1 << (route % 64)}
		if attr == absent {
			s.withdrawn = append(s.withdrawn, sp)
		} else {
			s.announced = append(s.announced, sp)
		}
	}
	return s
}

// Whatever is said, in whatever order, doubled, late or never: the ledger counts as
// the maps do.
func TestTheLedgerIsItsSlowTwin(t *testing.T) {
	const routes, clients = 150, 4
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		sets := newAttrSets(bgp.IPv4Unicast, testASN)
		var ids []attrID
		for owner := range int32(clients) {
			for version := range int32(2) {
				ids = append(ids, sets.id(attrKey{owner: owner, version: version, pref: defaultPref}))
			}
		}
		any := func() attrID { return append(ids, absent)[random.IntN(len(ids)+1)] }
		some := func() (list []uint32) {
			for range random.IntN(20) {
				list = append(list, uint32(random.IntN(routes)))
			}
			return list
		}
		l, h := newLedger(sets, routes), &holdings{client: 1}
		twin := &slow{sets, map[uint32]attrID{}, map[uint32]attrID{}, map[uint32]bool{}}
		l.fresh(h)
		for step := range 60 {
			attr := any()
			if random.IntN(6) == 0 {
				var changes []change
				for _, route := range some() {
					changes = append(changes, change{route, attr})
					twin.want[route], twin.heard[route] = attr, false
				}
				l.begin(changes, []*holdings{h})
			} else {
				list := some()
				s := updateOf(attr, list)
				l.apply(s, h)
				l.apply(s, h) // doubled
				for _, route := range list {
					twin.holds[route], twin.heard[route] = attr, true
				}
			}
			if want := twin.bad(routes, h.client); h.bad != want {
				t.Fatalf("seed %d, step %d: %d routes are bad, want %d", seed, step, h.bad, want)
			}
		}
	}
}

func TestAGhostOfOnesOwnRouteIsBad(t *testing.T) {
	sets := newAttrSets(bgp.IPv4Unicast, testASN)
	own, other := sets.id(attrKey{owner: 1, pref: defaultPref}), sets.id(attrKey{owner: 2, pref: defaultPref})
	l, h := newLedger(sets, 1), &holdings{client: 1}
	all := []*holdings{h}
	l.fresh(h)
	for _, step := range []struct {
		name string
		do   func()
		bad  int
	}{
		{"another announces", func() { l.begin([]change{{0, other}}, all) }, 1},
		{"the client hears", func() { l.apply(updateOf(other, []uint32{0}), h) }, 0},
		{"the route moves to the client", func() { l.begin([]change{{0, own}}, all) }, 1},
		{"the client hears that the other's is gone", func() { l.apply(updateOf(absent, []uint32{0}), h) }, 0},
		{"the other's version returns", func() { l.apply(updateOf(other, []uint32{0}), h) }, 1},
		{"its own comes back to it", func() { l.apply(updateOf(own, []uint32{0}), h) }, 0},
		{"the route is gone", func() { l.begin([]change{{0, absent}}, all) }, 1},
		{"the client hears of it", func() { l.apply(updateOf(absent, []uint32{0}), h) }, 0},
	} {
		step.do()
		if h.bad != step.bad {
			t.Errorf("%s: %d bad, want %d", step.name, h.bad, step.bad)
		}
	}
}
