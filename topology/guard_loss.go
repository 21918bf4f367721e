package topology

import (
	"fmt"
	"net/netip"
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
// would not. Workloads that moved are no loss.
func (s *Snapshot) Loss(keys []Key) string {
	var lost, total [classes]int
	goes := make(map[Key]bool, len(keys))
	for _, key := range keys {
		goes[key] = true
	}
	for object := range s.Objects() {
		total[classOf(object)]++
		if w, ok := object.(Workload); goes[object.Key()] && !(ok && s.moved(w, goes)) {
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

// moved says whether all addresses of a workload are another's that does not go itself,
// as replaced does of one that is withheld.
func (s *Snapshot) moved(w Workload, goes map[Key]bool) bool {
	for _, addr := range w.Addresses {
		pool, _ := s.PoolOf(addr)
		heir := func(other Workload) bool {
			return !goes[other.Key()] && inherits(other.State, w.State) && (!pool.Anycast || other.Node == w.Node)
		}
		if !slices.ContainsFunc(slices.Collect(s.WorkloadsAt(addr)), heir) {
			return false
		}
	}
	return true
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

// inherits says whether a workload in a state can stand for one in another: what is
// prepared owns nothing yet, and is the heir of none but its like.
func inherits(heir, from State) bool { return from == Prepared || heir != Prepared }

// replaced says whether all that an object stands for is another's by now, so that it is
// not lost, but moved or renamed.
func (g *Guard) replaced(object Object) bool {
	stays := func(key Key) bool { return g.stays(key, object.Key()) }
	if o, ok := object.(Workload); ok {
		heir := func(other *Workload) bool { return stays(other.Key()) && inherits(other.State, o.State) }
		return !slices.ContainsFunc(o.Addresses, func(addr netip.Addr) bool {
			return !slices.ContainsFunc(g.inventory.owners(addr, o.Node), heir)
		})
	}
	return slices.ContainsFunc(g.inventory.twins(object, contains), stays)
}

// owners are the workloads that an address can pass from or to when one on a node gets
// it or goes: of an anycast address, which is everybody's, those on the same node.
func (inv *Inventory) owners(addr netip.Addr, node string) (owners []*Workload) {
	list := inv.workloads.byAddress[shard(addr)].rows[addr]
	shared := len(list) > 1 && inv.anycast(addr)
	for _, w := range list {
		if !shared || w.Node == node {
			owners = append(owners, w)
		}
	}
	return owners
}

// anycast says whether several hosts may have an address.
func (inv *Inventory) anycast(addr netip.Addr) bool {
	var longest Pool
	for _, p := range inv.pools.rows {
		if p.Prefix.Contains(addr) && (!longest.Prefix.IsValid() || p.Prefix.Bits() > longest.Prefix.Bits()) {
			longest = p
		}
	}
	return longest.Anycast
}

// twins are the objects that stand for the same as an object that is no workload, itself
// among them: pools with its prefix, nodes and routers that have addresses as it has.
func (inv *Inventory) twins(object Object, have func(theirs, its []netip.Addr) bool) (keys []Key) {
	switch o := object.(type) {
	case Node:
		return keysOf(inv.nodes, func(other Node) bool { return have(other.Addresses, o.Addresses) })
	case Router:
		return keysOf(inv.routers, func(other Router) bool { return have(other.Addresses, o.Addresses) })
	case Pool:
		return keysOf(inv.pools, func(other Pool) bool { return other.Prefix == o.Prefix })
	}
	return nil
}

// contains says whether all of some addresses are among others: who is renamed may get
// an address more.
func contains(all, some []netip.Addr) bool {
	return !slices.ContainsFunc(some, func(addr netip.Addr) bool { return !slices.Contains(all, addr) })
}

// within is contains, read from the other side.
func within(some, all []netip.Addr) bool { return contains(all, some) }

// taken says whether what must be one object's alone in what comes is another's: an
// address of a speaker, or a number. Of two nodes with one address the first by
// name is the speaker, and the routes of the other would be judged as its.
func (inv *Inventory) taken(object Object) bool {
	switch o := object.(type) {
	case Node:
		return inv.speaks(o.Addresses)
	case Router:
		return inv.speaks(o.Addresses)
	case Tag:
		return len(keysOf(inv.tags, func(other Tag) bool { return other.ID == o.ID })) > 0
	}
	return false
}

// decides says whether an object is about others, from which it takes something by being
// there: a home, a right, a session.
func decides(object Object) bool {
	switch object.(type) {
	case Settings, Pool, Policy:
		return true
	}
	return false
}

// speaks says whether a node or router has one of these addresses.
func (inv *Inventory) speaks(addresses []netip.Addr) bool {
	has := func(theirs []netip.Addr) bool {
		return slices.ContainsFunc(theirs, func(addr netip.Addr) bool { return slices.Contains(addresses, addr) })
	}
	return len(keysOf(inv.nodes, func(n Node) bool { return has(n.Addresses) })) > 0 ||
		len(keysOf(inv.routers, func(r Router) bool { return has(r.Addresses) })) > 0
}

func keysOf[T Object](t table[string, T], as func(T) bool) (keys []Key) {
	for _, row := range t.rows {
		if as(row) {
			keys = append(keys, row.Key())
		}
	}
	return keys
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
	keys := g.inventory.twins(object, within)
	if o, ok := object.(Workload); ok {
		for _, addr := range o.Addresses {
			for _, w := range g.inventory.owners(addr, o.Node) {
				keys = append(keys, w.Key())
			}
		}
	}
	for _, key := range keys {
		if w := g.withheld[key.Path()]; w != nil {
			list = append(list, w)
		}
	}
	return list
}
