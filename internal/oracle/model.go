package oracle

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"
)

// Peer is one session of the reflector under test.
type Peer struct {
	Name       string
	Client     bool   // else a non-client, unless it has a role
	Role       string // of an external peer: tor, spine, border
	Rack       string // as the session was planned
	Near       string // of a client: the rack whose ToRs' routes it hears
	Exceptions bool   // a border that asked for them
	AddPath    bool
	LongLived  bool // speaks RFC 9494
	RouterID   uint32
	Address    netip.Addr
	IPv4       bool // families negotiated
	IPv6       bool
}

// External says whether the session is eBGP.
func (p Peer) External() bool { return p.Role != "" }

// Model knows what every peer said last, what the inventory says, and the time.
type Model struct {
	ASN      uint32
	RouterID uint32
	Cluster  uint32
	Now      time.Time
	Fabric   *Fabric

	peers     map[string]Peer
	said      map[netip.Prefix]map[string]*path
	summaries map[netip.Prefix]time.Time // that exist; not zero: they cease then
}

// NewModel returns a reflector that has heard nothing.
func NewModel(asn, routerID, cluster uint32) *Model {
	return &Model{
		ASN: asn, RouterID: routerID, Cluster: cluster, Fabric: &Fabric{}, peers: map[string]Peer{},
		said: map[netip.Prefix]map[string]*path{}, summaries: map[netip.Prefix]time.Time{},
	}
}

// Up adds a session.
func (m *Model) Up(p Peer) { m.peers[p.Name] = p }

// Down removes a session and all it said.
func (m *Model) Down(name string) {
	delete(m.peers, name)
	for _, by := range m.said {
		delete(by, name)
	}
}

// Announce notes what a peer says of a prefix. A loop is a withdrawal (RFC 4456 §8).
func (m *Model) Announce(name string, prefix netip.Prefix, route Route) {
	if m.loops(route) {
		m.Withdraw(name, prefix)
		return
	}
	if m.said[prefix] == nil {
		m.said[prefix] = map[string]*path{}
	}
	m.said[prefix][name] = m.judge(m.peers[name], prefix, route, m.said[prefix][name])
}

// Withdraw notes that a peer takes a prefix back.
func (m *Model) Withdraw(name string, prefix netip.Prefix) { delete(m.said[prefix], name) }

// Forget is Withdraw for all prefixes for which keep is false.
func (m *Model) Forget(name string, keep func(netip.Prefix) bool) {
	for prefix, by := range m.said {
		if _, ok := by[name]; ok && !keep(prefix) {
			delete(by, name)
		}
	}
}

// Doubt makes all that a peer said of a family stale.
func (m *Model) Doubt(name string, four bool) {
	for prefix, by := range m.said {
		if p := by[name]; p != nil && prefix.Addr().Is4() == four {
			p.stale = true
		}
	}
}

// Follow puts another inventory in force.
func (m *Model) Follow(f *Fabric) {
	m.Fabric = f
	for prefix, by := range m.said {
		for name, had := range by {
			p := m.judge(had.from, prefix, had.raw, had)
			p.stale = had.stale
			by[name] = p
		}
	}
}

// Observe is told whenever peers are: summaries and disowned paths come and go then.
func (m *Model) Observe() {
	for _, by := range m.said {
		for _, p := range by {
			if !p.last.IsZero() && !m.Now.Before(p.last) {
				p.refused, p.last = true, time.Time{}
			}
		}
	}
	contributing := map[netip.Prefix]bool{}
	for prefix := range m.said {
		pool, ok := m.Fabric.pool(prefix)
		if !ok || !m.Fabric.summarized(pool) {
			continue
		}
		for _, p := range m.contributors(prefix, pool) {
			kept, here := restricted(p.route)
			if p.from.Name != "" && !kept && !here && !m.outside(p) && (pool.Public || m.now(p) == pool.Rack) {
				contributing[pool.Prefix] = true
			}
		}
	}
	for prefix := range contributing {
		m.summaries[prefix] = time.Time{}
	}
	for prefix, until := range m.summaries {
		pool, ok := m.Fabric.pool(prefix)
		kept := ok && pool.Prefix == prefix && m.Fabric.summarized(pool)
		switch {
		case contributing[prefix]:
		case !kept, !until.IsZero() && !m.Now.Before(until):
			delete(m.summaries, prefix)
		case until.IsZero():
			m.summaries[prefix] = m.Now.Add(HoldDown)
		}
	}
}

// contributors are the paths that may keep a summary alive: the best, or all where
// listeners choose for themselves.
func (m *Model) contributors(prefix netip.Prefix, pool Pool) []*path {
	list := slices.DeleteFunc(m.usable(prefix), func(p *path) bool { return p.from.Name == "" })
	if pool.Anycast || m.mixed(list) {
		return list
	}
	if best := m.best(prefix, list); best != nil {
		return []*path{best}
	}
	return nil
}

func (m *Model) loops(route Route) bool {
	if id, ok := route.Attr(9); ok && binary.BigEndian.Uint32(id) == m.RouterID {
		return true
	}
	clusters, _ := route.Attr(10)
	for ; len(clusters) > 0; clusters = clusters[4:] {
		if binary.BigEndian.Uint32(clusters) == m.Cluster {
			return true
		}
	}
	path, _ := route.Attr(2)
	for _, s := range segments(path) {
		for _, asn := range s.asns {
			if asn == m.ASN {
				return true
			}
		}
	}
	return false
}

// usable lists the paths of a prefix that may be told, a summary of ours among them.
func (m *Model) usable(prefix netip.Prefix) []*path {
	var list []*path
	for _, p := range m.said[prefix] {
		if !p.refused {
			list = append(list, p)
		}
	}
	if _, ok := m.summaries[prefix]; ok {
		list = append(list, &path{route: Plain(m.Fabric.Discard[prefix.Addr().Is4()])})
	}
	return list
}

// mixed says whether paths are meant for different parts of the fabric.
func (m *Model) mixed(list []*path) bool {
	scope := func(p *path) string {
		switch {
		case p.from.Name == "":
			return "ourselves"
		case p.from.Role == "tor":
			return "rack " + p.from.Rack
		}
		return ""
	}
	for _, p := range list {
		if scope(p) != scope(list[0]) {
			return true
		}
	}
	return false
}

// best returns the path that wins.
func (m *Model) best(prefix netip.Prefix, list []*path) *path {
	var left []candidate
	for _, p := range list {
		left = append(left, m.candidate(p.from, p.route))
		left[len(left)-1].path = p
	}
	if len(left) == 0 {
		return nil
	}
	pool, _ := m.Fabric.pool(prefix)
	evidence := len(list) > 1 && single(prefix) && !pool.Anycast && !m.Fabric.blank()
	left = keepLeast(left, func(c candidate) int64 { return yes(has(c.route, longLivedStale)) })
	left = keepLeast(left, func(c candidate) int64 { return yes(!c.path.last.IsZero()) })
	if evidence {
		left = keepLeast(left, func(c candidate) int64 { return yes(!m.migrated(prefix, c)) })
		left = keepLeast(left, func(c candidate) int64 { live, _, _ := m.claims(prefix, c); return yes(!live) })
	}
	left = keepLeast(left, func(c candidate) int64 { return yes(c.path.stale) })
	// RFC 4271 §9.1.1, §9.1.2.2, RFC 4456 §9, step by step: who is worse is out.
	left = keepLeast(left, func(c candidate) int64 { return -int64(c.localPref) })
	left = keepLeast(left, func(c candidate) int64 { return int64(c.pathLength) })
	left = keepLeast(left, func(c candidate) int64 { return int64(c.origin) })
	left = keepLowestMED(left)
	left = keepLeast(left, func(c candidate) int64 { return yes(!c.peer.External()) })
	left = keepLeast(left, func(c candidate) int64 { return int64(c.originator) })
	left = keepLeast(left, func(c candidate) int64 { return int64(c.clusters) })
	sort.Slice(left, func(i, j int) bool { return left[i].peer.Address.Less(left[j].peer.Address) })
	return left[0].path
}

func yes(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (m *Model) claims(prefix netip.Prefix, c candidate) (live, prepared bool, tags []uint32) {
	if c.peer.External() || c.peer.Name == "" {
		return false, false, nil
	}
	host, known := m.Fabric.host(c.route.NextHop)
	if !known && c.peer.Client {
		host, known = m.Fabric.host(c.peer.Address)
	}
	if !known {
		return false, false, nil
	}
	return m.Fabric.claims(host.Name, prefix.Addr())
}

func (m *Model) migrated(prefix netip.Prefix, c candidate) bool {
	live, prepared, _ := m.claims(prefix, c)
	return (live || prepared) && c.localPref > elevated && c.localPref <= 2147483647
}

// Expected is the table a peer must end with (RFC 4456 §6 and §8, DESIGN §6).
func (m *Model) Expected(name string) Table {
	to, table := m.peers[name], Table{}
	prefixes := map[netip.Prefix]bool{}
	for prefix := range m.said {
		prefixes[prefix] = true
	}
	for prefix := range m.summaries {
		prefixes[prefix] = true
	}
	for prefix := range prefixes {
		if (prefix.Addr().Is4() && !to.IPv4) || (!prefix.Addr().Is4() && !to.IPv6) {
			continue
		}
		var texts []string
		for _, p := range m.chosen(to, prefix) {
			if route, ok := m.sent(to, prefix, p); ok {
				texts = append(texts, route.String())
			}
		}
		if len(texts) > 0 {
			sort.Strings(texts)
			table[prefix] = strings.Join(texts, " and ")
		}
	}
	return table
}

// chosen are the paths of a prefix that a peer is to hear, its own not yet left out.
func (m *Model) chosen(to Peer, prefix netip.Prefix) []*path {
	list := m.usable(prefix)
	pool, _ := m.Fabric.pool(prefix)
	if !pool.Anycast && !m.mixed(list) {
		if best := m.best(prefix, list); best != nil {
			return []*path{best}
		}
		return nil
	}
	list = slices.DeleteFunc(list, func(p *path) bool { manner, _ := m.verdict(to, prefix, p); return manner == "" })
	if fresh := slices.DeleteFunc(slices.Clone(list), func(p *path) bool { return has(p.route, longLivedStale) }); len(fresh) > 0 {
		list = fresh
	}
	if here := slices.DeleteFunc(slices.Clone(list), func(p *path) bool { return m.now(p) != to.Rack }); pool.Anycast && to.Role == "tor" && len(here) > 0 {
		list = here
	}
	if sum := slices.DeleteFunc(slices.Clone(list), func(p *path) bool { return p.from.Name != "" }); len(sum) > 0 {
		list = sum
	}
	if pool.Anycast && to.AddPath || len(list) == 0 {
		return list
	}
	return []*path{m.best(prefix, list)}
}

// sent is a path as a peer is sent it; ok is false if it is not.
func (m *Model) sent(to Peer, prefix netip.Prefix, p *path) (route Route, ok bool) {
	manner, class := m.verdict(to, prefix, p)
	route = p.route
	id, reflected := route.Attr(9)
	if has(route, longLivedStale) && !to.LongLived { // RFC 9494 §4.6
		route = add(route, noExport).With(Attr{0x40, 5, Number(0)})
	}
	switch {
	case manner == "" || p.from.Name == to.Name:
		return route, false
	case manner != "reflected":
		return m.export(asSent(route), manner == "confined", class), true
	case p.from.External():
		if !has(route, longLivedStale) || to.LongLived {
			route = route.With(Attr{0x40, 5, Number(100)}) // RFC 4271 §5.1.5
		}
		return asSent(route), true
	case !reflected:
		id = Number(p.from.RouterID)
		route = route.With(Attr{0x80, 9, id})
	}
	if binary.BigEndian.Uint32(id) == to.RouterID {
		return route, false
	}
	clusters, _ := route.Attr(10)
	return asSent(route.With(Attr{0x80, 10, append(Number(m.Cluster), clusters...)})), true
}

// asSent drops what may not be passed on and marks what is passed on unread (RFC
// 4271 §5).
func asSent(route Route) Route {
	known := []byte{1, 2, 4, 5, 6, 7, 8, 9, 10, 16, 25, 32}
	out := Route{NextHop: route.NextHop}
	for _, a := range route.Attrs {
		if !bytes.Contains(known, []byte{a.Type}) {
			if a.Flags&0xc0 != 0xc0 {
				continue
			}
			a.Flags |= 0x20
		}
		out.Attrs = append(out.Attrs, a)
	}
	return out
}

type candidate struct {
	path       *path
	peer       Peer
	route      Route
	localPref  uint32
	pathLength int
	neighbor   uint32
	origin     byte
	med        uint32
	originator uint32
	clusters   int
}

func (m *Model) candidate(p Peer, route Route) candidate {
	c := candidate{peer: p, route: route, localPref: 100, originator: p.RouterID}
	if v, ok := route.Attr(5); ok {
		c.localPref = binary.BigEndian.Uint32(v)
	}
	if v, ok := route.Attr(4); ok {
		c.med = binary.BigEndian.Uint32(v)
	}
	if v, ok := route.Attr(9); ok {
		c.originator = binary.BigEndian.Uint32(v)
	}
	v, _ := route.Attr(10)
	c.clusters = len(v)
	origin, _ := route.Attr(1)
	c.origin = origin[0]
	path, _ := route.Attr(2)
	for i, s := range segments(path) {
		if s.set {
			c.pathLength++
		} else {
			c.pathLength += len(s.asns)
		}
		if i == 0 && !s.set {
			c.neighbor = s.asns[0]
		}
	}
	return c
}

type segment struct {
	set  bool
	asns []uint32
}

func segments(path []byte) []segment {
	var list []segment
	for len(path) > 0 {
		s := segment{set: path[0] == 1}
		n := int(path[1])
		path = path[2:]
		for range n {
			s.asns = append(s.asns, binary.BigEndian.Uint32(path))
			path = path[4:]
		}
		list = append(list, s)
	}
	return list
}

func keepLeast(list []candidate, value func(candidate) int64) []candidate {
	least := value(list[0])
	for _, c := range list {
		least = min(least, value(c))
	}
	var left []candidate
	for _, c := range list {
		if value(c) == least {
			left = append(left, c)
		}
	}
	return left
}

func keepLowestMED(list []candidate) []candidate {
	var left []candidate
	for _, c := range list {
		lowest := true
		for _, d := range list {
			if d.neighbor == c.neighbor && d.med < c.med {
				lowest = false
			}
		}
		if lowest {
			left = append(left, c)
		}
	}
	return left
}

// DropDoubted removes what of a peer and family is stale.
func (m *Model) DropDoubted(name string, four bool) {
	for prefix, by := range m.said {
		if p := by[name]; p != nil && p.stale && prefix.Addr().Is4() == four {
			delete(by, name)
		}
	}
}
