package summarize

import (
	"net/netip"

	"github.com/gaissmai/bart"

	"heddle/bgp"
	"heddle/topology"
)

// Map is the inventory as routes are judged by it. It never changes.
type Map struct {
	snapshot *topology.Snapshot
	pools    bart.Table[Pool]
	list     []PoolInfo // by Pool
	hosts    map[netip.Addr]Host
	anycast  bool // some pool is

	ownership topology.Ownership
}

// Pool numbers a pool within one Map; 0 is none.
type Pool uint16

// PoolInfo is what a Map knows of a pool.
type PoolInfo struct {
	Name   string
	Prefix netip.Prefix
	Home   Rack
	Flags  PoolFlags
}

// Host is a node as a next hop leads to it.
type Host struct {
	Node     string
	Rack     Rack
	Families bgp.FamilySet // of which it has addresses
}

// poolsMost is how many pools a Map can tell apart; the addresses of those beyond
// belong nowhere, and so are exceptions.
const poolsMost = 1<<16 - 1

// Compile makes the map of a snapshot. A snapshot without nodes and pools gives a Blank
// map. An ownership that is set takes the place of the settings'.
func Compile(s *topology.Snapshot, names *Names, ownership topology.Ownership) *Map {
	m := &Map{snapshot: s, list: make([]PoolInfo, 1), hosts: map[netip.Addr]Host{}, ownership: ownership}
	if ownership == topology.OwnershipUnset {
		m.ownership = s.Settings().Ownership
	}
	for pool := range s.Pools() {
		if _, taken := m.pools.Get(pool.Prefix); taken || len(m.list) > poolsMost {
			continue // the first by name has it, and the snapshot's problems say so
		}
		info := PoolInfo{Name: pool.Name, Prefix: pool.Prefix, Home: names.ID(pool.Rack), Flags: flagsOf(s, pool)}
		m.pools.Insert(pool.Prefix, Pool(len(m.list)))
		m.list = append(m.list, info)
		m.anycast = m.anycast || pool.Anycast
	}
	for node := range s.Nodes() {
		host := Host{Node: node.Name, Rack: names.ID(node.Rack)}
		for _, addr := range node.Addresses {
			host.Families |= bgp.FamiliesOf(bgp.FamilyOf(addr))
		}
		for _, addr := range node.Addresses {
			if _, taken := m.hosts[addr]; !taken {
				m.hosts[addr] = host
			}
		}
	}
	return m
}

func flagsOf(s *topology.Snapshot, pool topology.Pool) PoolFlags {
	flags := InPool
	for flag, set := range map[PoolFlags]bool{Summarized: s.Summarized(pool), Public: pool.Public, Anycast: pool.Anycast} {
		if set {
			flags |= flag
		}
	}
	return flags
}

// Blank says that the map tells nothing about any route: then nothing need be asked.
func (m *Map) Blank() bool { return len(m.list) == 1 && len(m.hosts) == 0 }

// Ownership says what becomes of ghosts.
func (m *Map) Ownership() topology.Ownership { return m.ownership }

// HasAnycast says whether any pool is anycast.
func (m *Map) HasAnycast() bool { return m.anycast }

// Snapshot is what the map was compiled from.
func (m *Map) Snapshot() *topology.Snapshot { return m.snapshot }

// PoolOf is the pool that holds a whole prefix, of several the longest; 0 if none
// does.
func (m *Map) PoolOf(prefix netip.Prefix) Pool {
	if prefix.IsSingleIP() {
		pool, _ := m.pools.Lookup(prefix.Addr())
		return pool
	}
	pool, _ := m.pools.LookupPrefix(prefix)
	return pool
}

// Info describes a pool; of 0 it is the zero value.
func (m *Map) Info(p Pool) *PoolInfo { return &m.list[p] }

// Pools yields all pools.
func (m *Map) Pools(yield func(Pool, *PoolInfo) bool) {
	for i := 1; i < len(m.list); i++ {
		if !yield(Pool(i), &m.list[i]) {
			return
		}
	}
}

// HostAt is the node that has an address.
func (m *Map) HostAt(addr netip.Addr) (Host, bool) {
	host, ok := m.hosts[addr]
	return host, ok
}

// Place puts together where a pool's address belongs and the rack it is in.
func (m *Map) Place(p Pool, now Rack) Place {
	info := &m.list[p]
	return Place{Home: info.Home, Now: now, Pool: info.Flags}
}

// Claim is what the inventory says about a node and an address.
type Claim uint8

// The claims.
const (
	ClaimNone     Claim = iota // no workload of the node has the address
	ClaimLeaving               // one that is about to leave has: it is served, and no evidence
	ClaimPrepared              // one that is about to arrive has
	ClaimLive                  // one that runs there has
)

// Claim says whether a workload of the node has the address.
func (m *Map) Claim(node string, addr netip.Addr) Claim {
	claim := ClaimNone
	for w := range m.snapshot.WorkloadsAt(addr) {
		switch {
		case w.Node != node:
		case w.State == topology.Live:
			return ClaimLive
		case w.State == topology.Leaving:
			claim = max(claim, ClaimLeaving)
		default:
			claim = ClaimPrepared
		}
	}
	return claim
}

// Nothing is the map of an empty inventory.
func Nothing() *Map {
	return Compile(new(topology.Inventory).Snapshot(), new(Names), topology.OwnershipUnset)
}

// PoolAt is the pool with exactly this prefix.
func (m *Map) PoolAt(prefix netip.Prefix) (Pool, bool) { return m.pools.Get(prefix) }

// Elevated says whether a LOCAL_PREF is that of a live migration.
func (m *Map) Elevated(localPref uint32) bool { return m.snapshot.Settings().Elevated(localPref) }
