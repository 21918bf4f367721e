package rib

import (
	"heddle/bgp"
	"heddle/summarize"
)

// bucket is the heads of a window whose best paths share an attribute set, a source
// and a pool: what can stand in one UPDATE.
type bucket struct {
	set    setID // 0: the prefixes are gone
	source SourceID
	pool   summarize.Pool
	first  int32 // into window.changes; then along window.next
	last   int32
	had    int // how many of them had a best path before
}

// window is a set of heads to encode: in buckets, but for those that are spread.
type window struct {
	family  bgp.Family
	was     *summarize.Map // that views were told by last, if it is not the one in force
	changes []change
	next    []int32
	buckets []bucket
	byKey   map[bucketKey]int32
	spreads []spreadChange
}

type bucketKey struct {
	set    setID
	source SourceID
	pool   summarize.Pool
}

// sort puts the changes of a table in buckets, in order of first appearance.
// Heads that were announced together are neighbours, so most of them need no
// look at the map.
func (w *window) sort(r *RIB, family bgp.Family, changes []change, was *summarize.Map) {
	w.family, w.changes, w.was = family, changes, was
	w.buckets, w.spreads = w.buckets[:0], w.spreads[:0]
	if cap(w.next) < len(changes) {
		w.next = make([]int32, len(changes))
	}
	w.next = w.next[:len(changes)]
	clear(w.byKey)
	if w.byKey == nil {
		w.byKey = map[bucketKey]int32{}
	}
	current, currentKey := int32(-1), bucketKey{}
	for i, c := range changes {
		source, set := r.best(family, c.head)
		if r.isSpread(family, c, was) {
			w.spreads = append(w.spreads, r.spreadOf(family, c, was))
			continue
		}
		key := bucketKey{set, source, c.pool}
		if current < 0 || key != currentKey {
			current, currentKey = w.bucket(key), key
		}
		w.add(current, int32(i), c.source != 0)
	}
}

// isSpread says whether a change is told by difference: the prefix is spread, or was,
// or its best path changed scope.
func (r *RIB) isSpread(family bgp.Family, c change, was *summarize.Map) bool {
	if family == bgp.IPv4Unicast {
		return isSpread(&r.v4, r, c, was)
	}
	return isSpread(&r.v6, r, c, was)
}

func isSpread[K key[K]](t *table[K], r *RIB, c change, was *summarize.Map) bool {
	if _, listed := t.spreads[c.head]; listed || r.m.Info(c.pool).Flags.Has(summarize.Anycast) {
		return true
	}
	if was != nil && was.Info(poolOf(was, t.routes.at(c.head))).Flags.Has(summarize.Anycast) {
		return true
	}
	if _, chain := t.before[c.head]; chain {
		return true
	}
	source, _ := best(t.routes.at(c.head))
	return source != 0 && c.source != 0 && r.scopeOf(source) != r.scopeOf(c.source)
}

func (r *RIB) spreadOf(family bgp.Family, c change, was *summarize.Map) spreadChange {
	if family == bgp.IPv4Unicast {
		return spreadOf(&r.v4, r, c, was)
	}
	return spreadOf(&r.v6, r, c, was)
}

func spreadOf[K key[K]](t *table[K], r *RIB, c change, was *summarize.Map) spreadChange {
	s := spreadChange{head: c.head, now: paths{t.contenders(r, c.head), c.pool, r.m}}
	s.before = paths{t.before[c.head], c.pool, r.m}
	if was != nil {
		s.before.m, s.before.pool = was, poolOf(was, t.routes.at(c.head))
	}
	if s.before.hops == nil && c.source != 0 {
		s.before.hops = []hop{{set: c.set, source: c.source}}
	}
	return s
}

func (w *window) bucket(key bucketKey) int32 {
	b, ok := w.byKey[key]
	if !ok {
		b = int32(len(w.buckets))
		w.buckets = append(w.buckets, bucket{set: key.set, source: key.source, pool: key.pool, first: -1, last: -1})
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
