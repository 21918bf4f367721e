package rib

import (
	"slices"

	"heddle/bgp"
	"heddle/summarize"
)

// Walk brings a peer from one version of the table to the present without a log
// of what happened in between: it looks at every prefix and says what is true of it
// now. A lap has passes, announcements before what relies on them, so that falling
// behind never costs a peer a route that it could have kept:
//
//	lap 1   announce what changed after Since │ confine, then withdraw, what changed in (Since, lap's start]
//	lap 2   the same, with Since = lap 1's start, …
//
// What is to be confined or goes away during a lap is left to the next, for its
// summary or replacement may lie where the announcing pass has been already. A lap that needs one step only ends
// exactly at the present: the peer can go on from the log.
type Walk struct {
	Since uint64 // the peer knows the table up to this version

	start   uint64 // version when the lap began
	began   bool
	stepped bool // the lap took more than one step
	skipped bool // the lap left a route to the next
	laps    int
	// covered is how far summaries that ceased are withdrawn. They wait for a lap that
	// left nothing: what they covered may be among it.
	covered uint64
	pass    pass
	family  int // index into bgp.Families
	at      ref
}

// pass is what a walk says in one look at the table.
type pass uint8

const (
	passAnnounce pass = iota
	passConfine       // NO_ADVERTISE routes, which rely on a summary or an exported route
	passWithdraw      // of host routes only, where there are summaries
	passUncover       // withdraws the others: what they covered is gone
	passAll           // of a window
)

// includes says whether what is told in a manner belongs in the pass.
func (p pass) includes(m summarize.Manner) bool {
	return p == passAll || (m == summarize.Confined) == (p == passConfine)
}

// Needs is the version of the table whose tombstones the walk still has to see.
func (w *Walk) Needs() uint64 {
	if w.laps == 0 {
		return w.Since
	}
	return min(w.Since, w.covered)
}

// since is the version after which changes matter to the pass in hand.
func (w *Walk) since() uint64 {
	if w.pass == passUncover {
		return w.covered
	}
	return w.Since
}

// Step does one bounded piece of work and returns what the peer is to be sent,
// and whether it is now at the current version.
func (r *RIB) Step(w *Walk, view View, to Receiver) (chunks []*Chunk, current bool) {
	if !w.began {
		if w.laps == 0 {
			w.covered = w.Since
		}
		w.laps++
		w.start, w.began, w.stepped, w.skipped = r.version, true, false, false
		w.pass, w.family, w.at = passAnnounce, 0, 1
	}
	r.encoder.reset(r, view)
	budget := r.limits.Step
	for budget > 0 {
		r.encoder.said = r.encoder.said[:0]
		r.scan(w, to, &budget)
		r.encoder.tell(bgp.Families[w.family], w.pass)
		if budget <= 0 {
			break
		}
		w.at = 1
		if w.family++; w.family == len(bgp.Families) {
			w.family = 0
			w.pass = view.after(w.pass)
			if w.pass == passAll || (w.pass == passUncover && w.skipped) {
				return r.lapped(w)
			}
		}
	}
	w.stepped = true
	return r.encoder.take(nil), false
}

// lapped ends a lap.
func (r *RIB) lapped(w *Walk) ([]*Chunk, bool) {
	w.Since, w.began = w.start, false
	if !w.skipped {
		w.covered = w.start
	}
	return r.encoder.take(nil), !w.stepped
}

// after is the pass that follows, passAll after the last. Inside, nothing is confined
// or covered.
func (v *View) after(p pass) pass {
	switch {
	case !v.To.Speaker.Internal():
		return p + 1
	case p == passAnnounce:
		return passWithdraw
	}
	return passAll
}

// scan collects what this pass has to say about heads from w.at on, until the budget
// is spent or the family ends.
func (r *RIB) scan(w *Walk, to Receiver, budget *int) {
	switch family := bgp.Families[w.family]; {
	case !r.encoder.view.Families.Has(family):
		w.at = max(r.v4.routes.top, r.v6.routes.top)
	case family == bgp.IPv4Unicast:
		scan(&r.v4, r, w, to, budget)
	default:
		scan(&r.v6, r, w, to, budget)
	}
}

func scan[K key[K]](t *table[K], r *RIB, w *Walk, to Receiver, budget *int) {
	e := &r.encoder
	for ; w.at < t.routes.top && *budget > 0; w.at++ {
		rt := t.routes.at(w.at)
		if rt.flags&flagHead == 0 || rt.version <= w.since() {
			continue
		}
		if w.pass != passAnnounce && rt.version > w.start {
			w.skipped = true
			continue
		}
		said := len(e.said)
		e.hears = appendHeard(e.hears[:0], t, e, w.at, to)
		switch single := t.single(rt); {
		case w.pass < passWithdraw:
			e.hear(w.at, w.pass)
		case e.view.To.Speaker.Internal(), single == (w.pass == passWithdraw):
			// Of what a lap left to this one the peer may hold identifiers of before it.
			unheard(t, e, w.at, w.covered)
		}
		*budget -= len(e.said) - said
	}
}

// single says whether a record's prefix is that of a host route.
func (t *table[K]) single(rt *route[K]) bool {
	return rt.length == 32 && t.family == bgp.IPv4Unicast || rt.length == 128
}

// hear notes those announcements that belong in a pass.
func (e *encoder) hear(head ref, p pass) {
	for _, h := range e.hears {
		if p.includes(h.verdict.Manner) {
			e.said = append(e.said, utterance{head: head, heard: h})
		}
	}
}

// appendHeard appends the paths of a prefix that one peer hears: its own are not among
// them.
func appendHeard[K key[K]](list []heard, t *table[K], e *encoder, head ref, to Receiver) []heard {
	r, rt := e.rib, t.routes.at(head)
	if _, spread := t.spreads[head]; spread {
		p := paths{t.hops(r, head), poolOf(r.m, rt), r.m}
		for _, h := range e.choose(&p, t.family, to.Rack) {
			if !r.markOf(h.hop).of(to) {
				list = append(list, h)
			}
		}
		return list
	}
	if !rt.usable() {
		return list
	}
	route := r.route(r.m, poolOf(r.m, rt), rt.source, rt.set)
	h := heard{hop: hop{set: rt.set, source: rt.source}, verdict: summarize.Hear(e.view.To, route), id: pathIDOne}
	if !h.verdict.Heard() || (route.Scope != 0 && route.Scope != to.Rack) || r.markOf(h.hop).of(to) {
		return list
	}
	return append(list, h)
}

// ghost is a path identifier that went out of use.
type ghost struct {
	id      uint32
	version uint64
}

// unheard notes a withdrawal for each path identifier that a peer which knew the
// table as of since may hold and is not to: without add-path there is one, with it
// any that is in use, or was.
func unheard[K key[K]](t *table[K], e *encoder, head ref, since uint64) {
	e.unless(head, pathIDOne)
	if !e.view.AddPath.Has(t.family) {
		return
	}
	p := paths{t.contenders(e.rib, head), poolOf(e.rib.m, t.routes.at(head)), e.rib.m}
	ids := p.identifiers()
	for _, g := range t.ghosts[head] {
		if g.version > since {
			ids = append(ids, g.id)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if id != pathIDOne {
			e.unless(head, id)
		}
	}
}

func (e *encoder) unless(head ref, id uint32) {
	if !slices.ContainsFunc(e.hears, func(h heard) bool { return h.id == id }) {
		e.said = append(e.said, utterance{head: head, heard: heard{id: id}})
	}
}

// tell encodes what a pass of a walk says: for one peer, so that segments are not
// needed.
func (e *encoder) tell(family bgp.Family, p pass) {
	e.packer.PathIDs = e.view.AddPath.Has(family)
	if p >= passWithdraw {
		e.packer.Withdraw(family)
		e.addPrivate(family, e.said)
		return
	}
	slices.SortStableFunc(e.said, compareUtterances)
	for i := 0; i < len(e.said); {
		first, from := &e.said[i], i
		for i < len(e.said) && e.said[i].like(first) {
			i++
		}
		if !e.open(family, first.source, first.set, first.verdict) {
			e.overflow += i - from
			e.packer.Withdraw(family)
		}
		e.addPrivate(family, e.said[from:i])
	}
}

func (e *encoder) addPrivate(family bgp.Family, said []utterance) {
	for i := range said {
		e.add(family, said[i].head, said[i].id)
		if len(e.packer.Octets) >= e.rib.limits.Chunk {
			e.packer.Close()
			e.cut()
		}
	}
	e.packer.Close()
}

// Snapshot encodes everything a view hears of one family, for all peers of the
// view to share: those that join, and those that ask again (RFC 2918). It is the
// table at the current version.
func (r *RIB) Snapshot(view View, family bgp.Family) []*Chunk {
	r.encoder.reset(r, view)
	if family == bgp.IPv4Unicast {
		snapshot(&r.v4, r)
	} else {
		snapshot(&r.v6, r)
	}
	chunks := r.encoder.take(nil)
	for _, c := range chunks {
		c.Version = r.version
	}
	return chunks
}

// snapshot takes a look at the table for each pass that the view needs: what is
// confined must not come before what it relies on.
func snapshot[K key[K]](t *table[K], r *RIB) {
	view := &r.encoder.view
	for p := passAnnounce; p < passWithdraw; p = view.after(p) {
		r.encoder.pass = p
		t.encodeAll(r)
	}
	r.encoder.pass = passAll
}

func (t *table[K]) encodeAll(r *RIB) {
	for at := ref(1); at < t.routes.top; {
		r.changes = r.changes[:0]
		for ; at < t.routes.top && len(r.changes) < r.limits.Step; at++ {
			rt := t.routes.at(at)
			if rt.flags&flagHead != 0 && rt.source != 0 {
				r.changes = append(r.changes, change{head: at, pool: poolOf(r.m, rt)})
			}
		}
		r.window.sort(r, t.family, r.changes, nil)
		r.encoder.window(&r.window)
	}
}
