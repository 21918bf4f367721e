package topology

import (
	"iter"
	"reflect"
	"slices"
	"strings"
)

// Change is one key of the datastore as it is now.
type Change struct {
	Path string
	// Value as it was written; nil: the key is gone.
	Value []byte
	// Revision of the datastore that made it so; 0: it is not known.
	Revision int64
}

// Batch is a difference in the datastore.
type Batch struct {
	// Complete marks a batch that holds all there is: whatever was held before and is
	// not found in it is gone.
	Complete bool
	// Restored: the datastore is not the one that was followed so far, or went back in
	// time, as a backup that is restored does.
	Restored bool
	// Cluster is the ID of the datastore; 0: it is not known.
	Cluster uint64
	// Revision of the datastore that the batch reaches.
	Revision int64
	// Changes are at most one per path, sorted by path; of AcceptedPath all, in order.
	Changes []Change
}

// Inventory turns changes into snapshots. It has one owner: its methods are not
// safe for concurrent use, the snapshots it gives are. The zero value is empty
// and ready.
type Inventory struct {
	revision  int64
	settings  table[string, Settings] // the one row is named ""
	racks     table[string, Rack]
	pools     table[string, Pool]
	nodes     table[string, Node]
	routers   table[string, Router]
	tags      table[string, Tag]
	policies  table[string, Policy]
	workloads workloads
	faults    map[string][]Problem // what is wrong with a value, by path

	latest *Snapshot
	stale  bool // latest is not what Snapshot would give
}

// Apply takes changes, the later of two of one path last. Revision is that of the
// datastore after them. Only what changed is decoded.
//
// A value that cannot be used becomes a Problem and leaves the last good one of
// its key in force, so that a slip of the hand does not remove a node. A deleted
// key takes its object and its problems along.
func (inv *Inventory) Apply(revision int64, changes []Change) {
	for _, change := range changes {
		if inv.apply(change) {
			inv.stale = true
		}
	}
	inv.revision = revision
}

// ChangesOf writes objects as the datastore would have them.
func ChangesOf(objects iter.Seq[Object]) (changes []Change) {
	for object := range objects {
		path, value := Encode(object)
		changes = append(changes, Change{Path: path, Value: value})
	}
	return changes
}

// Replace makes changes the whole of the inventory: a path that is not among them
// is deleted. It serves where a complete list follows what was held before, such
// as an inventory from disk.
func (inv *Inventory) Replace(revision int64, changes []Change) {
	gone := inv.without(changes)
	// What is new comes first: at no step is an address without its workload
	// because the key of the workload was renamed.
	inv.Apply(revision, changes)
	inv.Apply(revision, gone)
}

// without are the deletions of all that is held or blamed, and not among changes.
func (inv *Inventory) without(changes []Change) (gone []Change) {
	present := make(map[string]bool, len(changes))
	for _, change := range changes {
		present[change.Path] = true
	}
	for object := range inv.Snapshot().Objects() {
		if path := object.Key().Path(); !present[path] {
			gone = append(gone, Change{Path: path})
		}
	}
	for path := range inv.faults {
		if !present[path] {
			gone = append(gone, Change{Path: path})
		}
	}
	return gone
}

// apply takes one change and says whether a snapshot could tell.
func (inv *Inventory) apply(change Change) (changed bool) {
	path := change.Path
	key, err := ParseKey(path)
	switch {
	case path == AcceptedPath:
		return false // it is said to a Guard
	case err != nil && change.Value == nil:
		return inv.blame(path, nil)
	case err != nil:
		return inv.blame(path, []Problem{{Object: path, Text: err.Error()}})
	case change.Value == nil:
		_, held := inv.find(key)
		inv.remove(key)
		return inv.blame(path, nil) || held
	}
	object, faults := Decode(key, change.Value)
	held, known := inv.find(key)
	if object != nil && !(known && reflect.DeepEqual(held, object)) {
		inv.put(object)
		changed = true
	}
	return inv.blame(path, problemsOf(key, faults, object != nil, known)) || changed
}

// blame records the problems of a path and says whether they are others than
// before.
func (inv *Inventory) blame(path string, problems []Problem) (changed bool) {
	if slices.Equal(inv.faults[path], problems) {
		return false
	}
	if inv.faults == nil {
		inv.faults = make(map[string][]Problem)
	}
	inv.faults[path] = problems
	if len(problems) == 0 {
		delete(inv.faults, path)
	}
	return true
}

// problemsOf words the faults of a value, with what follows from them.
func problemsOf(key Key, faults []Fault, usable, known bool) []Problem {
	var problems []Problem
	for _, fault := range faults {
		text := fault.String()
		switch {
		case fault.Unknown:
			text += " (ignored)"
		case usable:
		case known:
			text += " (the last good value stays in force)"
		default:
			text += " (no good value is known: the object does not exist until then)"
		}
		problems = append(problems, Problem{Object: key.String(), Text: text})
	}
	return problems
}

func (inv *Inventory) find(key Key) (object Object, found bool) {
	switch key.Kind {
	case KindSettings:
		return lookup(inv.settings, key.Name)
	case KindRack:
		return lookup(inv.racks, key.Name)
	case KindPool:
		return lookup(inv.pools, key.Name)
	case KindNode:
		return lookup(inv.nodes, key.Name)
	case KindRouter:
		return lookup(inv.routers, key.Name)
	case KindTag:
		return lookup(inv.tags, key.Name)
	case KindPolicy:
		return lookup(inv.policies, key.Name)
	case KindWorkload:
		node, name, _ := strings.Cut(key.Name, "/")
		if w, ok := inv.workloads.find(node, name); ok {
			return *w, true
		}
	}
	return nil, false
}

func lookup[T Object](t table[string, T], name string) (Object, bool) {
	row, ok := t.rows[name]
	return row, ok
}

func (inv *Inventory) put(object Object) {
	switch o := object.(type) {
	case Settings:
		inv.settings.set("", o)
	case Rack:
		inv.racks.set(o.Name, o)
	case Pool:
		inv.pools.set(o.Name, o)
	case Node:
		inv.nodes.set(o.Name, o)
	case Router:
		inv.routers.set(o.Name, o)
	case Tag:
		inv.tags.set(o.Name, o)
	case Policy:
		inv.policies.set(o.Name, o)
	case Workload:
		inv.workloads.set(&o)
	}
}

func (inv *Inventory) remove(key Key) {
	switch key.Kind {
	case KindSettings:
		inv.settings.remove(key.Name)
	case KindRack:
		inv.racks.remove(key.Name)
	case KindPool:
		inv.pools.remove(key.Name)
	case KindNode:
		inv.nodes.remove(key.Name)
	case KindRouter:
		inv.routers.remove(key.Name)
	case KindTag:
		inv.tags.remove(key.Name)
	case KindPolicy:
		inv.policies.remove(key.Name)
	case KindWorkload:
		node, name, _ := strings.Cut(key.Name, "/")
		inv.workloads.remove(node, name)
	}
}

// Snapshot is the inventory as it is now. As long as nothing changes it is the
// same pointer.
func (inv *Inventory) Snapshot() *Snapshot {
	if inv.latest == nil || inv.stale {
		inv.latest = inv.build(inv.latest)
		inv.stale = false
	}
	return inv.latest
}

// build shares with the previous snapshot all that did not change since.
func (inv *Inventory) build(previous *Snapshot) *Snapshot {
	if previous == nil {
		previous = new(Snapshot)
	}
	s := &Snapshot{
		revision: inv.revision, speakers: previous.speakers, ranges: previous.ranges, summaries: previous.summaries,
	}
	var settings, racks, pools, nodes, routers bool
	s.settings, settings = inv.settings.share()
	s.racks, racks = inv.racks.share()
	s.pools, pools = inv.pools.share()
	s.nodes, nodes = inv.nodes.share()
	s.routers, routers = inv.routers.share()
	s.tags, _ = inv.tags.share()
	s.policies, _ = inv.policies.share()
	s.byNode, _ = inv.workloads.byNode.share()
	for i := range s.byAddress {
		s.byAddress[i], _ = inv.workloads.byAddress[i].share()
	}
	if settings || nodes || routers {
		s.speakers = indexSpeakers(s)
	}
	if pools {
		s.ranges = indexRanges(s.pools)
	}
	if settings || racks || pools {
		s.summaries = findSummaries(s)
	}
	s.rackNames = previous.rackNames
	if racks || pools || nodes || routers {
		s.rackNames = nameRacks(s)
	}
	s.homed = s.countHomes(previous, racks || pools)
	s.wiring = previous.wiring
	if settings || racks || pools || nodes || routers {
		s.wiring = findWiring(s)
	}
	s.problems = inv.problems(s)
	return s
}
