package rib

import (
	"net/netip"
	"slices"

	"heddle/bgp"
	"heddle/summarize"
)

// Hearing is what a peer of a view hears of one prefix, and why.
type Hearing struct {
	summarize.Verdict
	Sources []SourceID // of the paths it hears, or would if they were not its own
	Own     bool       // all that it would hear is its own: not told
}

// Hears says what a peer hears of a prefix. With a receiver that is nobody, it is what
// peers hear that have no path of their own.
func (r *RIB) Hears(prefix netip.Prefix, view View, to Receiver) Hearing {
	r.encoder.reset(r, view)
	family := bgp.FamilyOf(prefix.Addr())
	switch {
	case !view.Families.Has(family):
		return Hearing{Verdict: summarize.Verdict{Why: summarize.WhyFamily}}
	case family == bgp.IPv4Unicast:
		return hears(&r.v4, r, r.v4.find(key4Of(prefix.Addr()), uint8(prefix.Bits())), to)
	}
	return hears(&r.v6, r, r.v6.find(key6Of(prefix.Addr()), uint8(prefix.Bits())), to)
}

func hears[K key[K]](t *table[K], r *RIB, head ref, to Receiver) Hearing {
	if head == 0 || !t.routes.at(head).usable() {
		return Hearing{Verdict: summarize.Verdict{Why: summarize.WhyNoPath}}
	}
	e, rt := &r.encoder, t.routes.at(head)
	p := paths{t.contenders(r, head), poolOf(r.m, rt), r.m}
	list := e.choose(&p, t.family, to.Rack)
	if len(list) == 0 {
		return Hearing{Verdict: r.silence(e.view, &p, hop{set: rt.set, source: rt.source}), Sources: []SourceID{rt.source}}
	}
	others := slices.DeleteFunc(slices.Clone(list), func(path heard) bool { return r.markOf(path.hop).of(to) })
	h := Hearing{Own: len(others) == 0}
	if !h.Own {
		list = others
	}
	h.Verdict = list[0].verdict
	for _, path := range list {
		h.Sources = append(h.Sources, path.source)
	}
	return h
}

// silence says why peers of a view hear nothing of a prefix that has a path.
func (r *RIB) silence(view View, p *paths, h hop) summarize.Verdict {
	v := summarize.Hear(view.To, r.route(p.m, p.pool, h.source, h.set))
	if v.Heard() {
		v = summarize.Verdict{Why: summarize.WhyOtherRackHosts}
	}
	return v
}
