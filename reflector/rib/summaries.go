package rib

import (
	"net/netip"
	"slices"

	"heddle/bgp"
	"heddle/peering/wire"
	"heddle/summarize"
)

// contribute tells the tracker which of the changes since the last flush made routes
// begin or cease to keep a summary alive. was is the map of the last flush.
func (r *RIB) contribute(was *summarize.Map) {
	if r.m.Blank() && was.Blank() {
		return
	}
	contribute(&r.v4, r, was)
	contribute(&r.v6, r, was)
}

func contribute[K key[K]](t *table[K], r *RIB, was *summarize.Map) {
	for _, c := range t.dirty {
		rt := t.routes.at(c.head)
		before := t.before[c.head]
		if before == nil && c.source != 0 {
			before = []hop{{set: c.set, source: c.source}}
		}
		for _, side := range []struct {
			paths
			n int
		}{{paths{before, poolOf(was, rt), was}, -1}, {paths{t.contenders(r, c.head), poolOf(r.m, rt), r.m}, 1}} {
			if r.contributes(side.paths) {
				r.tracker.Add(side.m.Info(side.pool).Prefix, side.n)
			}
		}
	}
}

// contributes says whether one of the paths of a prefix that are told keeps the summary
// of its pool alive. That we originate a path of the same prefix makes no difference: a
// summary neither keeps itself alive nor others.
func (r *RIB) contributes(p paths) bool {
	if !p.m.Info(p.pool).Flags.Has(summarize.Summarized) {
		return false
	}
	p.hops = slices.DeleteFunc(slices.Clone(p.hops), func(h hop) bool { return h.source == ourselves })
	for _, h := range r.told(p).hops {
		if r.route(p.m, p.pool, h.source, h.set).Contributes() {
			return true
		}
	}
	return false
}

// told leaves of the usable paths of a prefix those that somebody may hear: the best
// where it is not spread.
func (r *RIB) told(p paths) paths {
	if len(p.hops) < 2 || p.anycast() || slices.ContainsFunc(p.hops, func(h hop) bool { return r.scopeOf(h.source) != r.scopeOf(p.hops[0].source) }) {
		return p
	}
	var contenders []candidate
	for _, h := range p.hops {
		contenders = append(contenders, r.candidate(h))
	}
	best := decide(contenders)
	p.hops = p.hops[best : best+1]
	return p
}

// summaries originates the summaries that come into being and withdraws those that
// cease.
func (r *RIB) summaries() {
	up, down := r.tracker.Settle(r.clock, func(prefix netip.Prefix) bool {
		pool, ok := r.m.PoolAt(prefix)
		return ok && r.m.Info(pool).Flags.Has(summarize.Summarized)
	})
	for _, prefix := range up {
		r.originate(prefix)
	}
	for _, prefix := range down {
		if prefix.Addr().Is4() {
			retract(&r.v4, r, key4Of(prefix.Addr()), uint8(prefix.Bits()))
		} else {
			retract(&r.v6, r, key6Of(prefix.Addr()), uint8(prefix.Bits()))
		}
	}
}

// originate announces a summary as ourselves, with the discard address as next hop.
func (r *RIB) originate(prefix netip.Prefix) {
	family := bgp.FamilyOf(prefix.Addr())
	discard, ok := r.m.Snapshot().Settings().DiscardFor(family)
	if !ok {
		return // such a pool is not summarised: it is about to be retracted
	}
	attrs := wire.Originated(family, discard)
	set := r.sets.intern(r.m, &attrs, 0)
	if family == bgp.IPv4Unicast {
		r.v4.put(r, r.v4.open(key4Of(prefix.Addr()), uint8(prefix.Bits())), ourselves, set, 0)
	} else {
		r.v6.put(r, r.v6.open(key6Of(prefix.Addr()), uint8(prefix.Bits())), ourselves, set, 0)
	}
	r.sets.drop(set)
}

func retract[K key[K]](t *table[K], r *RIB, k K, length uint8) {
	head := t.find(k, length)
	if head == 0 {
		return
	}
	if path, before := t.pathOf(head, ourselves); path != 0 {
		t.remove(r, head, path, before)
	}
}

// SummaryOf is what is known of a pool's summary.
func (r *RIB) SummaryOf(prefix netip.Prefix) summarize.State { return r.tracker.State(prefix) }
