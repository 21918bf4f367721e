package topology

import (
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"slices"
)

// Snapshot is the fabric at one revision of the datastore. It never changes and
// may be read by any number of goroutines; what its methods give must not be
// modified. Iteration is in the order of names.
type Snapshot struct {
	revision  int64
	settings  map[string]Settings
	racks     map[string]Rack // those with a key of their own
	rackNames map[string]bool // those that anything names
	pools     map[string]Pool
	nodes     map[string]Node
	routers   map[string]Router
	tags      map[string]Tag
	policies  map[string]Policy
	byNode    map[string][]*Workload
	byAddress [256]map[netip.Addr][]*Workload

	speakers  map[netip.Addr][]Key // who claims an address that sessions or next hops use
	ranges    ranges
	summaries summaries
	wiring    []Problem      // those of the above, but for workloads, tags and policies
	homed     map[string]int // addresses of workloads by home, where a rack has a budget
	problems  []Problem
}

// Revision of the datastore at which the snapshot last changed.
func (s *Snapshot) Revision() int64 { return s.revision }

// Problems lists what a person should mend, sorted by object and text.
func (s *Snapshot) Problems() []Problem { return s.problems }

// Settings are those of the fabric, or DefaultSettings where there are none.
func (s *Snapshot) Settings() Settings {
	if settings, ok := s.settings[""]; ok {
		return settings
	}
	return DefaultSettings()
}

// HasSettings says whether the settings key exists. Where it vanished, the
// inventory is suspect as a whole.
func (s *Snapshot) HasSettings() bool { return len(s.settings) > 0 }

// Rack gives a rack that anything names.
func (s *Snapshot) Rack(name string) (Rack, bool) {
	if rack, ok := s.racks[name]; ok {
		return rack, true
	}
	return Rack{Name: name}, s.rackNames[name]
}

// Racks yields every rack that anything names.
func (s *Snapshot) Racks() iter.Seq[Rack] {
	return func(yield func(Rack) bool) {
		for _, name := range slices.Sorted(maps.Keys(s.rackNames)) {
			if rack, _ := s.Rack(name); !yield(rack) {
				return
			}
		}
	}
}

// Pool gives a pool by name.
func (s *Snapshot) Pool(name string) (Pool, bool) {
	pool, ok := s.pools[name]
	return pool, ok
}

// Pools yields every pool.
func (s *Snapshot) Pools() iter.Seq[Pool] { return inOrder(s.pools) }

// PoolOf gives the pool an address is numbered from: of those that contain it the
// one with the longest prefix.
func (s *Snapshot) PoolOf(addr netip.Addr) (Pool, bool) {
	name, ok := s.ranges.find(addr)
	return s.pools[name], ok
}

// Node gives a node by name.
func (s *Snapshot) Node(name string) (Node, bool) {
	node, ok := s.nodes[name]
	return node, ok
}

// Nodes yields every node.
func (s *Snapshot) Nodes() iter.Seq[Node] { return inOrder(s.nodes) }

// NodeByAddress gives the node that has an address. Where two claim it, which is
// a problem, it is the one whose name sorts first.
func (s *Snapshot) NodeByAddress(addr netip.Addr) (Node, bool) {
	for _, key := range s.speakers[addr] {
		if key.Kind == KindNode {
			return s.Node(key.Name)
		}
	}
	return Node{}, false
}

// Router gives a router by name.
func (s *Snapshot) Router(name string) (Router, bool) {
	router, ok := s.routers[name]
	return router, ok
}

// Routers yields every router.
func (s *Snapshot) Routers() iter.Seq[Router] { return inOrder(s.routers) }

// RouterByAddress gives the router that has an address, as NodeByAddress does.
func (s *Snapshot) RouterByAddress(addr netip.Addr) (Router, bool) {
	for _, key := range s.speakers[addr] {
		if key.Kind == KindRouter {
			return s.Router(key.Name)
		}
	}
	return Router{}, false
}

// Tag gives a tag by name.
func (s *Snapshot) Tag(name string) (Tag, bool) {
	tag, ok := s.tags[name]
	return tag, ok
}

// Tags yields every tag that has a number.
func (s *Snapshot) Tags() iter.Seq[Tag] { return inOrder(s.tags) }

// Policy gives a policy by name.
func (s *Snapshot) Policy(name string) (Policy, bool) {
	policy, ok := s.policies[name]
	return policy, ok
}

// Policies yields every policy.
func (s *Snapshot) Policies() iter.Seq[Policy] { return inOrder(s.policies) }

// Workload gives a workload by node and name.
func (s *Snapshot) Workload(node, name string) (Workload, bool) {
	if w, ok := findByName(s.byNode[node], name); ok {
		return *w, true
	}
	return Workload{}, false
}

// Workloads yields every workload, by node, then name.
func (s *Snapshot) Workloads() iter.Seq[Workload] {
	return func(yield func(Workload) bool) {
		for list := range inOrder(s.byNode) {
			for _, w := range list {
				if !yield(*w) {
					return
				}
			}
		}
	}
}

// WorkloadsOn yields the workloads of a node.
func (s *Snapshot) WorkloadsOn(node string) iter.Seq[Workload] {
	return values(s.byNode[node])
}

// WorkloadsAt yields the workloads that have an address: several while one moves,
// in an anycast pool, or by mistake. It costs one look-up.
func (s *Snapshot) WorkloadsAt(addr netip.Addr) iter.Seq[Workload] {
	return values(s.byAddress[shard(addr)][addr])
}

func values(list []*Workload) iter.Seq[Workload] {
	return func(yield func(Workload) bool) {
		for _, w := range list {
			if !yield(*w) {
				return
			}
		}
	}
}

// Objects yields everything that has a key, in the order of Key.Compare. Encoded,
// it is what another inventory needs to give an equal snapshot.
func (s *Snapshot) Objects() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		_ = each(inOrder(s.settings), yield) &&
			each(inOrder(s.racks), yield) &&
			each(inOrder(s.pools), yield) &&
			each(inOrder(s.nodes), yield) &&
			each(inOrder(s.routers), yield) &&
			each(inOrder(s.tags), yield) &&
			each(inOrder(s.policies), yield) &&
			each(s.Workloads(), yield)
	}
}

func each[T Object](rows iter.Seq[T], yield func(Object) bool) bool {
	for row := range rows {
		if !yield(row) {
			return false
		}
	}
	return true
}

// ranges finds the pool of an address: one look-up per length of prefix in use,
// longest first.
type ranges struct {
	names   map[netip.Prefix]string
	lengths []netip.Prefix // one of each length and family, for its Bits
}

func indexRanges(pools map[string]Pool) ranges {
	index := ranges{names: make(map[netip.Prefix]string, len(pools))}
	for pool := range inOrder(pools) {
		if _, taken := index.names[pool.Prefix]; taken {
			continue // the first by name has it, and Problems says so
		}
		index.names[pool.Prefix] = pool.Name
		index.lengths = append(index.lengths, pool.Prefix)
	}
	byLength := func(a, b netip.Prefix) int {
		return cmp.Or(cmp.Compare(b.Bits(), a.Bits()), cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen()))
	}
	slices.SortFunc(index.lengths, byLength)
	index.lengths = slices.CompactFunc(index.lengths, func(a, b netip.Prefix) bool { return byLength(a, b) == 0 })
	return index
}

func (r ranges) find(addr netip.Addr) (name string, ok bool) {
	for name = range r.around(addr) {
		return name, true
	}
	return "", false
}

// around gives the pools that contain an address, the longest prefix first.
func (r ranges) around(addr netip.Addr) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, length := range r.lengths {
			if length.Addr().Is4() != addr.Is4() {
				continue
			}
			prefix, _ := addr.Prefix(length.Bits())
			if name, ok := r.names[prefix]; ok && !yield(name) {
				return
			}
		}
	}
}

// indexSpeakers finds who claims the addresses of sessions and next hops, in the
// order of Key.Compare.
func indexSpeakers(s *Snapshot) map[netip.Addr][]Key {
	index := make(map[netip.Addr][]Key, len(s.nodes)+len(s.routers))
	claim := func(key Key, addresses []netip.Addr) {
		for _, addr := range addresses {
			index[addr] = append(index[addr], key)
		}
	}
	claim(Key{Kind: KindSettings}, s.Settings().Discard)
	for node := range s.Nodes() {
		claim(node.Key(), node.Addresses)
	}
	for router := range s.Routers() {
		claim(router.Key(), router.Addresses)
	}
	return index
}

func nameRacks(s *Snapshot) map[string]bool {
	names := make(map[string]bool)
	for name := range s.racks {
		names[name] = true
	}
	for _, pool := range s.pools {
		names[pool.Rack] = true
	}
	for _, node := range s.nodes {
		names[node.Rack] = true
	}
	for _, router := range s.routers {
		names[router.Rack] = true
		for _, name := range router.Serves {
			names[name] = true
		}
	}
	delete(names, "")
	return names
}
