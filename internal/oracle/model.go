package oracle

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"sort"
)

// Peer is one session of the reflector under test.
type Peer struct {
	Name     string
	Client   bool // else a non-client; the model has iBGP sessions only
	RouterID uint32
	Address  netip.Addr
	IPv4     bool // families negotiated
	IPv6     bool
}

// Model knows what every peer said last, and nothing else.
type Model struct {
	ASN      uint32
	RouterID uint32
	Cluster  uint32

	peers map[string]Peer
	said  map[netip.Prefix]map[string]Route
}

// NewModel returns a reflector that has heard nothing.
func NewModel(asn, routerID, cluster uint32) *Model {
	return &Model{ASN: asn, RouterID: routerID, Cluster: cluster, peers: map[string]Peer{}, said: map[netip.Prefix]map[string]Route{}}
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
		m.said[prefix] = map[string]Route{}
	}
	m.said[prefix][name] = route
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

// Best returns the peer whose path wins for a prefix, and what it said.
func (m *Model) Best(prefix netip.Prefix) (Peer, Route, bool) {
	var left []candidate
	for name, route := range m.said[prefix] {
		left = append(left, m.candidate(m.peers[name], route))
	}
	if len(left) == 0 {
		return Peer{}, Route{}, false
	}
	// RFC 4271 §9.1.1, §9.1.2.2, RFC 4456 §9, step by step: who is worse is out.
	left = keepLeast(left, func(c candidate) int64 { return -int64(c.localPref) })
	left = keepLeast(left, func(c candidate) int64 { return int64(c.pathLength) })
	left = keepLeast(left, func(c candidate) int64 { return int64(c.origin) })
	left = keepLowestMED(left)
	left = keepLeast(left, func(c candidate) int64 { return int64(c.originator) })
	left = keepLeast(left, func(c candidate) int64 { return int64(c.clusters) })
	sort.Slice(left, func(i, j int) bool { return left[i].peer.Address.Less(left[j].peer.Address) })
	return left[0].peer, left[0].route, true
}

// Expected is the table a peer must end with (RFC 4456 §6 and §8).
func (m *Model) Expected(name string) Table {
	to, table := m.peers[name], Table{}
	for prefix := range m.said {
		from, route, ok := m.Best(prefix)
		if !ok || from.Name == to.Name || !(from.Client || to.Client) {
			continue
		}
		if (prefix.Addr().Is4() && !to.IPv4) || (!prefix.Addr().Is4() && !to.IPv6) {
			continue
		}
		if _, has := route.Attr(9); !has {
			route = route.With(Attr{0x80, 9, Number(from.RouterID)})
		}
		if id, _ := route.Attr(9); binary.BigEndian.Uint32(id) == to.RouterID {
			continue
		}
		clusters, _ := route.Attr(10)
		route = route.With(Attr{0x80, 10, append(Number(m.Cluster), clusters...)})
		table[prefix] = asSent(route).String()
	}
	return table
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
