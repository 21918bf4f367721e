package rib

import (
	"math"
	"slices"

	"heddle/peering/wire"
	"heddle/summarize"
)

// change is a head that was touched since the last flush, with the best path it
// had then: source 0 when there was none. It holds a reference on the set.
type change struct {
	head   ref
	set    setID
	source SourceID
	pool   summarize.Pool // of the prefix, by the map in force; settle fills it in
}

// hop is a path in contention at some time. Those that are kept hold a reference on
// the set.
type hop struct {
	set    setID
	source SourceID
	rank   rank
}

// announce puts a run of prefixes into the table: source now offers them with
// the attribute set.
func (t *table[K]) announce(r *RIB, source SourceID, nlri wire.NLRI, set setID) {
	var k K
	var length uint8
	for len(nlri) > 0 {
		k, length, nlri = k.next(nlri)
		t.put(r, t.open(k, length), source, set, 0)
	}
}

// withdraw takes back what source offered for a run of prefixes.
func (t *table[K]) withdraw(r *RIB, source SourceID, nlri wire.NLRI) {
	var k K
	var length uint8
	for len(nlri) > 0 {
		k, length, nlri = k.next(nlri)
		head := t.find(k, length)
		if head == 0 {
			continue
		}
		if path, before := t.pathOf(head, source); path != 0 {
			t.remove(r, head, path, before)
		}
	}
}

// put sets what source offers for the prefix of head. mark is all flags that the
// path is to have.
func (t *table[K]) put(r *RIB, head ref, source SourceID, set setID, mark flags) {
	if t.routes.at(head).source == 0 {
		t.touch(r, head)
		t.revive(head)
		t.fill(r, head, source, set, mark)
		t.prefixes++
		return
	}
	path, _ := t.pathOf(head, source)
	if path == 0 {
		t.extend(r, head, source, set, mark)
		t.reselect(r, head)
		return
	}
	rt := t.routes.at(path)
	doubts := flagsOfHead | flagPending
	if t.routes.at(head).next == 0 {
		doubts |= flagStale // there is nothing that a fresh path could win against
	}
	if rt.set == set && (rt.flags^mark)&^doubts == 0 {
		t.countMarks(source, rt.flags, mark)
		rt.flags = rt.flags&flagsOfHead | mark
		return
	}
	if path == head || t.disperses(r, head, source) {
		t.touch(r, head)
	}
	r.sets.hold(set, 1)
	r.sets.drop(rt.set)
	rt.set = set
	t.countMarks(source, rt.flags, mark)
	rt.flags = rt.flags&flagsOfHead | mark
	t.reselect(r, head)
}

func (t *table[K]) fill(r *RIB, at ref, source SourceID, set setID, mark flags) {
	rt := t.routes.at(at)
	rt.source, rt.set = source, set
	t.countMarks(source, 0, mark)
	rt.flags = rt.flags&flagsOfHead | mark
	r.sets.hold(set, 1)
	t.link(at)
}

// countMarks keeps count of the paths of a source that bear marks.
func (t *table[K]) countMarks(source SourceID, was, is flags) {
	if (was^is)&(flagRefused|flagGhost|flagStale) == 0 {
		return
	}
	l := t.list(source)
	l.refused += set1(is, flagRefused) - set1(was, flagRefused)
	l.ghosts += set1(is, flagGhost) - set1(was, flagGhost)
	l.stale += set1(is, flagStale) - set1(was, flagStale)
}

func set1(f, flag flags) int {
	if f&flag != 0 {
		return 1
	}
	return 0
}

// extend adds a further path to a prefix.
func (t *table[K]) extend(r *RIB, head ref, source SourceID, set setID, mark flags) {
	if t.disperses(r, head, source) {
		t.touch(r, head)
	}
	path := t.routes.alloc()
	h, p := t.routes.at(head), t.routes.at(path)
	p.key, p.length, p.next = h.key, h.length, h.next
	h.next = path
	t.fill(r, path, source, set, mark)
}

// remove takes a path out of its prefix. before is the record ahead of it in the
// chain, 0 when the path is the head.
func (t *table[K]) remove(r *RIB, head, path, before ref) {
	h := t.routes.at(head)
	if path == head {
		t.touch(r, head)
		if h.next == 0 {
			t.unlink(head)
			t.countMarks(h.source, h.flags, 0)
			r.sets.drop(h.set)
			h.source, h.set = 0, 0
			h.flags &= flagsOfHead
			t.prefixes--
			return
		}
		path, before = h.next, head
		t.swap(head, path)
	} else if t.spread(r, head) {
		t.touch(r, head)
	}
	t.unlink(path)
	p := t.routes.at(path)
	t.countMarks(p.source, p.flags, 0)
	t.routes.at(before).next = p.next
	r.sets.drop(p.set)
	t.routes.free(path)
	t.reselect(r, head)
}

// reselect runs the decision for a prefix and puts the best path at its head.
func (t *table[K]) reselect(r *RIB, head ref) {
	if t.routes.at(head).next == 0 {
		t.dispute(r, head, nil)
		return
	}
	refs, paths := t.candidates(r, head)
	t.dispute(r, head, paths)
	if len(paths) == 0 {
		return
	}
	if best := refs[decide(paths)]; best != head {
		t.touch(r, head)
		t.swap(head, best)
	}
}

// candidates lists the usable paths of a prefix, in scratch that the next call
// overwrites.
func (t *table[K]) candidates(r *RIB, head ref) ([]ref, []candidate) {
	r.refs, r.paths = r.refs[:0], r.paths[:0]
	contested := t.contested(r, head)
	for at := head; at != 0; at = t.routes.at(at).next {
		if rt := t.routes.at(at); rt.usable() {
			r.refs = append(r.refs, at)
			r.paths = append(r.paths, r.candidate(hop{rt.set, rt.source, t.rank(r, rt, contested)}))
		}
	}
	return r.refs, r.paths
}

// touch notes what a head holds before it changes, once per flush: the best path,
// and all of them where not everybody hears the best.
func (t *table[K]) touch(r *RIB, head ref) {
	rt := t.routes.at(head)
	if rt.flags&flagDirty != 0 {
		return
	}
	rt.flags |= flagDirty
	source, set := best(rt)
	if set != 0 {
		r.sets.hold(set, 1)
	}
	t.dirty = append(t.dirty, change{head: head, set: set, source: source})
	if rt.next != 0 && t.spread(r, head) {
		if t.before == nil {
			t.before = map[ref][]hop{}
		}
		hops := t.hops(r, head)
		for _, h := range hops {
			r.sets.hold(h.set, 1)
		}
		t.before[head] = hops
	}
}

// contenders lists the paths of a prefix that somebody may hear: all usable ones if it
// is spread, else the best.
func (t *table[K]) contenders(r *RIB, head ref) []hop {
	if t.spread(r, head) {
		return t.hops(r, head)
	}
	if source, set := best(t.routes.at(head)); source != 0 {
		return []hop{{set: set, source: source}}
	}
	return nil
}

// hops lists the usable paths of a prefix.
func (t *table[K]) hops(r *RIB, head ref) []hop {
	var hops []hop
	contested := t.contested(r, head)
	for at := head; at != 0; at = t.routes.at(at).next {
		if rt := t.routes.at(at); rt.usable() {
			hops = append(hops, hop{rt.set, rt.source, t.rank(r, rt, contested)})
		}
	}
	return hops
}

// forget lets go of what touch noted of whole prefixes.
func (t *table[K]) forget(r *RIB) {
	for _, hops := range t.before {
		for _, h := range hops {
			r.sets.drop(h.set)
		}
	}
	clear(t.before)
}

// revive takes a head off the tombstones, if it is one.
func (t *table[K]) revive(head ref) {
	if rt := t.routes.at(head); rt.flags&flagTombstone != 0 {
		t.unlink(head)
		rt.flags &^= flagTombstone
	}
}

// bury makes a head without a path a tombstone of this version.
func (t *table[K]) bury(head ref) {
	t.routes.at(head).flags |= flagTombstone
	t.link(head)
}

// settle closes the window: it keeps the changes that are changes, stamps them
// with the version, and buries or frees what is gone. was is the map before, if
// there is a new one: then every head that was touched has changed for somebody.
func (t *table[K]) settle(r *RIB, version uint64, was *summarize.Map) []change {
	kept := t.dirty[:0]
	gone, come := counting{rib: r, family: t.family, m: r.m}, counting{rib: r, family: t.family, m: r.m}
	if was != nil {
		gone.m = was
	}
	for _, c := range t.dirty {
		rt := t.routes.at(c.head)
		rt.flags &^= flagDirty
		source, set := best(rt)
		_, chain := t.before[c.head]
		spread := t.spread(r, c.head)
		if source == c.source && set == c.set && was == nil && !chain && !spread {
			t.unchanged(r, c)
			continue
		}
		c.pool = poolOf(r.m, rt)
		t.haunt(r, c, was, version)
		t.tally(r, c, &gone, &come, spread)
		if !r.m.Blank() || was != nil {
			t.since(r, rt, c.pool)
		}
		rt.version = version
		if rt.source == 0 {
			t.bury(c.head)
		}
		kept = append(kept, c)
	}
	gone.close()
	come.close()
	t.dirty = t.dirty[:0]
	return kept
}

// since notes whether a prefix lives away from home.
func (t *table[K]) since(r *RIB, rt *route[K], pool summarize.Pool) {
	var place summarize.Place
	if rt.usable() && t.single(rt) {
		place = r.route(r.m, pool, rt.source, rt.set).Place
	}
	if place.Away() || len(r.away) > 0 {
		r.since(rt.key.prefix(rt.length), place)
	}
}

// haunt notes the path identifiers that go out of use with a change.
func (t *table[K]) haunt(r *RIB, c change, was *summarize.Map, version uint64) {
	if !r.m.HasAnycast() && (was == nil || !was.HasAnycast()) {
		return
	}
	s := spreadOf(t, r, c, was)
	now := s.now.identifiers()
	for _, id := range s.before.identifiers() {
		if !slices.Contains(now, id) {
			if t.ghosts == nil {
				t.ghosts = map[ref][]ghost{}
			}
			if len(t.ghosts) == 0 {
				t.haunted = version
			}
			again := func(g ghost) bool { return g.id == id }
			t.ghosts[c.head] = append(slices.DeleteFunc(t.ghosts[c.head], again), ghost{id, version})
		}
	}
}

// tally moves a change from one class to another in the counts. Prefixes of which
// not everybody hears the best are not counted but listed.
func (t *table[K]) tally(r *RIB, c change, gone, come *counting, spread bool) {
	rt := t.routes.at(c.head)
	if _, was := t.spreads[c.head]; !was {
		pool := c.pool
		if gone.m != r.m {
			pool = poolOf(gone.m, rt)
		}
		gone.add(c.source, c.set, pool, -1)
	}
	if spread && rt.source != 0 {
		if t.spreads == nil {
			t.spreads = map[ref]struct{}{}
		}
		t.spreads[c.head] = struct{}{}
		return
	}
	delete(t.spreads, c.head)
	source, set := best(rt)
	come.add(source, set, c.pool, 1)
}

// unchanged lets go of a head that ended where it began. A head that never had a
// path at a flush is forgotten; one that was a tombstone becomes one again.
// It need not keep its version: being told again of a withdrawal harms nobody.
func (t *table[K]) unchanged(r *RIB, c change) {
	if c.set != 0 {
		r.sets.drop(c.set)
		return
	}
	rt := t.routes.at(c.head)
	if rt.source != 0 {
		return
	}
	if rt.version == 0 {
		t.close(c.head)
		return
	}
	rt.version = r.version
	t.bury(c.head)
}

// reap frees the tombstones that are not younger than version, and forgets the path
// identifiers that went out of use until then.
func (t *table[K]) reap(version uint64) {
	t.exorcise(version)
	for {
		r := t.list(0).first
		if r == 0 || t.routes.at(r).version > version {
			return
		}
		t.unlink(r)
		t.close(r)
	}
}

func (t *table[K]) exorcise(version uint64) {
	if len(t.ghosts) == 0 || t.haunted > version {
		return
	}
	t.haunted = math.MaxUint64
	for head, ghosts := range t.ghosts {
		ghosts = slices.DeleteFunc(ghosts, func(g ghost) bool { return g.version <= version })
		if len(ghosts) == 0 {
			delete(t.ghosts, head)
			continue
		}
		t.ghosts[head] = ghosts
		for _, g := range ghosts {
			t.haunted = min(t.haunted, g.version)
		}
	}
}

// drop removes paths of a source, at most limit of them: all, or those that carry
// one of the marks. It says whether some may be left.
func (t *table[K]) drop(r *RIB, source SourceID, marks flags, limit int) (more bool) {
	at := t.list(source).first
	for at != 0 {
		next := t.routes.at(at).toNext
		if marks == 0 || t.routes.at(at).flags&marks != 0 {
			if limit == 0 {
				return true
			}
			limit--
			rt := t.routes.at(at)
			head := t.find(rt.key, rt.length)
			path, before := t.pathOf(head, source)
			t.remove(r, head, path, before)
		}
		at = next
	}
	return false
}

// mark sets a flag on every path of a source. A path that is stale loses to one that
// is not.
func (t *table[K]) mark(r *RIB, source SourceID, mark flags) {
	at := t.list(source).first
	for at != 0 {
		rt := t.routes.at(at)
		next := rt.toNext
		if rt.flags&mark == 0 {
			t.markOne(r, at, mark)
		}
		at = next
	}
}

func (t *table[K]) markOne(r *RIB, at ref, mark flags) {
	rt := t.routes.at(at)
	t.countMarks(rt.source, rt.flags, rt.flags|mark)
	if mark&flagStale == 0 || (rt.flags&flagHead != 0 && rt.next == 0) {
		rt.flags |= mark
		return
	}
	head := t.headOf(at)
	if t.spread(r, head) {
		t.touch(r, head)
	}
	rt.flags |= mark
	t.reselect(r, head)
}

func (r *RIB) candidate(h hop) candidate {
	s := &r.sources[h.source]
	return candidate{
		rank: h.rank, attrs: &r.sets.get(h.set).attrs, speaker: s.Speaker, routerID: s.RouterID, address: s.Address, source: h.source,
	}
}
