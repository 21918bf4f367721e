package rib

import (
	"cmp"
	"slices"

	"heddle/bgp"
	"heddle/summarize"
)

// A prefix is spread when listeners may hear different paths of it, or several at
// once: in an anycast pool, or when its paths are of several scopes, such as default
// routes of two racks' ToRs. Such prefixes are few, and are told one by one:
//
//	paths ─ choose(view, rack) ─► what the view's peers in that rack hear
//	        then and now           │ difference
//	                               ▼
//	                    announcements, withdrawals, each for an audience
//
// All others are told by their best path, in buckets.

// spread says whether a prefix is one of those.
func (t *table[K]) spread(r *RIB, head ref) bool {
	if !r.m.HasAnycast() && r.tors == 0 && t.list(ourselves).count == 0 {
		return false // nothing is
	}
	rt := t.routes.at(head)
	switch {
	case !rt.usable():
		return false // the head holds a usable path if there is one
	case r.m.HasAnycast() && r.m.Info(poolOf(r.m, rt)).Flags.Has(summarize.Anycast):
		return true
	case rt.next == 0:
		return false
	}
	for at := rt.next; at != 0; at = t.routes.at(at).next {
		if other := t.routes.at(at); other.usable() && r.scopeOf(other.source) != r.scopeOf(rt.source) {
			return true
		}
	}
	return false
}

// disperses says whether a change to what a source offers for a prefix may be heard
// though the best path stays: then the prefix is touched whatever the decision says.
func (t *table[K]) disperses(r *RIB, head ref, source SourceID) bool {
	return r.scopeOf(source) != r.scopeOf(t.routes.at(head).source) || t.spread(r, head)
}

// paths is the usable paths of a prefix at some time, with the map of that time.
type paths struct {
	hops []hop
	pool summarize.Pool
	m    *summarize.Map
}

func (p *paths) anycast() bool { return p.m.Info(p.pool).Flags.Has(summarize.Anycast) }

// identifiers are the path identifiers under which peers with add-path hear of them.
func (p *paths) identifiers() []uint32 {
	var ids []uint32
	for _, h := range p.hops {
		if p.anycast() {
			ids = append(ids, pathIDOne+uint32(h.source))
		}
	}
	if len(p.hops) > 0 && !p.anycast() {
		ids = append(ids, pathIDOne)
	}
	return ids
}

// spreadChange is a prefix whose change is told by difference.
type spreadChange struct {
	head        ref
	before, now paths
}

// heard is a path as peers of a view hear it.
type heard struct {
	hop
	verdict summarize.Verdict
	id      uint32 // RFC 7911 path identifier, 0 without
}

// pathIDOne is the path identifier of prefixes that have one path at a time: that a
// better one takes its place is then a replacement.
const pathIDOne = 1

// choose returns what peers of a view in a rack hear of a prefix: all paths where
// the pool is anycast and they can, else the best, and the summary where a host
// announces the pool as a whole. A ToR hears of an anycast address
// what lives in its rack, if anything does: a path elsewhere that it mixed in could
// come back to it.
func (e *encoder) choose(p *paths, family bgp.Family, rack summarize.Rack) []heard {
	r := e.rib
	var list []heard
	for _, h := range p.hops {
		route := r.route(p.m, p.pool, h.source, h.set)
		v := summarize.Hear(e.view.To, route)
		if v.Heard() && (route.Scope == 0 || route.Scope == rack) {
			list = append(list, heard{hop: h, verdict: v, id: pathIDOne})
		}
	}
	list = prefer(list, func(h heard) bool { return !r.sets.get(h.set).longLived })
	list = prefer(list, func(h heard) bool { return h.verdict.Manner == summarize.Summary })
	if p.anycast() && e.view.To.Speaker == summarize.ToR {
		list = prefer(list, func(h heard) bool { return r.now(p.m, h.source, h.set) == e.view.To.Rack })
	}
	if p.anycast() && e.view.AddPath.Has(family) {
		for i := range list {
			list[i].id = pathIDOne + uint32(list[i].source)
		}
		return list
	}
	if len(list) < 2 {
		return list
	}
	contenders := make([]candidate, len(list))
	for i, h := range list {
		contenders[i] = r.candidate(h.hop)
	}
	best := decide(contenders)
	return list[best : best+1]
}

// prefer keeps those for which good holds, if there are any.
func prefer(list []heard, good func(heard) bool) []heard {
	if !slices.ContainsFunc(list, good) {
		return list
	}
	return slices.DeleteFunc(list, func(h heard) bool { return !good(h) })
}

// audiences are the parts of a view's peers that may hear different paths: those in
// each rack whose ToRs have one, and the rest.
func (e *encoder) audiencesOf(c *spreadChange) []audience {
	if e.view.To.Speaker != summarize.Client {
		return []audience{{}}
	}
	var racks []summarize.Rack
	for _, p := range []*paths{&c.before, &c.now} {
		for _, h := range p.hops {
			if rack := e.rib.rackOf(h.source); rack != 0 {
				racks = append(racks, rack)
			}
		}
	}
	slices.Sort(racks)
	racks = slices.Compact(racks)
	list := []audience{{except: racks}}
	for _, rack := range racks {
		list = append(list, audience{only: rack})
	}
	return list
}

// utterance is one path of a spread prefix that an audience is to hear.
type utterance struct {
	head ref
	to   uint16 // audience
	heard
}

// spreads works out what the view is to hear of the spread prefixes of a window.
func (e *encoder) spreads(w *window) {
	e.said = e.said[:0]
	for i := range w.spreads {
		c := &w.spreads[i]
		for _, to := range e.audiencesOf(c) {
			before, now := e.choose(&c.before, w.family, to.only), e.choose(&c.now, w.family, to.only)
			e.differ(c.head, e.audience(to), before, now)
		}
	}
	slices.SortStableFunc(e.said, compareUtterances)
}

func compareUtterances(a, b utterance) int {
	return cmp.Or(
		cmp.Compare(a.verdict.Manner, b.verdict.Manner), cmp.Compare(a.to, b.to),
		cmp.Compare(a.source, b.source), cmp.Compare(a.set, b.set), cmp.Compare(a.verdict.Class, b.verdict.Class), cmp.Compare(a.id, b.id))
}

// differ turns what an audience heard and what it is to hear into what it is told.
func (e *encoder) differ(head ref, to uint16, before, now []heard) {
	for _, n := range now {
		i := slices.IndexFunc(before, func(b heard) bool { return b.id == n.id })
		if i >= 0 && before[i].same(n) {
			continue
		}
		e.said = append(e.said, utterance{head, to, n})
		if i >= 0 {
			was, is := e.rib.markOf(before[i].hop), e.rib.markOf(n.hop)
			if was != is {
				e.lost = append(e.lost, loss{head: head, id: n.id, to: to, addressees: addressees{only: true, of: is, was: was}})
			}
		}
	}
	for _, b := range before {
		if !slices.ContainsFunc(now, func(n heard) bool { return n.id == b.id }) {
			e.lost = append(e.lost, loss{
				head: head, id: b.id, to: to, summary: b.verdict.Manner == summarize.Summary, addressees: addressees{of: e.rib.markOf(b.hop)},
			})
		}
	}
}

// same says whether a path is heard as before.
func (h heard) same(other heard) bool {
	return h.set == other.set && h.source == other.source &&
		h.verdict.Manner == other.verdict.Manner && h.verdict.Class == other.verdict.Class
}

func (r *RIB) markOf(h hop) mark { return mark{h.source, r.sets.get(h.set).attrs.Originator} }

// utter encodes what was worked out to be told in one manner.
func (e *encoder) utter(family bgp.Family, manner summarize.Manner) {
	for i := 0; i < len(e.said); {
		first := &e.said[i]
		if first.verdict.Manner != manner {
			i++
			continue
		}
		fits := e.open(family, first.source, first.set, first.verdict)
		for ; i < len(e.said) && e.said[i].like(first); i++ {
			u := &e.said[i]
			if fits {
				e.add(family, u.head, u.id)
				continue
			}
			e.overflow++
			e.lost = append(e.lost, loss{head: u.head, id: u.id, to: u.to, addressees: addressees{of: e.rib.markOf(u.hop)}})
		}
		e.end(addressees{of: e.rib.markOf(first.hop)}, first.to)
	}
}

// like says whether two utterances can stand in one run of messages.
func (u *utterance) like(v *utterance) bool {
	return u.same(v.heard) && u.to == v.to
}
