package interop

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heddle/internal/oracle"
)

// mesh is reflectors that are non-clients of each other, and hosts that are
// clients of one or two of them.
//
//	h1 ── r1 ══ r2 ── h2, h4
//	 h4 ──┘ ╲╲ ╱╱
//	          r3 ── h3
type mesh struct {
	*fabric
	reflectors []*reflector
	hosts      []*host
	sessions   []*uplink
	round      uint32
}

// uplink is a session of a host with a reflector.
type uplink struct {
	*probe
	to *reflector
	up bool
}

func newMesh(t *testing.T, name string, reflectors int, oneCluster bool) *mesh {
	m := &mesh{fabric: emptyFabric(t, name)}
	inventory := ""
	for i := range byte(reflectors) {
		inventory += document("router", fmt.Sprintf("r%d", i+1), "role: reflector\n", v4Of(i+1))
	}
	for i := range byte(4) {
		inventory += document("node", fmt.Sprintf("h%d", i+1), "", v4Of(i+11))
	}
	for i := range byte(reflectors) {
		r := m.reflector(fmt.Sprintf("r%d", i+1), i+1, inventory)
		if oneCluster {
			r.cluster = netip.MustParseAddr("192.0.2.100")
		}
		m.reflectors = append(m.reflectors, r)
	}
	for i := range byte(4) {
		h := m.host(fmt.Sprintf("h%d", i+1), i+11)
		m.hosts = append(m.hosts, h)
		m.uplink(h, int(i))
		if i == 3 {
			m.uplink(h, int(i)+1)
		}
	}
	for _, r := range m.reflectors {
		r.start()
		r.running = true
	}
	for _, u := range m.sessions {
		m.open(u)
	}
	return m
}

func (m *mesh) uplink(h *host, r int) {
	to := m.reflectors[r%len(m.reflectors)]
	m.sessions = append(m.sessions, &uplink{probe: h.probe(neighbor{address: to.v4}), to: to})
}

func (m *mesh) open(u *uplink) {
	u.start()
	u.up = true
}

func (m *mesh) close(u *uplink) {
	u.kill()
	u.up = false
}

// say has a host announce an offer on all its sessions.
func (m *mesh) say(h *host, o offer) {
	h.offers[o.prefix] = o
	for _, u := range m.sessions {
		if u.host == h && u.up {
			u.announce(o)
		}
	}
}

func (m *mesh) unsay(h *host, p netip.Prefix) {
	delete(h.offers, p)
	for _, u := range m.sessions {
		if u.host == h && u.up {
			u.withdraw(p)
		}
	}
}

// expected is what each session must have been sent once all is quiet: a model for
// each reflector, told what its clients say, then what the other models say, until
// that changes nothing.
func (m *mesh) expected() map[*uplink]oracle.Table {
	models := map[*reflector]*oracle.Model{}
	for _, r := range m.alive() {
		models[r] = oracle.NewModel(asn, id(r.v4), id(r.cluster))
		for _, other := range m.alive() {
			if other != r {
				models[r].Up(oracle.Peer{Name: other.name, RouterID: id(other.v4), Address: other.v4, IPv4: true, IPv6: true})
			}
		}
	}
	for _, u := range m.sessions {
		if u.up {
			models[u.to].Up(oracle.Peer{Name: u.name, Client: true, RouterID: id(u.v4), Address: u.v4, IPv4: true, IPv6: true})
			for _, o := range u.offers {
				models[u.to].Announce(u.name, o.prefix, o.route(u.host))
			}
		}
	}
	m.converge(models)
	tables := map[*uplink]oracle.Table{}
	for _, u := range m.sessions {
		if u.up {
			tables[u] = models[u.to].Expected(u.name)
		}
	}
	return tables
}

func (m *mesh) alive() []*reflector {
	return slices.DeleteFunc(slices.Clone(m.reflectors), func(r *reflector) bool { return !r.running })
}

// converge exchanges what the models say to each other.
func (m *mesh) converge(models map[*reflector]*oracle.Model) {
	said := map[[2]*reflector]oracle.Table{}
	for range 20 {
		changed := false
		for _, from := range m.alive() {
			for _, to := range m.alive() {
				table := models[from].Expected(to.name)
				if from == to || maps.Equal(said[[2]*reflector{from, to}], table) {
					continue
				}
				changed, said[[2]*reflector{from, to}] = true, table
				models[to].Forget(from.name, func(netip.Prefix) bool { return false })
				for p, text := range table {
					models[to].Announce(from.name, p, routeOf(text))
				}
			}
		}
		if !changed {
			return
		}
	}
	m.t.Fatal("the models never agree among themselves: the test asks for an oscillation (RFC 3345)")
}

// agree waits until every session was sent what the models say. Each host first
// announces a route that nobody saw before: as a session keeps the order of things,
// what was said before it has been heard where it arrives.
func (m *mesh) agree() {
	m.t.Helper()
	m.round++
	for _, h := range m.hosts {
		m.say(h, offer{prefix: h.v4Route(255), med: m.round})
		m.say(h, offer{prefix: h.v6Route(255), med: m.round})
	}
	want := m.expected()
	m.until("every session to be sent what the models say", func() string {
		text := ""
		for _, u := range m.sessions {
			if !u.up {
				continue
			}
			held, err := u.table()
			m.must(err)
			if d := difference(held, want[u]); d != "" {
				text += fmt.Sprintf("%s of %s\n%s", u.name, u.to.name, d)
			}
		}
		return text
	})
}

func TestReflectorsInAMeshAgreeWithTheModelAfterAnyChurn(t *testing.T) {
	for _, c := range []struct {
		name, lab  string
		reflectors int
		oneCluster bool
	}{
		{"two of one cluster", "mesh2one", 2, true},
		{"two of two clusters", "mesh2two", 2, false},
		{"three of one cluster", "mesh3one", 3, true},
		{"three of three clusters", "mesh3two", 3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMesh(t, c.lab, c.reflectors, c.oneCluster)
			m.agree()
			m.step("random churn", func() { rapid.Check(m.t, m.churn) })
			m.step("no ghost is left when both originators withdraw", m.noGhost)
			m.step("a reflector dies and comes back", m.lose)
		})
	}
}

// contested are the prefixes that every host may announce.
var contested = []netip.Prefix{
	netip.MustParsePrefix("10.99.0.1/32"), netip.MustParsePrefix("10.99.0.2/32"), netip.MustParsePrefix("10.99.1.0/24"),
	netip.MustParsePrefix("fd99::1/128"), netip.MustParsePrefix("fd99::2/128"),
}

// churn is a random story, at whose end all is withdrawn.
func (m *mesh) churn(r *rapid.T) {
	for range rapid.IntRange(5, 60).Draw(r, "events") {
		m.event(r)
	}
	m.agree()
	for _, h := range m.hosts {
		for _, p := range contested {
			m.unsay(h, p)
		}
	}
	for _, u := range m.sessions {
		if !u.up {
			m.open(u)
		}
	}
	m.agree()
}

func (m *mesh) event(r *rapid.T) {
	h := rapid.SampledFrom(m.hosts).Draw(r, "host")
	p := rapid.SampledFrom(contested).Draw(r, "prefix")
	switch rapid.IntRange(0, 9).Draw(r, "event") {
	case 0: // a session breaks, or is back
		u := rapid.SampledFrom(m.sessions).Draw(r, "session")
		if u.up {
			m.close(u)
		} else {
			m.open(u)
		}
	case 1, 2, 3:
		m.unsay(h, p)
	default:
		m.say(h, drawOffer(r, p))
	}
}

// drawOffer draws a route. All paths begin with one AS: MEDs of several together
// with reflection never settle (RFC 3345).
func drawOffer(r *rapid.T, p netip.Prefix) offer {
	return offer{
		prefix: p, localPref: rapid.SampledFrom([]uint32{0, 100, 200}).Draw(r, "local-pref"), med: rapid.Uint32Range(0, 2).Draw(r, "med"),
		path:        rapid.SampledFrom([][]uint32{nil, {65001}, {65001, 4200000001}}).Draw(r, "path"),
		communities: rapid.SampledFrom([][]string{nil, {"64512:1"}}).Draw(r, "communities"),
	}
}

// noGhost has pairs of hosts, on different reflectors if there are such, announce
// and withdraw together.
func (m *mesh) noGhost() {
	for i := range 12 {
		a, b, p := m.hosts[i%4], m.hosts[(i+1)%4], contested[i%len(contested)]
		m.say(a, offer{prefix: p})
		m.say(b, offer{prefix: p, localPref: uint32(100 + i%2)})
		if i%3 == 0 {
			m.agree()
		}
		m.unsay(a, p)
		m.unsay(b, p)
	}
	m.agree()
	for _, u := range m.sessions {
		held, err := u.table()
		m.must(err)
		for _, p := range contested {
			if route, ghost := held[p]; ghost {
				m.t.Errorf("%s still holds %s %s of %s", u.name, p, route, u.to.name)
			}
		}
	}
}

func (m *mesh) lose() {
	for i, h := range m.hosts {
		m.say(h, offer{prefix: contested[0], med: uint32(i)})
		m.say(h, offer{prefix: contested[3], med: uint32(4 - i)})
	}
	lost := m.reflectors[1]
	lost.kill()
	lost.running = false
	for _, u := range m.sessions {
		if u.to == lost {
			u.up = false
		}
	}
	m.agree()
	lost.start()
	lost.running = true
	for _, u := range m.sessions {
		if u.to == lost {
			m.open(u)
		}
	}
	m.agree()
}
