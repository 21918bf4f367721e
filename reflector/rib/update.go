package rib

import (
	"heddle/peering/wire"
)

// change is a head that was touched since the last flush, with the best path it
// had then: source 0 when there was none. It holds a reference on the set.
type change struct {
	head   ref
	set    setID
	source SourceID
}

// announce puts a run of prefixes into the table: source now offers them with
// the attribute set. mark is flagRefused or nothing.
func (t *table[K]) announce(r *RIB, source SourceID, nlri wire.NLRI, set setID, mark flags) {
	var k K
	var length uint8
	for len(nlri) > 0 {
		k, length, nlri = k.next(nlri)
		t.put(r, t.open(k, length), source, set, mark)
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

// put sets what source offers for the prefix of head.
func (t *table[K]) put(r *RIB, head ref, source SourceID, set setID, mark flags) {
	if t.routes.at(head).source == 0 {
		t.touch(r, head)
		t.revive(head)
		t.fill(r, head, source, set, mark)
		t.prefixes++
		return
	}
	path, _ := t.pathOf(head, source)
	switch {
	case path == 0:
		t.extend(r, head, source, set, mark)
	case t.routes.at(path).set == set && t.routes.at(path).flags&flagRefused == mark:
		t.routes.at(path).flags &^= flagStale | flagPending
		return
	default:
		if path == head {
			t.touch(r, head)
		}
		rt := t.routes.at(path)
		r.sets.hold(set, 1)
		r.sets.drop(rt.set)
		rt.set = set
		t.countRefused(source, rt.flags, mark)
		rt.flags = rt.flags&flagsOfHead | mark
	}
	t.reselect(r, head)
}

func (t *table[K]) fill(r *RIB, at ref, source SourceID, set setID, mark flags) {
	rt := t.routes.at(at)
	rt.source, rt.set = source, set
	t.countRefused(source, 0, mark)
	rt.flags = rt.flags&flagsOfHead | mark
	r.sets.hold(set, 1)
	t.link(at)
}

func (t *table[K]) countRefused(source SourceID, was, is flags) {
	if was&flagRefused != 0 {
		t.list(source).refused--
	}
	if is&flagRefused != 0 {
		t.list(source).refused++
	}
}

// extend adds a further path to a prefix.
func (t *table[K]) extend(r *RIB, head ref, source SourceID, set setID, mark flags) {
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
			t.countRefused(h.source, h.flags, 0)
			r.sets.drop(h.set)
			h.source, h.set = 0, 0
			h.flags &= flagsOfHead
			t.prefixes--
			return
		}
		path, before = h.next, head
		t.swap(head, path)
	}
	t.unlink(path)
	p := t.routes.at(path)
	t.countRefused(p.source, p.flags, 0)
	t.routes.at(before).next = p.next
	r.sets.drop(p.set)
	t.routes.free(path)
	t.reselect(r, head)
}

// reselect runs the decision for a prefix and puts the best path at its head.
func (t *table[K]) reselect(r *RIB, head ref) {
	if t.routes.at(head).next == 0 {
		return
	}
	refs, paths := t.candidates(r, head)
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
	for at := head; at != 0; at = t.routes.at(at).next {
		if rt := t.routes.at(at); rt.usable() {
			r.refs = append(r.refs, at)
			r.paths = append(r.paths, r.candidate(rt.source, rt.set))
		}
	}
	return r.refs, r.paths
}

// touch notes what a head holds before it changes, once per flush.
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
	t.dirty = append(t.dirty, change{head, set, source})
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
// with the version, and buries or frees what is gone.
func (t *table[K]) settle(r *RIB, version uint64) []change {
	kept := t.dirty[:0]
	gone, come := counting{rib: r, family: t.family}, counting{rib: r, family: t.family}
	for _, c := range t.dirty {
		rt := t.routes.at(c.head)
		rt.flags &^= flagDirty
		source, set := best(rt)
		if source == c.source && set == c.set {
			t.unchanged(r, c)
			continue
		}
		gone.add(c.source, c.set, -1)
		come.add(source, set, 1)
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

// reap frees the tombstones that are not younger than version.
func (t *table[K]) reap(version uint64) {
	for {
		r := t.list(0).first
		if r == 0 || t.routes.at(r).version > version {
			return
		}
		t.unlink(r)
		t.close(r)
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

// mark sets a flag on every path of a source.
func (t *table[K]) mark(source SourceID, mark flags) {
	for at := t.list(source).first; at != 0; at = t.routes.at(at).toNext {
		t.routes.at(at).flags |= mark
	}
}

func (r *RIB) candidate(source SourceID, set setID) candidate {
	s := &r.sources[source]
	return candidate{attrs: &r.sets.get(set).attrs, kind: s.Kind, routerID: s.RouterID, address: s.Address, source: source}
}
