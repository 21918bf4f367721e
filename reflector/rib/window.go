package rib

import (
	"heddle/bgp"
)

// bucket is the heads of a window whose best paths share an attribute set and a
// source: what can stand in one UPDATE.
type bucket struct {
	set    setID // 0: the prefixes are gone
	source SourceID
	first  int32 // into window.changes; then along window.next
	last   int32
	had    int // how many of them had a best path before
}

// window is a set of heads to encode, in buckets.
type window struct {
	family  bgp.Family
	changes []change
	next    []int32
	buckets []bucket
	byKey   map[uint64]int32
}

func bucketKey(source SourceID, set setID) uint64 { return uint64(source)<<32 | uint64(set) }

// sort puts the changes of a table in buckets, in order of first appearance.
// Heads that were announced together are neighbours, so most of them need no
// look at the map.
func (w *window) sort(r *RIB, family bgp.Family, changes []change) {
	w.family, w.changes = family, changes
	w.buckets = w.buckets[:0]
	if cap(w.next) < len(changes) {
		w.next = make([]int32, len(changes))
	}
	w.next = w.next[:len(changes)]
	clear(w.byKey)
	if w.byKey == nil {
		w.byKey = map[uint64]int32{}
	}
	current, currentKey := int32(-1), uint64(0)
	for i, c := range changes {
		source, set := r.best(family, c.head)
		key := bucketKey(source, set)
		if current < 0 || key != currentKey {
			current, currentKey = w.bucket(key, source, set), key
		}
		w.add(current, int32(i), c.source != 0)
	}
}

func (w *window) bucket(key uint64, source SourceID, set setID) int32 {
	b, ok := w.byKey[key]
	if !ok {
		b = int32(len(w.buckets))
		w.buckets = append(w.buckets, bucket{set: set, source: source, first: -1, last: -1})
		w.byKey[key] = b
	}
	return b
}

func (w *window) add(b, i int32, had bool) {
	w.next[i] = -1
	k := &w.buckets[b]
	if k.first < 0 {
		k.first = i
	} else {
		w.next[k.last] = i
	}
	k.last = i
	if had {
		k.had++
	}
}

// count is how many heads a bucket has.
func (w *window) count(b *bucket) int {
	n := 0
	for i := b.first; i >= 0; i = w.next[i] {
		n++
	}
	return n
}
