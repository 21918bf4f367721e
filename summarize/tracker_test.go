package summarize_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heddle/summarize"
)

var (
	blue  = netip.MustParsePrefix("10.1.0.0/16")
	green = netip.MustParsePrefix("10.2.0.0/16")
	start = time.Unix(1_700_000_000, 0)
)

func always(netip.Prefix) bool { return true }

func TestASummaryComesAtOnceAndGoesSlowly(t *testing.T) {
	var tr summarize.Tracker
	settle := func(at time.Duration, want string) {
		t.Helper()
		up, down := tr.Settle(start.Add(at), always)
		if got := fmt.Sprint(up, down); got != want {
			t.Errorf("after %s: %s, want %s", at, got, want)
		}
	}
	tr.Add(blue, 1)
	settle(0, "[10.1.0.0/16] []")
	tr.Add(blue, -1)
	settle(time.Second, "[] []")
	settle(30*time.Second, "[] []")
	tr.Add(blue, 1) // back in time: nothing happens
	settle(30500*time.Millisecond, "[] []")
	settle(time.Hour, "[] []")
	tr.Add(blue, -1)
	settle(time.Hour, "[] []")
	settle(time.Hour+summarize.HoldDown, "[] [10.1.0.0/16]")
	if s := tr.State(blue); s != (summarize.State{}) {
		t.Errorf("of what is gone there is still %+v", s)
	}
}

func TestASummaryOfAPoolThatIsNoLongerSummarisedGoesAtOnce(t *testing.T) {
	var tr summarize.Tracker
	tr.Add(blue, 1)
	tr.Settle(start, always)
	tr.Add(blue, -1)
	if _, down := tr.Settle(start, func(netip.Prefix) bool { return false }); !slices.Contains(down, blue) {
		t.Error("it is still there")
	}
}

// twin is the slow twin: the whole past, asked anew each time.
type twin struct {
	counts []count
}

type count struct {
	at     time.Time
	routes int
}

// lives says whether the summary exists after the last settlement.
func (w *twin) lives() bool {
	if len(w.counts) == 0 {
		return false
	}
	if w.counts[len(w.counts)-1].routes > 0 {
		return true
	}
	// The first settlement of the present drought, and whether there was rain before.
	i := len(w.counts)
	for i > 0 && w.counts[i-1].routes == 0 {
		i--
	}
	return i > 0 && w.counts[len(w.counts)-1].at.Sub(w.counts[i].at) < summarize.HoldDown
}

func TestTheTrackerAgreesWithItsSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tr summarize.Tracker
		now, routes, live := start, map[netip.Prefix]int{}, map[netip.Prefix]bool{}
		twins := map[netip.Prefix]*twin{blue: {}, green: {}}
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			// Changes between two settlements, in any order and with repetitions.
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				pool := rapid.SampledFrom([]netip.Prefix{blue, green}).Draw(t, "pool")
				if n := rapid.SampledFrom([]int{1, -1, 2, -2}).Draw(t, "by"); routes[pool]+n >= 0 {
					routes[pool] += n
					tr.Add(pool, n)
				}
			}
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 29 * time.Second, 31 * time.Second}).Draw(t, "pass"))
			up, down := tr.Settle(now, always)
			for _, p := range up {
				live[p] = true
			}
			for _, p := range down {
				live[p] = false
			}
			for pool, twin := range twins {
				twin.counts = append(twin.counts, count{now, routes[pool]})
				if live[pool] != twin.lives() || tr.State(pool).Live != live[pool] || tr.State(pool).Routes != routes[pool] {
					t.Fatalf("%s at %s: live %v with %+v, the twin says %v with %d routes", pool, now.Sub(start), live[pool], tr.State(pool), twin.lives(), routes[pool])
				}
			}
			if at, ok := tr.Next(); ok && at.Before(now) {
				t.Fatalf("something was due at %s, before now", at.Sub(start))
			}
		}
	})
}

// Whatever the order in which changes come between two settlements, the result is the
// same.
func TestTheOrderOfChangesDoesNotMatter(t *testing.T) {
	changes := []struct {
		pool netip.Prefix
		n    int
	}{{blue, 2}, {blue, -1}, {green, 1}, {green, -1}, {blue, 1}, {green, 3}}
	want := ""
	for _, order := range permutations(len(changes)) {
		var tr summarize.Tracker
		for _, i := range order {
			tr.Add(changes[i].pool, changes[i].n)
		}
		up, down := tr.Settle(start, always)
		got := fmt.Sprint(up, down, tr.State(blue), tr.State(green))
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("in order %v: %s, in another: %s", order, got, want)
		}
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), at, n-1))
		}
	}
	return all
}
