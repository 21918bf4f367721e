package rib

import (
	"heddle/bgp"
)

// Walk brings a peer from one version of the table to the present without a log
// of what happened in between: it looks at every prefix once and says what is
// true of it now. A lap has two passes, announcements and then withdrawals, so
// that falling behind never costs a peer a route that it could have kept:
//
//	lap 1   announce what changed after Since │ withdraw what went in (Since, lap's start]
//	lap 2   the same, with Since = lap 1's start, …
//
// What goes away during a lap is left to the next, for its replacement may lie
// where the announcing pass has been already. A lap that needs one step only ends
// exactly at the present: the peer can go on from the log.
type Walk struct {
	Since uint64 // the peer knows the table up to this version

	start    uint64 // version when the lap began
	began    bool
	stepped  bool // the lap took more than one step
	withdraw bool // second pass
	family   int  // index into bgp.Families
	at       ref
}

// Step does one bounded piece of work and returns what the peer is to be sent,
// and whether it is now at the current version.
func (r *RIB) Step(w *Walk, view View, to Receiver) (chunks []*Chunk, current bool) {
	if !w.began {
		w.start, w.began, w.stepped = r.version, true, false
		w.withdraw, w.family, w.at = false, 0, 1
	}
	r.encoder.reset(r, view)
	budget := r.limits.Step
	for budget > 0 {
		family := bgp.Families[w.family]
		r.scan(w, view, to, &budget)
		r.window.sort(r, family, r.changes)
		r.encoder.walk(&r.window, w.withdraw)
		if budget == 0 {
			break
		}
		w.at = 1
		if w.family++; w.family == len(bgp.Families) {
			w.family = 0
			if w.withdraw {
				return r.lapped(w)
			}
			w.withdraw = true
		}
	}
	w.stepped = true
	return r.encoder.take(nil), false
}

// lapped ends a lap.
func (r *RIB) lapped(w *Walk) ([]*Chunk, bool) {
	w.Since, w.began = w.start, false
	return r.encoder.take(nil), !w.stepped
}

// scan collects heads from w.at on that this pass has something to say about,
// until the budget is spent or the family ends.
func (r *RIB) scan(w *Walk, view View, to Receiver, budget *int) {
	r.changes = r.changes[:0]
	if w.family == 0 {
		scan(&r.v4, r, w, view, to, budget)
	} else {
		scan(&r.v6, r, w, view, to, budget)
	}
}

func scan[K key[K]](t *table[K], r *RIB, w *Walk, view View, to Receiver, budget *int) {
	for ; w.at < t.routes.top && *budget > 0; w.at++ {
		rt := t.routes.at(w.at)
		if rt.flags&flagHead == 0 || rt.version <= w.Since {
			continue
		}
		hears := rt.usable() && view.hears(t.family, r.sources[rt.source].Kind) &&
			!(mark{rt.source, r.sets.get(rt.set).attrs.Originator}).of(to)
		if hears == w.withdraw || (w.withdraw && rt.version > w.start) {
			continue
		}
		r.changes = append(r.changes, change{head: w.at})
		*budget--
	}
}

// walk encodes a window of a walk: for one peer, so that segments are not needed.
func (e *encoder) walk(w *window, withdraw bool) {
	if withdraw {
		e.packer.Withdraw(w.family)
		for _, c := range w.changes {
			e.addPrivate(w.family, c.head)
		}
		e.packer.Close()
		return
	}
	for i := range w.buckets {
		b := &w.buckets[i]
		s := e.rib.sets.get(b.set)
		e.attrs = e.rib.reflected(e.attrs[:0], s, e.view)
		fits := e.packer.Fits(w.family, e.attrs)
		if fits {
			e.packer.Announce(w.family, e.attrs, s.attrs.NextHop)
		} else {
			e.overflow += w.count(b)
			e.packer.Withdraw(w.family)
		}
		for i := b.first; i >= 0; i = w.next[i] {
			e.addPrivate(w.family, w.changes[i].head)
		}
		e.packer.Close()
	}
}

func (e *encoder) addPrivate(family bgp.Family, head ref) {
	e.add(family, head)
	if len(e.packer.Octets) >= e.rib.limits.Chunk {
		e.packer.Close()
		e.cut()
	}
}

// Snapshot encodes everything a view hears of one family, for all peers of the
// view to share: those that join, and those that ask again (RFC 2918). It is the
// table at the current version.
func (r *RIB) Snapshot(view View, family bgp.Family) []*Chunk {
	r.encoder.reset(r, view)
	if family == bgp.IPv4Unicast {
		snapshot(&r.v4, r, view)
	} else {
		snapshot(&r.v6, r, view)
	}
	chunks := r.encoder.take(nil)
	for _, c := range chunks {
		c.Version = r.version
	}
	return chunks
}

func snapshot[K key[K]](t *table[K], r *RIB, view View) {
	for at := ref(1); at < t.routes.top; {
		r.changes = r.changes[:0]
		for ; at < t.routes.top && len(r.changes) < r.limits.Step; at++ {
			rt := t.routes.at(at)
			if rt.flags&flagHead != 0 && rt.usable() && view.hears(t.family, r.sources[rt.source].Kind) {
				r.changes = append(r.changes, change{head: at})
			}
		}
		r.window.sort(r, t.family, r.changes)
		r.encoder.window(&r.window)
	}
}
