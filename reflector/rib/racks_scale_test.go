package rib_test

import (
	"net/netip"
	"testing"

	"heddle/internal/oracle"
)

// 100,000 host routes in 100 racks, one in fifty away from home: what the ToRs hear,
// and what they tell the fabric of it.
func TestASpineHoldsSummariesAndExceptionsOnly(t *testing.T) {
	r := newRacked(t, benchFabric("off", 0))
	replays := make([]*oracle.Replay, len(r.views))
	told := make([]map[netip.Prefix]bool, len(r.views)) // what a ToR tells on
	for i := range replays {
		replays[i], told[i] = oracle.NewReplay(), map[netip.Prefix]bool{}
		replays[i].On = func(e oracle.Event) {
			delete(told[i], e.Prefix)
			if e.Route != nil {
				if _, quiet := marksOf(*e.Route); !quiet {
					told[i][e.Prefix] = true
				}
			}
		}
	}
	flush := func() {
		for i, chunks := range r.rib.Flush(r.views) {
			for _, c := range chunks {
				if err := replays[i].Feed(c.Octets); err != nil && i > 0 {
					t.Fatal(err)
				}
			}
		}
	}
	for h := range r.batches {
		r.announce(h)
		if h%200 == 0 {
			flush()
		}
	}
	flush()
	if got := len(replays[0].Table); got != benchRacks*benchHosts*benchEach {
		t.Errorf("a host that announces nothing hears %d routes, want all", got)
	}
	spine := map[netip.Prefix]bool{}
	for i := 1; i < len(r.views); i++ {
		for prefix := range told[i] {
			spine[prefix] = true
		}
		// Its own rack's 980, 20 of its own that live elsewhere, 20 of others', its summary.
		if got := len(replays[i].Table); got != 1000+20+1 {
			t.Errorf("the ToRs of rack %d hear %d routes, want 1,021", i-1, got)
		}
		if got := len(told[i]); got != 20+1 {
			t.Errorf("the ToRs of rack %d tell of %d routes, want 21", i-1, got)
		}
	}
	if len(spine) != 2100 {
		t.Errorf("a spine holds %d routes, want 100 summaries and 2,000 exceptions", len(spine))
	}
}
