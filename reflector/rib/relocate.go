package rib

import (
	"slices"

	"heddle/summarize"
)

// Relocate encodes what a client is to be told when it is now known to stand in
// another rack: it hears the routes of that rack's ToRs instead of the former's.
// Nothing may be waiting to be flushed.
func (r *RIB) Relocate(view View, from, to Receiver) []*Chunk {
	r.encoder.reset(r, view)
	relocate(&r.v4, r, from, to)
	relocate(&r.v6, r, from, to)
	return r.encoder.take(nil)
}

func relocate[K key[K]](t *table[K], r *RIB, from, to Receiver) {
	e := &r.encoder
	if !e.view.Families.Has(t.family) {
		return
	}
	e.said = e.said[:0]
	var gone []utterance
	for _, head := range t.local(r) {
		before := appendHeard(nil, t, e, head, from)
		now := appendHeard(nil, t, e, head, to)
		for _, h := range now {
			if !slices.ContainsFunc(before, func(b heard) bool { return b.id == h.id && b.same(h) }) {
				e.said = append(e.said, utterance{head: head, heard: h})
			}
		}
		for _, b := range before {
			if !slices.ContainsFunc(now, func(h heard) bool { return h.id == b.id }) {
				gone = append(gone, utterance{head: head, heard: b})
			}
		}
	}
	e.tell(t.family, passAnnounce)
	e.said = gone
	e.tell(t.family, passWithdraw)
}

// local lists the prefixes that are not heard alike in all racks, in order.
func (t *table[K]) local(r *RIB) []ref {
	var heads []ref
	for head := range t.spreads {
		heads = append(heads, head)
	}
	for id := range r.sources {
		if r.sources[id].Speaker != summarize.ToR {
			continue
		}
		for at := t.list(SourceID(id)).first; at != 0; at = t.routes.at(at).toNext {
			heads = append(heads, t.headOf(at))
		}
	}
	slices.Sort(heads)
	return slices.Compact(heads)
}

// headOf is the head of the chain that a record is in.
func (t *table[K]) headOf(at ref) ref {
	rt := t.routes.at(at)
	if rt.flags&flagHead != 0 {
		return at
	}
	return t.find(rt.key, rt.length)
}
