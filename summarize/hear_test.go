package summarize_test

import (
	"testing"

	"heddle/summarize"
)

const (
	none = summarize.Rack(0)
	r1   = summarize.Rack(1)
	r2   = summarize.Rack(2)
	r3   = summarize.Rack(3)
)

// The table of DESIGN §6, row by row.
func TestWhoHearsWhat(t *testing.T) {
	const (
		pool    = summarize.InPool
		summed  = summarize.InPool | summarize.Summarized
		public  = summarize.InPool | summarize.Summarized | summarize.Public
		homely  = summarize.InPool | summarize.Public
		silent  = summarize.Silent
		refl    = summarize.Reflected
		sum     = summarize.Summary
		export  = summarize.Exported
		confine = summarize.Confined
	)
	host := func(home, now summarize.Rack, flags summarize.PoolFlags) summarize.Route {
		return summarize.Route{From: summarize.Client, Place: summarize.Place{Home: home, Now: now, Pool: flags}}
	}
	reach := func(how summarize.Reach, r summarize.Route) summarize.Route { r.Reach = how; return r }
	from := func(s summarize.Speaker, r summarize.Route) summarize.Route { r.From = s; return r }
	outside := func(s summarize.Speaker, scope summarize.Rack) summarize.Route {
		return summarize.Route{From: s, Scope: scope, Outside: true}
	}
	summary := func(home summarize.Rack, flags summarize.PoolFlags) summarize.Route {
		return summarize.Route{From: summarize.Ourselves, Place: summarize.Place{Home: home, Pool: flags}}
	}
	type heard struct {
		client, nonClient, tor1, tor2, spine, border, asking summarize.Manner
	}
	for _, c := range []struct {
		name  string
		route summarize.Route
		want  heard
		class summarize.Class // as ToR r1 or, if it hears nothing, r2 or a border is told
	}{
		{"at home in r1, under a summary", host(r1, r1, summed), heard{refl, refl, confine, silent, silent, silent, silent}, 1},
		{"at home in r1, under a public summary", host(r1, r1, public), heard{refl, refl, confine, silent, silent, silent, silent}, 1},
		{"at home in r1, not summarised", host(r1, r1, pool), heard{refl, refl, export, silent, silent, silent, silent}, 1},
		{"at home in r1, public, not summarised", host(r1, r1, homely), heard{refl, refl, export, silent, silent, export, export}, 4},
		{"at home in r1, living in r2, public, not summarised", host(r1, r2, homely), heard{refl, refl, confine, export, silent, export, export}, 3},
		{"living in r1, at home in r2, public, not summarised", host(r2, r1, homely), heard{refl, refl, export, confine, silent, export, export}, 4},
		{"living in r3, at home in r2, public, not summarised", host(r2, r3, homely), heard{refl, refl, silent, confine, silent, export, export}, 3},
		{"living in r3, of no home, public", host(none, r3, homely), heard{refl, refl, silent, silent, silent, export, export}, 4},
		{"living nobody knows where, of no home, public", host(none, none, homely), heard{refl, refl, export, export, silent, export, export}, 4},
		{"at home in r1, living in r2", host(r1, r2, summed), heard{refl, refl, confine, export, silent, silent, silent}, 3},
		{"at home in r1, living in r2, public", host(r1, r2, public), heard{refl, refl, confine, export, silent, silent, export}, 3},
		{"at home in r1, living in r3", host(r1, r3, summed), heard{refl, refl, confine, silent, silent, silent, silent}, 3},
		{"of no home, living in r1", host(none, r1, pool), heard{refl, refl, export, silent, silent, silent, silent}, 3},
		{"in no pool, living in r1", host(none, r1, 0), heard{refl, refl, export, silent, silent, silent, silent}, 3},
		{"at home in r1, living nobody knows where", host(r1, none, summed), heard{refl, refl, export, confine, silent, silent, silent}, 3},
		{"nothing known at all", host(none, none, 0), heard{refl, refl, export, export, silent, silent, silent}, 3},
		{"told by another reflector, at home in r1", from(summarize.NonClient, host(r1, r1, summed)), heard{refl, silent, confine, silent, silent, silent, silent}, 1},
		{"told by another reflector, away in r2", from(summarize.NonClient, host(r1, r2, summed)), heard{refl, silent, confine, export, silent, silent, silent}, 3},
		{"the summary of r1", summary(r1, summed), heard{silent, silent, sum, silent, silent, silent, silent}, 2},
		{"the public summary of r1", summary(r1, public), heard{silent, silent, sum, silent, silent, sum, sum}, 4},
		{"a default route of r1's ToR", outside(summarize.ToR, r1), heard{refl, silent, silent, silent, silent, silent, silent}, 0},
		{"a default route of a border", outside(summarize.Border, none), heard{refl, refl, silent, silent, silent, silent, silent}, 0},
		{"a default route that another reflector tells of", outside(summarize.NonClient, none), heard{refl, silent, silent, silent, silent, silent, silent}, 0},
		{"at home in r1, with NO_EXPORT", reach(summarize.WithinAS, host(r1, r1, homely)), heard{refl, refl, silent, silent, silent, silent, silent}, 0},
		{"at home in r1, with NO_ADVERTISE", reach(summarize.Nowhere, host(r1, r1, homely)), heard{silent, silent, silent, silent, silent, silent, silent}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var class summarize.Class
			hear := func(to summarize.Listener) summarize.Manner {
				v := summarize.Hear(to, c.route)
				if v.Why.String() == "" {
					t.Errorf("%+v: no reason is given", to)
				}
				if class == 0 {
					class = v.Class
				}
				return v.Manner
			}
			got := heard{
				hear(summarize.Listener{Speaker: summarize.Client}), hear(summarize.Listener{Speaker: summarize.NonClient}),
				hear(summarize.Listener{Speaker: summarize.ToR, Rack: r1}), hear(summarize.Listener{Speaker: summarize.ToR, Rack: r2}),
				hear(summarize.Listener{Speaker: summarize.Spine}), hear(summarize.Listener{Speaker: summarize.Border}),
				hear(summarize.Listener{Speaker: summarize.Border, Exceptions: true}),
			}
			if got != c.want || class != c.class {
				t.Errorf("heard as %v with class %d, want %v with class %d", got, class, c.want, c.class)
			}
		})
	}
}

// What nobody understands is never suppressed: a route of which home or rack is
// unknown is told on by some ToR.
func TestTheUnknownIsToldOn(t *testing.T) {
	for _, p := range []summarize.Place{{}, {Home: r1}, {Now: r2}, {Home: r1, Pool: summarize.InPool | summarize.Summarized}} {
		told := false
		for rack := r1; rack <= r3; rack++ {
			v := summarize.Hear(summarize.Listener{Speaker: summarize.ToR, Rack: rack}, summarize.Route{From: summarize.Client, Place: p})
			told = told || v.Manner == summarize.Exported
		}
		if !told {
			t.Errorf("%+v: no ToR tells it on", p)
		}
	}
}

// A border router hears no exceptions: were the summary to go with the last route at
// home, whoever is away could not be reached from outside.
func TestWhatKeepsASummaryAlive(t *testing.T) {
	const pool = summarize.InPool | summarize.Summarized
	for _, c := range []struct {
		name  string
		route summarize.Route
		want  bool
	}{
		{"a host route at home", summarize.Route{From: summarize.Client, Place: summarize.Place{Home: r1, Now: r1, Pool: pool}}, true},
		{"not one that lives in another rack", summarize.Route{From: summarize.Client, Place: summarize.Place{Home: r1, Now: r2, Pool: pool}}, false},
		{"but that of a public pool", summarize.Route{From: summarize.Client, Place: summarize.Place{Home: r1, Now: r2, Pool: pool | summarize.Public}}, true},
		{"wherever it may live", summarize.Route{From: summarize.NonClient, Place: summarize.Place{Home: r1, Pool: pool | summarize.Public}}, true},
		{"not one from outside the AS", summarize.Route{From: summarize.Spine, Outside: true, Place: summarize.Place{Home: r1, Pool: pool}}, false},
		{"not one of a pool that is not summarised", summarize.Route{From: summarize.Client, Place: summarize.Place{Home: r1, Now: r1, Pool: summarize.InPool}}, false},
		{"not one that must not leave the AS", summarize.Route{From: summarize.Client, Reach: summarize.WithinAS, Place: summarize.Place{Home: r1, Now: r1, Pool: pool}}, false},
		{"not the summary itself", summarize.Route{Place: summarize.Place{Home: r1, Pool: pool}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.route.Contributes(); got != c.want {
				t.Errorf("keeps it alive: %v, want %v", got, c.want)
			}
		})
	}
}
