package rib

import (
	"net/netip"

	"heddle/bgp"
	"heddle/summarize"
)

// Heard is what a view hears of one prefix, in the words of a comparison.
type Heard struct {
	Verdict summarize.Verdict
	Source  SourceID // 0: nothing is heard
}

// Comparison is the question what another map would change.
type Comparison struct {
	Next  *summarize.Map
	Views []View
	// Each is told of every prefix of which a view, by its index, would hear otherwise.
	Each func(view int, prefix netip.Prefix, now, then Heard)
	// Contributes is told of the pool of every route that would keep a summary alive.
	Contributes func(pool netip.Prefix)
}

// Compare calls back, for a stretch of a family's table, for every prefix of which a
// view would hear something else if the next map were in force: of its best path as
// judged and decided then. Summaries are not among them: they follow. It begins at a
// position (0 at first), looks at no more than limit records, and returns the position
// to go on from, 0 at the end. Nothing changes.
func (r *RIB) Compare(c *Comparison, family bgp.Family, at uint32, limit int) uint32 {
	if family == bgp.IPv4Unicast {
		return compareTable(&r.v4, r, c, at, limit)
	}
	return compareTable(&r.v6, r, c, at, limit)
}

func compareTable[K key[K]](t *table[K], r *RIB, c *Comparison, from uint32, limit int) uint32 {
	end := min(max(ref(from), 1)+ref(limit), t.routes.top)
	for at := max(ref(from), 1); at < end; at++ {
		rt := t.routes.at(at)
		if rt.flags&flagHead == 0 || rt.source == 0 || rt.source == ourselves {
			continue
		}
		compareOne(t, r, c, at)
	}
	if end >= t.routes.top {
		return 0
	}
	return uint32(end)
}

func compareOne[K key[K]](t *table[K], r *RIB, c *Comparison, head ref) {
	rt := t.routes.at(head)
	nowPool, thenPool := poolOf(r.m, rt), poolOf(c.Next, rt)
	source, set := best(rt)
	thenSource, thenSet := t.wouldBe(r, c.Next, head)
	if thenSource != 0 && r.route(c.Next, thenPool, thenSource, thenSet).Contributes() {
		c.Contributes(c.Next.Info(thenPool).Prefix)
	}
	for i, v := range c.Views {
		if !v.Families.Has(t.family) {
			continue
		}
		now, then := r.heardAs(v, r.m, nowPool, source, set), r.heardAs(v, c.Next, thenPool, thenSource, thenSet)
		if now.Source != then.Source || now.Verdict.Manner != then.Verdict.Manner || now.Verdict.Class != then.Verdict.Class {
			c.Each(i, rt.key.prefix(rt.length), now, then)
		}
	}
}

func (r *RIB) heardAs(v View, m *summarize.Map, pool summarize.Pool, source SourceID, set setID) Heard {
	if source == 0 {
		return Heard{Verdict: summarize.Verdict{Why: summarize.WhyNoPath}}
	}
	h := Heard{Verdict: r.verdict(v, m, pool, source, set), Source: source}
	if !h.Verdict.Heard() {
		h.Source = 0
	}
	return h
}

// wouldBe is the path that would be best by another map.
func (t *table[K]) wouldBe(r *RIB, next *summarize.Map, head ref) (SourceID, setID) {
	now := r.m
	r.m = next // what asks the inventory asks this one; nothing is written meanwhile
	defer func() { r.m = now }()
	var hops []hop
	var contenders []candidate
	contested := t.contested(r, head)
	for at := head; at != 0; at = t.routes.at(at).next {
		rt := t.routes.at(at)
		if r.judges(&r.sources[rt.source]) && r.refusal(rt.source, rt.set, rt.key.prefix(rt.length)) != RefusedNot {
			continue
		}
		h := hop{rt.set, rt.source, t.rank(r, rt, contested)}
		hops, contenders = append(hops, h), append(contenders, r.candidate(h))
	}
	if len(hops) == 0 {
		return 0, 0
	}
	chosen := hops[decide(contenders)]
	return chosen.source, chosen.set
}
