package summarize

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// HoldDown is how long a summary outlives its last contributing route: a host that
// restarts its session must not make the fabric withdraw a rack. Nothing waits for
// it on the way up.
const HoldDown = 30 * time.Second

// Tracker counts contributing routes and says which summaries should exist: one
// exists exactly while its pool has a contributing route, and for HoldDown longer. It
// has one owner. The zero value is ready.
type Tracker struct {
	pools   map[netip.Prefix]*contribution
	touched map[netip.Prefix]struct{}
	falling int // summaries without a contributing route
}

type contribution struct {
	routes int
	live   bool      // the summary exists
	since  time.Time // it does, or no longer does
	until  time.Time // it falls; meaningful while live without routes
}

// Add notes that n routes more (or, below zero, fewer) contribute to a pool.
func (t *Tracker) Add(pool netip.Prefix, n int) {
	if t.pools == nil {
		t.pools, t.touched = map[netip.Prefix]*contribution{}, map[netip.Prefix]struct{}{}
	}
	c := t.pools[pool]
	if c == nil {
		c = &contribution{}
		t.pools[pool] = c
	}
	c.routes += n
	if c.live != (c.routes > 0) || c.falling() {
		t.touched[pool] = struct{}{}
	}
}

func (c *contribution) falling() bool { return !c.until.IsZero() }

// Settle says which summaries come into being and which cease, after changes and as
// time goes by. keep says whether a pool is summarised at all: where it is not, its
// summary ceases at once, since its routes are told one by one.
func (t *Tracker) Settle(now time.Time, keep func(netip.Prefix) bool) (up, down []netip.Prefix) {
	for pool := range t.touched {
		c := t.pools[pool]
		switch {
		case c.routes > 0 && !c.live:
			c.live, c.since = true, now
			up = append(up, pool)
			fallthrough
		case c.routes > 0:
			t.rise(c)
		case c.live && !c.falling():
			c.until = now.Add(HoldDown)
			t.falling++
		}
		if c.routes == 0 && !c.live {
			delete(t.pools, pool)
		}
	}
	clear(t.touched)
	slices.SortFunc(up, comparePrefixes)
	return up, t.fall(now, keep)
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

func (t *Tracker) rise(c *contribution) {
	if c.falling() {
		c.until = time.Time{}
		t.falling--
	}
}

// fall ends the summaries whose time has come.
func (t *Tracker) fall(now time.Time, keep func(netip.Prefix) bool) (down []netip.Prefix) {
	if t.falling == 0 {
		return nil
	}
	for pool, c := range t.pools {
		if c.falling() && (!now.Before(c.until) || !keep(pool)) {
			down = append(down, pool)
			delete(t.pools, pool)
			t.falling--
		}
	}
	slices.SortFunc(down, comparePrefixes)
	return down
}

// Next is when Settle has something to do though nothing changes; ok is false when
// there is no such time.
func (t *Tracker) Next() (at time.Time, ok bool) {
	if t.falling == 0 {
		return at, false
	}
	for _, c := range t.pools {
		if c.falling() && (!ok || c.until.Before(at)) {
			at, ok = c.until, true
		}
	}
	return at, ok
}

// State is what a Tracker knows of a pool.
type State struct {
	Routes int  // that contribute
	Live   bool // the summary exists
	Since  time.Time
	Until  time.Time // it falls then unless a route comes; zero: it does not
}

// State describes the summary of a pool.
func (t *Tracker) State(pool netip.Prefix) State {
	c := t.pools[pool]
	if c == nil {
		return State{}
	}
	return State{Routes: c.routes, Live: c.live, Since: c.since, Until: c.until}
}

// Recount sets the counts anew, after a change of the map: pools that are not in
// counts have no contributing route.
func (t *Tracker) Recount(counts map[netip.Prefix]int) {
	for pool, c := range t.pools {
		t.Add(pool, counts[pool]-c.routes)
	}
	for pool, n := range counts {
		if t.State(pool).Routes != n {
			t.Add(pool, n-t.State(pool).Routes)
		}
	}
}
