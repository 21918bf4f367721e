package topology

import (
	"fmt"
	"slices"
)

// class is what losses are counted by.
type class uint8

const (
	classSettings class = iota
	classRack
	classPool
	classNode
	classReflector
	classRouter // that is no reflector
	classTag
	classPolicy
	classWorkload
	classes
)

var classWords = [classes]string{"settings", "racks", "pools", "nodes", "reflectors", "routers", "tags", "policies", "workloads"}

var classKinds = [classes]Kind{KindSettings, KindRack, KindPool, KindNode, KindRouter, KindRouter, KindTag, KindPolicy, KindWorkload}

func classOf(object Object) class {
	switch o := object.(type) {
	case Settings:
		return classSettings
	case Rack:
		return classRack
	case Pool:
		return classPool
	case Node:
		return classNode
	case Router:
		if o.Role == Reflector {
			return classReflector
		}
		return classRouter
	case Tag:
		return classTag
	case Policy:
		return classPolicy
	}
	return classWorkload
}

// LossMost is how many of so many may go within Window without a person's word: a
// tenth, and three in any case.
func LossMost(total int) int { return max(3, total/10) }

// losses says what is too much of what would be gone, or nothing: more of one class than
// LossMost, the last of several, the last reflector, or the settings.
func (g *Guard) losses() string {
	lost := g.lost
	for c := range lost {
		if slices.Contains(g.Judged, classKinds[c]) {
			lost[c] = 0
		}
	}
	for _, d := range g.recent {
		if !slices.Contains(g.Judged, classKinds[d.class]) {
			lost[d.class]++
		}
	}
	for c, n := range lost {
		if n == 0 {
			continue
		}
		gone := n - g.lost[c] // counted among what was, not among what is
		if text := tooMuch(class(c), n, g.inventory.count(class(c))+gone); text != "" {
			return text
		}
	}
	return ""
}

func tooMuch(c class, lost, total int) string {
	switch {
	case c == classSettings:
		return "the settings are gone"
	case lost > LossMost(total):
		return fmt.Sprintf("%d of %d %s are gone", lost, total, classWords[c])
	case lost < total:
		return ""
	case c == classReflector || total > 1 && c != classWorkload:
		return fmt.Sprintf("no %s are left", classWords[c])
	}
	return ""
}

// Loss says whether the deletion of these objects would be too much at once; empty: it
// would not.
func (s *Snapshot) Loss(keys []Key) string {
	var lost, total [classes]int
	goes := make(map[Key]bool, len(keys))
	for _, key := range keys {
		goes[key] = true
	}
	for object := range s.Objects() {
		total[classOf(object)]++
		if goes[object.Key()] {
			lost[classOf(object)]++
		}
	}
	for c, n := range lost {
		if n == 0 {
			continue
		}
		if text := tooMuch(class(c), n, total[c]); text != "" {
			return text
		}
	}
	return ""
}

// count is how many there are of a class.
func (inv *Inventory) count(c class) (n int) {
	switch c {
	case classSettings:
		return len(inv.settings.rows)
	case classRack:
		return len(inv.racks.rows)
	case classPool:
		return len(inv.pools.rows)
	case classNode:
		return len(inv.nodes.rows)
	case classTag:
		return len(inv.tags.rows)
	case classPolicy:
		return len(inv.policies.rows)
	case classWorkload:
		for _, list := range inv.workloads.byNode.rows {
			n += len(list)
		}
		return n
	}
	for _, r := range inv.routers.rows {
		if classOf(r) == c {
			n++
		}
	}
	return n
}

// replaced says whether all that an object stands for is another's by now, so that it is
// not lost, but moved or renamed.
func (g *Guard) replaced(object Object) bool {
	inv := &g.inventory
	switch o := object.(type) {
	case Workload:
		for _, addr := range o.Addresses {
			if !slices.ContainsFunc(inv.workloads.byAddress[shard(addr)].rows[addr], func(w *Workload) bool { return g.stays(w.Key(), o.Key()) }) {
				return false
			}
		}
		return len(o.Addresses) > 0
	case Node:
		for _, other := range inv.nodes.rows {
			if g.stays(other.Key(), o.Key()) && slices.Equal(other.Addresses, o.Addresses) {
				return true
			}
		}
	case Router:
		for _, other := range inv.routers.rows {
			if g.stays(other.Key(), o.Key()) && slices.Equal(other.Addresses, o.Addresses) {
				return true
			}
		}
	case Pool:
		for _, other := range inv.pools.rows {
			if g.stays(other.Key(), o.Key()) && other.Prefix == o.Prefix {
				return true
			}
		}
	}
	return false
}

// stays says whether an object is another than the one that goes, and does not go itself.
func (g *Guard) stays(key, goes Key) bool {
	if key == goes {
		return false
	}
	w := g.withheld[key.Path()]
	return w == nil || w.Value != nil
}

// rivals are those withheld that an object may stand for.
func (g *Guard) rivals(object Object) (list []*Withheld) {
	if len(g.withheld) == 0 || object == nil {
		return nil
	}
	if o, ok := object.(Workload); ok {
		for _, addr := range o.Addresses {
			for _, owner := range g.inventory.workloads.byAddress[shard(addr)].rows[addr] {
				if w := g.withheld[owner.Key().Path()]; w != nil {
					list = append(list, w)
				}
			}
		}
		return list
	}
	kind := object.Key().Kind
	for _, w := range g.withheld {
		if w.Object.Key().Kind == kind {
			list = append(list, w)
		}
	}
	return list
}
