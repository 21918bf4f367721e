package rib

import (
	"net/netip"
	"slices"

	"heddle/bgp"
	"heddle/summarize"
)

// Heard is what a view hears of one prefix, in the words of a comparison.
type Heard struct {
	Verdict summarize.Verdict // of several paths the first's
	Sources []SourceID        // none: nothing is heard
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
// view would hear something else if the next map were in force: of its paths as judged
// and decided then. Summaries are not among them: they follow. It begins at a position
// (0 at first), looks at no more than limit records, and returns the position to go on
// from, 0 at the end. Nothing changes.
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
		if rt.flags&flagHead == 0 || rt.source == 0 || (rt.source == ourselves && rt.next == 0) {
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
	s := spreadChange{head, paths{t.contenders(r, head), poolOf(r.m, rt), r.m}, t.wouldBe(r, c.Next, head)}
	if r.contributes(s.now) {
		c.Contributes(c.Next.Info(s.now.pool).Prefix)
	}
	for i, v := range c.Views {
		if !v.Families.Has(t.family) || r.heardAlike(v, &s) {
			continue
		}
		r.encoder.reset(r, v)
		for _, to := range r.encoder.audiencesOf(&s) {
			now, then := r.encoder.choose(&s.before, t.family, to.only), r.encoder.choose(&s.now, t.family, to.only)
			if heardOtherwise(now, then) {
				c.Each(i, rt.key.prefix(rt.length), r.inWords(v, &s.before, now), r.inWords(v, &s.now, then))
				break
			}
		}
	}
}

// heardAlike says whether a view hears of one path what it would: what most prefixes are
// done with.
func (r *RIB) heardAlike(v View, s *spreadChange) bool {
	if len(s.before.hops) != 1 || len(s.now.hops) != 1 {
		return false
	}
	now, then := s.before.hops[0], s.now.hops[0]
	x, y := r.verdict(v, s.before.m, s.before.pool, now.source, now.set), r.verdict(v, s.now.m, s.now.pool, then.source, then.set)
	return x.Manner == y.Manner && (now.source == then.source && x.Class == y.Class || !x.Heard())
}

// heardOtherwise says whether peers are told something else than before, but for summaries.
func heardOtherwise(now, then []heard) bool {
	unlike := func(a, b []heard) bool {
		return slices.ContainsFunc(a, func(h heard) bool {
			return h.source != ourselves && !slices.ContainsFunc(b, func(other heard) bool {
				return h.source == other.source && h.verdict.Manner == other.verdict.Manner && h.verdict.Class == other.verdict.Class
			})
		})
	}
	return unlike(now, then) || unlike(then, now)
}

func (r *RIB) inWords(v View, p *paths, list []heard) Heard {
	var h Heard
	for _, path := range list {
		h.Sources = append(h.Sources, path.source)
	}
	switch {
	case len(list) > 0:
		h.Verdict = list[0].verdict
	case len(p.hops) > 0:
		h.Verdict = r.silence(v, p, p.hops[0])
	default:
		h.Verdict = summarize.Verdict{Why: summarize.WhyNoPath}
	}
	return h
}

// wouldBe is the paths that somebody would hear by another map.
func (t *table[K]) wouldBe(r *RIB, next *summarize.Map, head ref) paths {
	now := r.m
	r.m = next // what asks the inventory asks this one; nothing is written meanwhile
	defer func() { r.m = now }()
	p := paths{pool: poolOf(next, t.routes.at(head)), m: next}
	contested := t.contested(r, head)
	for at := head; at != 0; at = t.routes.at(at).next {
		if rt := t.routes.at(at); r.wouldUse(rt.source, rt.set, rt.key.prefix(rt.length)) {
			p.hops = append(p.hops, hop{rt.set, rt.source, t.rank(r, rt, contested)})
		}
	}
	return r.told(p)
}

// wouldUse says whether a path would be usable by the map that is asked for now.
func (r *RIB) wouldUse(id SourceID, set setID, prefix netip.Prefix) bool {
	if id == ourselves {
		pool, ok := r.m.PoolAt(prefix)
		return ok && r.m.Info(pool).Flags.Has(summarize.Summarized)
	}
	return !r.judges(&r.sources[id]) || r.refusal(id, set, prefix) == RefusedNot
}
