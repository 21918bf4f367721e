package reflector

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/reflector/rib"
)

// The property of TestEveryStreamReplaysToTheModel at the size of a real fabric:
// tables of numbers stand in for the maps of the oracle, so that 100 peers with
// 100,000 routes each can be compared one by one.

const crowdPeers = 100

// crowd is peers 1…crowdPeers, all clients, and what each of them says.
type crowd struct {
	t      *testing.T
	family bgp.Family
	rng    *rand.Rand
	r      *Reflector
	now    time.Time
	peers  []*fan // by number; 0 is nobody
	// said[p][n] is the LOCAL_PREF peer p gives route n; 0: it does not announce it.
	said [crowdPeers + 1][]uint8
}

// fan is a peer that keeps what it was sent: for each route who it is from and
// with which LOCAL_PREF.
type fan struct {
	c      *crowd
	number uint32
	pace   int // octets it takes at a time; 0: none until the end
	stream session.Stream
	held   []told
	rest   []byte
	up     bool
}

type told struct{ from, localPref uint8 }

func (f *fan) Attach(s session.Stream)                     { f.stream = s }
func (f *fan) End(n *bgp.Notification)                     { f.c.t.Errorf("peer %d was sent away: %v", f.number, n) }
func (f *fan) EndFor(_ *bgp.Notification, _ time.Duration) {}

func (f *fan) address() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(f.number)}) }

func newCrowd(t *testing.T, family bgp.Family, seed uint64) *crowd {
	c := &crowd{t: t, family: family, now: time.Unix(1_700_000_000, 0), rng: rand.New(rand.NewPCG(seed, seed))}
	c.r = New(Config{
		Self: rib.Self{ASN: testASN, RouterID: testSelf, Cluster: testCluster}, Log: slog.New(slog.DiscardHandler),
		LogOctets: 2 * crowdRoutes,
	})
	c.r.Attach(nobody{})
	for p := range crowdPeers + 1 {
		c.peers = append(c.peers, &fan{c: c, number: uint32(p), pace: []int{1 << 20, 1 << 20, 32 << 10, 4 << 10, 0}[p%5]})
		c.said[p] = make([]uint8, crowdRoutes)
	}
	return c
}

func (c *crowd) happen(e event) {
	c.r.take(e, c.now)
	if c.rng.IntN(4) == 0 {
		c.pass(time.Duration(c.rng.IntN(20)) * time.Millisecond)
	}
}

func (c *crowd) pass(d time.Duration) {
	c.now = c.now.Add(d)
	c.r.work(c.now)
}

func (c *crowd) up(f *fan) {
	f.up, f.held, f.rest = true, make([]told, crowdRoutes), nil
	c.happen(event{outlet: f, key: f.address(), arrival: &arrival{
		outlet: f, spec: peering.Session{Remote: f.address(), Kind: peering.Client},
		negotiated: session.Negotiated{
			RouterID: bgp.RouterID(f.number), Families: bgp.FamiliesOf(c.family), FourOctetAS: true, MaxMessage: 4096, RouteRefresh: true,
		},
	}})
}

func (c *crowd) down(f *fan) {
	f.up = false
	clear(c.said[f.number])
	c.happen(event{outlet: f, key: f.address(), ending: &session.Ending{}})
}

// say has a peer announce routes with a LOCAL_PREF, or withdraw them if that is 0.
func (c *crowd) say(f *fan, localPref uint8, routes ...int) {
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: bgp.FamiliesOf(c.family)}
	batch := &wire.Batch{}
	for len(routes) > 0 {
		var prefixes []netip.Prefix
		for _, n := range routes[:min(100, len(routes))] {
			prefixes = append(prefixes, c.prefix(n))
			c.said[f.number][n] = localPref
		}
		routes = routes[len(prefixes):]
		message := oracle.Withdraw(prefixes...)
		if localPref > 0 {
			route := oracle.Plain(c.hop(f)).With(oracle.Attr{Flags: 0x40, Type: 5, Value: oracle.Number(uint32(localPref))})
			message = oracle.Announce(route, prefixes...)
		}
		if faults := d.Update(message[19:], batch); len(faults) > 0 {
			c.t.Fatal(faults[0].Error())
		}
	}
	c.happen(event{outlet: f, key: f.address(), batch: batch})
}

func (c *crowd) hop(f *fan) netip.Addr {
	if c.family == bgp.IPv4Unicast {
		return f.address()
	}
	return netip.AddrFrom16([16]byte{0xfd, 0xff, 15: byte(f.number)})
}

func (c *crowd) prefix(n int) netip.Prefix {
	if c.family == bgp.IPv4Unicast {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 32)
	}
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}), 128)
}

// read has a peer take about so many octets and says whether there were any.
func (f *fan) read(octets int) bool {
	slices, _ := f.stream.Next(nil, octets)
	for _, s := range slices {
		f.rest = append(f.rest, s...)
	}
	for len(f.rest) >= 19 && len(f.rest) >= int(binary.BigEndian.Uint16(f.rest[16:])) {
		length := binary.BigEndian.Uint16(f.rest[16:])
		f.update(f.rest[19:length])
		f.rest = f.rest[length:]
	}
	return len(slices) > 0
}

// update reads one UPDATE of ours, whose attributes have one-octet lengths but for
// those of RFC 4760.
func (f *fan) update(body []byte) {
	withdrawn, rest := cut16(body)
	attrs, reach := cut16(rest)
	f.hear(withdrawn, told{})
	var is told
	for len(attrs) > 0 {
		typ, head, size := attrs[1], 3, int(attrs[2])
		if attrs[0]&0x10 != 0 {
			head, size = 4, int(binary.BigEndian.Uint16(attrs[2:]))
		}
		value := attrs[head : head+size]
		attrs = attrs[head+size:]
		switch typ {
		case 5:
			is.localPref = value[3]
		case 9:
			is.from = value[3]
		case 14:
			reach = value[21:]
		case 15:
			f.hear(value[3:], told{})
		}
	}
	f.hear(reach, is)
}

func (f *fan) hear(nlri []byte, is told) {
	for len(nlri) > 0 {
		size := int(nlri[0]) / 8
		host := nlri[size-2 : size+1]
		f.held[int(host[0])<<16|int(host[1])<<8|int(host[2])] = is
		nlri = nlri[1+size:]
	}
}

func cut16(b []byte) (head, rest []byte) {
	n := 2 + binary.BigEndian.Uint16(b)
	return b[2:n], b[n:]
}

// best is who wins a route: the highest LOCAL_PREF, then the lowest router ID (RFC
// 4271 §9.1.2.2; all else is equal here).
func (c *crowd) best() []told {
	best := make([]told, crowdRoutes)
	for p := 1; p <= crowdPeers; p++ {
		for n, localPref := range c.said[p] {
			if localPref > best[n].localPref {
				best[n] = told{uint8(p), localPref}
			}
		}
	}
	return best
}

// settle lets everybody read all there is, and compares every route of every peer.
func (c *crowd) settle() {
	for quiet := 0; quiet < 3; {
		c.pass(60 * time.Millisecond)
		quiet++
		for _, f := range c.peers[1:] {
			for f.up && f.read(1<<20) {
				quiet = 0
			}
		}
	}
	best := c.best()
	for _, f := range c.peers[1:] {
		for n, is := range f.held {
			want := best[n]
			if want.from == uint8(f.number) {
				want = told{}
			}
			if f.up && is != want {
				c.t.Fatalf("peer %d holds %s from %d with %d, want from %d with %d",
					f.number, c.prefix(n), is.from, is.localPref, want.from, want.localPref)
			}
		}
	}
}

// churn is something that a peer does.
func (c *crowd) churn() {
	f := c.peers[1+c.rng.IntN(crowdPeers)]
	first, count := c.rng.IntN(crowdRoutes-500), 1+c.rng.IntN(500)
	routes := make([]int, count)
	for i := range routes {
		routes[i] = first + i
	}
	switch what := c.rng.IntN(20); {
	case !f.up:
		c.up(f)
	case what == 0:
		c.down(f)
	case what < 8:
		c.say(f, 0, routes...)
	case what == 8:
		c.happen(event{outlet: f, key: f.address(), batch: &wire.Batch{Items: []wire.Item{{Kind: wire.RefreshRequested, Family: c.family}}}})
	default:
		c.say(f, uint8(100+c.rng.IntN(3)), routes...)
	}
	for _, g := range c.peers[1:] {
		if g.up && g.pace > 0 {
			g.read(g.pace)
		}
	}
}

func TestTheStreamsOfAHundredPeersReplayToTheModel(t *testing.T) {
	for i, family := range bgp.Families {
		t.Run(fmt.Sprint(family), func(t *testing.T) {
			c := newCrowd(t, family, uint64(i))
			for _, f := range c.peers[1:] {
				c.up(f)
				own := make([]int, crowdRoutes/crowdPeers)
				for j := range own {
					own[j] = (int(f.number)-1)*len(own) + j
				}
				c.say(f, 100, own...)
			}
			c.settle()
			for range 3 {
				for range 200 {
					c.churn()
				}
				c.settle()
			}
			if c.r.stats.Falls < crowdPeers {
				t.Errorf("peers fell off the log %d times: the test means to see it often", c.r.stats.Falls)
			}
			t.Logf("%+v", c.r.stats)
		})
	}
}
