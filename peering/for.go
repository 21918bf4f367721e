package peering

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"heddle/bgp"
	"heddle/topology"
)

// Self is the speaker whose sessions are planned.
type Self struct {
	Name      string       // of our router object, if the inventory has one
	Addresses []netip.Addr // ours, as far as we know
	ASN       bgp.ASN
	HoldTime  time.Duration // offered unless the settings say otherwise
	Ranges    []Range       // of clients that need not be expected
}

// Problem is a wish of the fabric that no session can fulfil.
type Problem struct {
	Object string // as topology.Key prints it
	Text   string
}

// For plans the sessions of one reflector (DESIGN §6, the plan of the fabric):
//
//	with                     if                      kind         who dials
//	nodes                    we serve their rack     client       they
//	other reflectors         always                  non-client   both
//	ToRs                     we serve their rack     external     both
//	spines, border routers   always                  external     both
//
// There is a session per address. A reflector that the inventory does not know
// serves every rack, and so does one that names none; a node without a rack is
// everybody's.
func For(snapshot *topology.Snapshot, self Self, source Source) (*Plan, []Problem) {
	p := planner{self: self, source: source, families: bgp.FamiliesOf(bgp.Families[:]...), seen: map[netip.Addr]bool{}}
	p.hold, p.fabric = self.HoldTime, snapshot.Settings().ASN
	if t := snapshot.Settings().HoldTime; t != 0 {
		p.hold = t
	}
	p.anycast, p.bfd = anycast(snapshot), snapshot.Settings().BFD
	me, known := snapshot.Router(self.Name)
	if known && me.Role == topology.Reflector {
		p.serves = me.ServedRacks()
		p.own = append(p.own, me.Addresses...)
		p.ours = me.BFD
	}
	p.own = append(p.own, self.Addresses...)
	p.others = others(snapshot, self)
	for n := range snapshot.Nodes() {
		p.node(n)
	}
	for r := range snapshot.Routers() {
		if r.Name != self.Name {
			p.router(r)
		}
	}
	Sort(p.plan.Sessions)
	p.plan.Ranges = self.Ranges
	p.plan.Template = Session{
		Role: "host", Source: SourceRange, Kind: Client, RemoteASN: self.ASN, Passive: true, Keep: len(p.others) == 0, Families: p.families, AddPath: p.anycast, HoldTime: p.hold,
		BFD: bfd(topology.BFD{}, p.ours, p.bfd),
	}
	return &p.plan, p.problems
}

// ForHost plans the sessions of a node with the reflectors that serve it: the other end
// of what For plans for them. The node dials, from its address of the family, and takes
// several routes to a prefix where it is offered them. A node that the inventory does
// not know has no sessions, which is a problem.
func ForHost(snapshot *topology.Snapshot, node string, asn bgp.ASN, hold time.Duration, source Source) (*Plan, []Problem) {
	families := bgp.FamiliesOf(bgp.Families[:]...)
	p := planner{self: Self{ASN: asn, HoldTime: hold}, source: source, families: families, seen: map[netip.Addr]bool{}}
	p.hold, p.fabric = hold, snapshot.Settings().ASN
	if t := snapshot.Settings().HoldTime; t != 0 {
		p.hold = t
	}
	p.bfd = snapshot.Settings().BFD
	me, known := snapshot.Node(node)
	if !known {
		p.problem(topology.Key{Kind: topology.KindNode, Name: node}, "is not in the inventory, so that no reflector expects it: "+
			"apply it, or name the node as the inventory does with --node")
		return &p.plan, p.problems
	}
	for r := range snapshot.Routers() {
		if r.Role == topology.Reflector && serves(r.ServedRacks(), me.Rack) {
			p.reflectorOf(me, r)
		}
	}
	if len(p.plan.Sessions) == 0 {
		p.problem(me.Key(), "has no reflector: none of the inventory serves rack %q with an address of the families of the node", me.Rack)
	}
	Sort(p.plan.Sessions)
	return &p.plan, p.problems
}

// reflectorOf adds the sessions of a node with a reflector, one per address of a
// family that the node has an address of to call from.
func (p *planner) reflectorOf(me topology.Node, r topology.Router) {
	addresses := slices.DeleteFunc(slices.Clone(r.Addresses), func(a netip.Addr) bool {
		return !slices.ContainsFunc(me.Addresses, func(own netip.Addr) bool { return own.Is4() == a.Is4() })
	})
	p.add(r.Key(), addresses, Session{
		Name: r.Name, Role: r.Role.String(), Rack: r.Rack, Kind: NonClient, RemoteASN: p.self.ASN,
		AddPathTaken: p.families, PasswordFile: me.PasswordFile, Keep: true, BFD: bfd(me.BFD, r.BFD, p.bfd),
	})
}

type planner struct {
	self     Self
	fabric   bgp.ASN // by the settings; 0 if they name none
	source   Source
	own      []netip.Addr
	serves   []string // racks; empty: all
	hold     time.Duration
	families bgp.FamilySet
	anycast  bgp.FamilySet
	bfd      topology.BFD // of the settings
	ours     topology.BFD // of our own object
	others   [][]string   // racks that each other reflector serves; empty: all
	seen     map[netip.Addr]bool
	plan     Plan
	problems []Problem
}

// anycast is the families that have anycast pools: hosts and ToRs spread traffic to
// such an address over several hosts, if they hear of several.
func anycast(snapshot *topology.Snapshot) bgp.FamilySet {
	var set bgp.FamilySet
	for pool := range snapshot.Pools() {
		if pool.Anycast {
			set |= bgp.FamiliesOf(bgp.FamilyOf(pool.Prefix.Addr()))
		}
	}
	return set
}

// others is the racks that each other reflector serves.
func others(snapshot *topology.Snapshot, self Self) (list [][]string) {
	for r := range snapshot.Routers() {
		if r.Role == topology.Reflector && r.Name != self.Name {
			list = append(list, r.ServedRacks())
		}
	}
	return list
}

// alone says whether no other reflector has a session with a peer of a rack. While one
// has, the peer is better off without the routes of one that is away: some rank a route
// that is kept as high as one that is fresh.
func (p *planner) alone(rack string) bool {
	return !slices.ContainsFunc(p.others, func(racks []string) bool { return serves(racks, rack) })
}

func (p *planner) serving(rack string) bool { return serves(p.serves, rack) }

// serves says whether a reflector of these racks serves a rack.
func serves(racks []string, rack string) bool {
	return len(racks) == 0 || rack == "" || slices.Contains(racks, rack)
}

func (p *planner) node(n topology.Node) {
	if !p.serving(n.Rack) {
		return
	}
	p.add(n.Key(), n.Addresses, Session{
		Name: n.Name, Role: "host", Rack: n.Rack, Kind: Client, RemoteASN: p.self.ASN, Passive: true, AddPath: p.anycast, PasswordFile: n.PasswordFile, Keep: p.alone(n.Rack),
		BFD: bfd(n.BFD, p.ours, p.bfd),
	})
}

func (p *planner) router(r topology.Router) {
	s := Session{
		Name: r.Name, Role: r.Role.String(), Rack: r.Rack, Kind: External, RemoteASN: r.ASN, Keep: len(p.others) == 0,
		Hops: int(r.TTLSecurity), PasswordFile: r.PasswordFile, Exceptions: r.Exceptions,
		MaxRoutes: r.MaxRoutes, MaxRoutesRestart: r.RestartAfter(), BFD: bfd(r.BFD, p.ours, p.bfd),
	}
	switch r.Role {
	case topology.Reflector:
		s.Kind = NonClient
		if r.ASN != 0 && r.ASN != p.self.ASN {
			if p.fabric != 0 && p.fabric != r.ASN {
				return // the snapshot says so
			}
			p.problem(r.Key(), "is a reflector of AS %s and we are of AS %s: reflectors of one fabric share its AS; remove \"asn\" or correct it", r.ASN, p.self.ASN)
			return
		}
		s.RemoteASN, s.Keep = p.self.ASN, false
	case topology.ToR:
		if !p.serving(r.Rack) {
			return
		}
		s.Keep = p.alone(r.Rack)
		s.AddPath = p.anycast
	}
	if s.Kind == External && r.ASN == p.self.ASN {
		if p.fabric == r.ASN {
			return // the snapshot says so
		}
		p.problem(r.Key(), "has our AS %s: sessions with a %s are eBGP; give it an AS of its own", r.ASN, r.Role)
		return
	}
	p.add(r.Key(), r.Addresses, s)
}

func (p *planner) add(key topology.Key, addresses []netip.Addr, s Session) {
	for _, addr := range addresses {
		switch {
		case slices.Contains(p.own, addr):
			p.problem(key, "has our own address %s: name this reflector %q with --name, or correct the address", addr, key.Name)
			continue
		case p.seen[addr]:
			continue // two objects with one address: the snapshot says so
		}
		p.seen[addr] = true
		s.Remote, s.Source, s.Families, s.HoldTime = addr, p.source, p.families, p.hold
		p.plan.Sessions = append(p.plan.Sessions, s)
	}
}

func (p *planner) problem(key topology.Key, format string, args ...any) {
	p.problems = append(p.problems, Problem{key.String(), fmt.Sprintf(format, args...)})
}

// Merge adds to a plan the sessions of another with peers that it does not have.
// Ranges and template stay those of the first.
func Merge(first, second *Plan) *Plan {
	merged := *first
	merged.Sessions = slices.Clone(first.Sessions)
	for _, s := range second.Sessions {
		if _, have := first.Find(s.Remote); !have {
			merged.Sessions = append(merged.Sessions, s)
		}
	}
	Sort(merged.Sessions)
	return &merged
}
