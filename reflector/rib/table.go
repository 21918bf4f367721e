package rib

import (
	"heddle/bgp"
)

// SourceID names a peer in the tables; 0 is nobody. Ids are reused after a peer
// is removed for good.
type SourceID uint16

// route is one path: a prefix as one peer announced it. 32 octets for IPv4, 48
// for IPv6, no pointers.
//
// All paths of a prefix hang on its head, which the index finds and which never
// changes while the prefix exists: it holds the best path, and when another
// becomes best, the two swap what they carry, not their places.
//
//	index ─► head (best) ─next─► path ─next─► path
//	           │ toPrev/toNext: the list of everything its source announced
//
// A prefix whose last path went is kept as a tombstone until nobody can be owed
// its withdrawal any more; tombstones are the list of source 0, oldest first.
type route[K any] struct {
	version        uint64 // of the last change of the head's content
	key            K
	next           ref // another path of the same prefix
	toPrev, toNext ref // neighbours in the list of the source
	set            setID
	source         SourceID
	length         uint8
	flags          flags
}

type flags uint8

const (
	flagHead      flags = 1 << iota
	flagDirty           // head only: changed since the last flush
	flagRefused         // in Adj-RIB-In, but not a candidate
	flagStale           // kept over a graceful restart (RFC 4724)
	flagPending         // not repeated yet in a refresh (RFC 7313)
	flagTombstone       // head only: gone, and in the list of source 0
	flagGhost           // the inventory has no such workload on the path's node
	flagLast            // its node lost the workload: ranked last, then refused

	// flagsOfHead belong to the place, the others to the path in it.
	flagsOfHead = flagHead | flagDirty | flagTombstone
)

// usable says that the record holds a path which may be best.
func (rt *route[K]) usable() bool { return rt.source != 0 && rt.flags&flagRefused == 0 }

// list is the ends of a source's list, how many records it has, and how many of
// them are refused, ghosts or stale.
type list struct {
	first, last                   ref
	count, refused, ghosts, stale int
}

// table holds the paths of one family: Adj-RIB-In of every peer and Loc-RIB in
// one, since the head of each prefix is its best path.
type table[K key[K]] struct {
	family   bgp.Family
	seed     uint64
	routes   slab[route[K]]
	index    index
	lists    []list   // by SourceID
	dirty    []change // heads touched since the last flush
	prefixes int      // heads that hold a path

	// Prefixes of which not everybody hears the best path are few.
	before  map[ref][]hop    // their paths when they were touched
	spreads map[ref]struct{} // those at the last flush
	ghosts  map[ref][]ghost  // what walking peers with add-path may still hold of them
	haunted uint64           // none of the ghosts is older; meaningless without any
}

func (t *table[K]) list(source SourceID) *list {
	for int(source) >= len(t.lists) {
		t.lists = append(t.lists, list{})
	}
	return &t.lists[source]
}

// link appends a record to its source's list.
func (t *table[K]) link(r ref) {
	rt := t.routes.at(r)
	l := t.list(rt.source)
	rt.toPrev, rt.toNext = l.last, 0
	if l.last != 0 {
		t.routes.at(l.last).toNext = r
	} else {
		l.first = r
	}
	l.last = r
	l.count++
}

// unlink takes a record out of its source's list.
func (t *table[K]) unlink(r ref) {
	rt := t.routes.at(r)
	l := t.list(rt.source)
	if rt.toPrev != 0 {
		t.routes.at(rt.toPrev).toNext = rt.toNext
	} else {
		l.first = rt.toNext
	}
	if rt.toNext != 0 {
		t.routes.at(rt.toNext).toPrev = rt.toPrev
	} else {
		l.last = rt.toPrev
	}
	l.count--
	rt.toPrev, rt.toNext = 0, 0
}

// find returns the head of a prefix, or 0.
func (t *table[K]) find(k K, length uint8) ref {
	return find(&t.index, &t.routes, k.hash(t.seed, length), k, length)
}

// open returns the head of a prefix, a new one without a path if there was none.
func (t *table[K]) open(k K, length uint8) ref {
	hash := k.hash(t.seed, length)
	if r := find(&t.index, &t.routes, hash, k, length); r != 0 {
		return r
	}
	r := t.routes.alloc()
	rt := t.routes.at(r)
	rt.key, rt.length, rt.flags = k, length, flagHead
	insert(&t.index, &t.routes, hash, r, t.seed)
	return r
}

// close removes a head that holds no path.
func (t *table[K]) close(r ref) {
	rt := t.routes.at(r)
	t.index.remove(rt.key.hash(t.seed, rt.length), r)
	t.routes.free(r)
}

// pathOf finds what a source announced for a prefix: the record, and the one
// before it in the chain (0 for the head itself).
func (t *table[K]) pathOf(head ref, source SourceID) (path, before ref) {
	for r := head; r != 0; r = t.routes.at(r).next {
		if t.routes.at(r).source == source {
			return r, before
		}
		before = r
	}
	return 0, 0
}

// swap exchanges what a head and another path of its prefix carry. Their places
// in the lists of their sources go along.
func (t *table[K]) swap(head, other ref) {
	t.unlink(head)
	t.unlink(other)
	h, o := t.routes.at(head), t.routes.at(other)
	h.source, o.source = o.source, h.source
	h.set, o.set = o.set, h.set
	h.flags, o.flags = h.flags&flagsOfHead|o.flags&^flagsOfHead, o.flags&flagsOfHead|h.flags&^flagsOfHead
	t.link(head)
	t.link(other)
}
