package rib

import (
	"net/netip"

	"heddle/bgp"
	"heddle/summarize"
)

// Follow puts a new map in force: routes are judged again where the inventory says
// something else of them, and the views are told what that changes. Nothing may be
// waiting to be flushed. It costs what changed; a change of pools or of hosts that
// have routes costs a look at every prefix.
//
//	touch what may change, by the old map ─► new map ─► judge, decide again ─► flush
func (r *RIB) Follow(next *summarize.Map, views []View) [][]*Chunk {
	was := r.m
	d := was.Diff(next)
	if d.Empty() {
		r.m, r.placed = next, next
		return nil
	}
	r.touchAffected(next, d)
	r.m, r.placed = next, next
	r.sets.settle(next)
	reconsider(&r.v4, r)
	reconsider(&r.v6, r)
	for at := r.v4.list(ourselves).first; at != 0; {
		rt := r.v4.routes.at(at)
		at = rt.toNext
		r.originate(rt.key.prefix(rt.length))
	}
	for at := r.v6.list(ourselves).first; at != 0; {
		rt := r.v6.routes.at(at)
		at = rt.toNext
		r.originate(rt.key.prefix(rt.length))
	}
	r.contribute(was)
	return r.flush(views, was)
}

// touchAffected touches every prefix about which the next map may say something else.
func (r *RIB) touchAffected(next *summarize.Map, d summarize.Delta) {
	for addr := range d.Addresses {
		r.touchAt(addr)
	}
	a := affected{r: r, next: next, all: d.Judgement, pools: d.Pools, sets: map[setID]struct{}{}, sources: map[SourceID]struct{}{}}
	if d.Hosts {
		a.find()
	}
	if a.all || a.pools || len(a.sets)+len(a.sources) > 0 {
		touchAll(&r.v4, &a)
		touchAll(&r.v6, &a)
	}
	touchOwn(&r.v4, r)
	touchOwn(&r.v6, r)
}

func (r *RIB) touchAt(addr netip.Addr) {
	if bgp.FamilyOf(addr) == bgp.IPv4Unicast {
		if head := r.v4.find(key4Of(addr), 32); head != 0 && r.v4.routes.at(head).source != 0 {
			r.v4.touch(r, head)
		}
	} else if head := r.v6.find(key6Of(addr), 128); head != 0 && r.v6.routes.at(head).source != 0 {
		r.v6.touch(r, head)
	}
}

// affected says which prefixes a new map may say something else about.
type affected struct {
	r       *RIB
	next    *summarize.Map
	all     bool
	pools   bool
	sets    map[setID]struct{}    // whose next hop belongs to another host or rack
	sources map[SourceID]struct{} // clients that are other hosts, or in another rack
}

func (a *affected) find() {
	for i := range a.r.sets.sets {
		s := &a.r.sets.sets[i]
		if s.refs == 0 {
			continue
		}
		if host, _ := a.next.HostAt(s.attrs.NextHop); host != s.host {
			a.sets[setID(i)] = struct{}{}
		}
	}
	for i := range a.r.sources {
		s := &a.r.sources[i]
		before, _ := a.r.m.HostAt(s.Address)
		if after, _ := a.next.HostAt(s.Address); s.Address.IsValid() && before != after {
			a.sources[SourceID(i)] = struct{}{}
		}
	}
}

func touchAll[K key[K]](t *table[K], a *affected) {
	for at := ref(1); at < t.routes.top; at++ {
		if rt := t.routes.at(at); rt.flags&flagHead != 0 && rt.source != 0 && affects(t, a, at) {
			t.touch(a.r, at)
		}
	}
}

func affects[K key[K]](t *table[K], a *affected, head ref) bool {
	rt := t.routes.at(head)
	if a.all || (a.pools && *a.r.m.Info(poolOf(a.r.m, rt)) != *a.next.Info(poolOf(a.next, rt))) {
		return true
	}
	if len(a.sets)+len(a.sources) == 0 {
		return false
	}
	for at := head; at != 0; at = t.routes.at(at).next {
		rt = t.routes.at(at)
		_, set := a.sets[rt.set]
		if _, source := a.sources[rt.source]; set || source {
			return true
		}
	}
	return false
}

// touchOwn touches the summaries, whose next hop may change.
func touchOwn[K key[K]](t *table[K], r *RIB) {
	for at := t.list(ourselves).first; at != 0; at = t.routes.at(at).toNext {
		rt := t.routes.at(at)
		t.touch(r, t.find(rt.key, rt.length))
	}
}

// reconsider judges and decides again what was touched.
func reconsider[K key[K]](t *table[K], r *RIB) {
	for i := 0; i < len(t.dirty); i++ {
		head := t.dirty[i].head
		for _, id := range t.announcers(head) {
			t.rejudge(r, head, id)
		}
		if t.routes.at(head).source != 0 {
			t.reselect(r, head)
		}
	}
}

// announcers lists the sources of a prefix's paths.
func (t *table[K]) announcers(head ref) []SourceID {
	var ids []SourceID
	for at := head; at != 0; at = t.routes.at(at).next {
		if id := t.routes.at(at).source; id != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}
