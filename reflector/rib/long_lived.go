package rib

import (
	"heddle/bgp"
	"heddle/peering/wire"
)

// LongLive turns the stale paths of a peer into long-lived stale ones (RFC 9494 §4.2):
// from now on they bear LLGR_STALE, as whoever hears of them sees, and lose to everything.
// Those with NO_LLGR are removed. It changes at most limit paths and says whether there
// may be more. That a path is long-lived stale is a matter of its attributes: nothing is
// kept for it per route.
func (r *RIB) LongLive(id SourceID, family bgp.Family, limit int) (more bool) {
	if family == bgp.IPv4Unicast {
		return r.v4.longLive(r, id, limit)
	}
	return r.v6.longLive(r, id, limit)
}

// longLive looks at what it changed before again, slice after slice: a few milliseconds
// for a peer of half a million routes.
func (t *table[K]) longLive(r *RIB, source SourceID, limit int) (more bool) {
	at := t.list(source).first
	for at != 0 {
		rt := t.routes.at(at)
		next, s := rt.toNext, r.sets.get(rt.set)
		if rt.flags&flagStale != 0 && (s.mortal || !s.longLived) {
			if limit == 0 {
				return true
			}
			limit--
			t.outlive(r, t.headOf(at), source, rt.set, rt.flags&^flagsOfHead)
		}
		at = next
	}
	return false
}

// outlive makes one path long-lived stale, or removes it.
func (t *table[K]) outlive(r *RIB, head ref, source SourceID, set setID, mark flags) {
	if r.sets.get(set).mortal {
		path, before := t.pathOf(head, source)
		t.remove(r, head, path, before)
		return
	}
	attrs := r.sets.get(set).attrs
	attrs.Before = wire.Remark(attrs.Before, false, bgp.LongLivedStale)
	changed := r.sets.intern(r.m, &attrs, 0) // ORIGINATOR_ID is in the attributes by now
	t.put(r, head, source, changed, mark)
	r.sets.drop(changed)
}
