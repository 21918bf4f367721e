package rib

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"

	"heddle/summarize"
)

// Audit counts everything anew and says where the running counts differ.
func (r *RIB) Audit() error {
	if r.Dirty() > 0 {
		return nil
	}
	for f, classes := range []map[summarize.Route]int{audit(&r.v4, r), audit(&r.v6, r)} {
		if !maps.Equal(classes, r.tally.classes[f]) {
			return fmt.Errorf("family %d: classes are %v, counted as %v", f, classes, r.tally.classes[f])
		}
	}
	if err := cmp.Or(auditMarks(&r.v4), auditMarks(&r.v6)); err != nil {
		return err
	}
	contributing := map[netip.Prefix]int{}
	auditContributions(&r.v4, r, contributing)
	auditContributions(&r.v6, r, contributing)
	for _, info := range r.m.Pools {
		if got := r.tracker.State(info.Prefix).Routes; got != contributing[info.Prefix] {
			return fmt.Errorf("%d routes contribute to %s, counted are %d", contributing[info.Prefix], info.Prefix, got)
		}
		if live := r.tracker.State(info.Prefix).Live; contributing[info.Prefix] > 0 && !live {
			return fmt.Errorf("%s has %d contributing routes and no summary", info.Prefix, contributing[info.Prefix])
		}
	}
	return nil
}

func auditMarks[K key[K]](t *table[K]) error {
	for id := SourceID(1); int(id) < len(t.lists); id++ {
		l := t.lists[id]
		counted := list{first: l.first, last: l.last}
		for at := l.first; at != 0; at = t.routes.at(at).toNext {
			marks := t.routes.at(at).flags
			counted.count++
			counted.refused += set1(marks, flagRefused)
			counted.ghosts += set1(marks, flagGhost)
			counted.stale += set1(marks, flagStale)
		}
		if counted != l {
			return fmt.Errorf("source %d has %+v, counted as %+v", id, counted, l)
		}
	}
	return nil
}

func auditContributions[K key[K]](t *table[K], r *RIB, counts map[netip.Prefix]int) {
	for at := ref(1); at < t.routes.top; at++ {
		rt := t.routes.at(at)
		if rt.flags&flagHead == 0 || !rt.usable() {
			continue
		}
		pool := poolOf(r.m, rt)
		if r.contributes(paths{t.contenders(r, at), pool, r.m}) {
			counts[r.m.Info(pool).Prefix]++
		}
	}
}

func audit[K key[K]](t *table[K], r *RIB) map[summarize.Route]int {
	classes := map[summarize.Route]int{}
	for at := ref(1); at < t.routes.top; at++ {
		rt := t.routes.at(at)
		if _, listed := t.spreads[at]; rt.flags&flagHead != 0 && listed != t.spread(r, at) {
			panic(fmt.Sprintf("%s is listed as spread: %v", rt.key.prefix(rt.length), listed))
		}
		if rt.flags&flagHead == 0 || !rt.usable() || t.spread(r, at) {
			continue
		}
		classes[r.route(r.m, poolOf(r.m, rt), rt.source, rt.set)]++
	}
	return classes
}
