package reflector

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/reflector/rib"
)

// stage is a reflector on a stage: the test plays all sessions and moves the clock,
// the model says what should come of it.
type stageSet struct {
	t     *rapid.T
	r     *Reflector
	model *oracle.Model
	now   time.Time
	peers map[string]*player
	pool  []netip.Prefix
}

// player is a session as its peer sees it. It is its own outlet.
type player struct {
	oracle.Peer
	stream   session.Stream
	replay   *oracle.Replay
	ended    bool
	reason   *bgp.Notification
	pause    time.Duration
	refresh  bool // RFC 7313 negotiated
	joined   int  // End-of-RIBs it must have been sent
	answered int
}

func (p *player) Attach(s session.Stream) { p.stream = s }
func (p *player) End(n *bgp.Notification) { p.ended = true }
func (p *player) EndFor(n *bgp.Notification, pause time.Duration) {
	p.ended, p.reason, p.pause = true, n, pause
}

// nobody is a server without sessions.
type nobody struct{}

func (nobody) Wake([]*session.Session) {}
func (nobody) Release(*wire.Batch)     {}

const (
	testASN     = 64512
	testCluster = 0x0a0a0a0a
	testSelf    = 0x0a0a0a01
)

func newStage(t *rapid.T) *stageSet {
	s := &stageSet{t: t, now: time.Unix(1_700_000_000, 0), peers: map[string]*player{}}
	s.r = New(Config{
		Self:      rib.Self{ASN: testASN, RouterID: testSelf, Cluster: testCluster},
		Log:       slog.New(slog.DiscardHandler),
		LogOctets: rapid.SampledFrom([]int{1, 200, 1 << 20}).Draw(t, "log"),
	})
	s.r.rib = rib.New(rib.Self{ASN: testASN, RouterID: testSelf, Cluster: testCluster}, rib.Limits{
		Chunk: rapid.SampledFrom([]int{1, 150, 64 << 10}).Draw(t, "chunk"),
		Step:  rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "step"),
	})
	s.r.Attach(nobody{})
	s.model = oracle.NewModel(testASN, testSelf, testCluster)
	for i := range 5 {
		s.pool = append(s.pool, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32))
		s.pool = append(s.pool, netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 15: byte(i)}), 128))
	}
	return s
}

func (s *stageSet) up(name string) {
	n := name[1]
	p := &player{replay: oracle.NewReplay(), refresh: rapid.Bool().Draw(s.t, "enhanced"), Peer: oracle.Peer{
		Name: name, Client: name[0] == 'c', RouterID: uint32(n),
		Address: netip.AddrFrom4([4]byte{192, 0, 2, n}), IPv4: true, IPv6: n != '3',
	}}
	kind, families := peering.NonClient, bgp.FamiliesOf(bgp.IPv4Unicast)
	if p.Client {
		kind = peering.Client
	}
	p.joined = 1
	if p.IPv6 {
		families |= bgp.FamiliesOf(bgp.IPv6Unicast)
		p.joined = 2
	}
	s.peers[name] = p
	s.model.Up(p.Peer)
	s.happen(event{outlet: p, key: p.Address, arrival: &arrival{
		outlet: p, spec: peering.Session{Remote: p.Address, Name: name, Kind: kind},
		negotiated: session.Negotiated{
			RouterID: bgp.RouterID(p.RouterID), Families: families, FourOctetAS: true, MaxMessage: 4096,
			RouteRefresh: true, EnhancedRefresh: p.refresh,
		},
	}})
}

func (s *stageSet) happen(e event) {
	s.r.take(e, s.now)
	if rapid.IntRange(0, 3).Draw(s.t, "work") > 0 {
		s.pass(time.Duration(rapid.SampledFrom([]int{0, 1, 30}).Draw(s.t, "ms")) * time.Millisecond)
	}
}

func (s *stageSet) pass(d time.Duration) {
	s.now = s.now.Add(d)
	s.r.work(s.now)
}

func (s *stageSet) down(name string) {
	p := s.peers[name]
	delete(s.peers, name)
	s.model.Down(name)
	s.happen(event{outlet: p, key: p.Address, ending: &session.Ending{}})
}

func (s *stageSet) tell(p *player, message []byte) {
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: bgp.FamiliesOf(bgp.Families[:]...)}
	batch := &wire.Batch{}
	if faults := d.Update(message[19:], batch); len(faults) > 0 {
		s.t.Fatalf("decoder: %v", faults[0].Error())
	}
	s.happen(event{outlet: p, key: p.Address, batch: batch})
}

// read has a peer take about so many octets.
func (s *stageSet) read(p *player, limit int) bool {
	octets, _ := p.stream.Next(nil, limit)
	for _, o := range octets {
		if err := p.replay.Feed(o); err != nil {
			s.t.Fatalf("%s: %v", p.Name, err)
		}
	}
	return len(octets) > 0
}

func (s *stageSet) event() {
	name := rapid.SampledFrom([]string{"c1", "c2", "c3", "n4", "n5"}).Draw(s.t, "peer")
	p := s.peers[name]
	if p == nil {
		s.up(name)
		return
	}
	switch rapid.IntRange(0, 9).Draw(s.t, "event") {
	case 0, 1, 2, 3:
		route, prefixes := s.draw(p)
		s.tell(p, oracle.Announce(route, prefixes...))
		for _, q := range prefixes {
			s.model.Announce(name, q, route)
		}
	case 4, 5:
		_, prefixes := s.draw(p)
		s.tell(p, oracle.Withdraw(prefixes...))
		for _, q := range prefixes {
			s.model.Withdraw(name, q)
		}
	case 6, 7:
		s.read(p, rapid.SampledFrom([]int{1, 100, 1 << 20}).Draw(s.t, "octets"))
	case 8:
		family := bgp.IPv4Unicast
		batch := &wire.Batch{Items: []wire.Item{{Kind: wire.RefreshRequested, Family: family}}}
		s.happen(event{outlet: p, key: p.Address, batch: batch})
		p.answered++
	case 9:
		s.down(name)
	}
}

func (s *stageSet) draw(p *player) (oracle.Route, []netip.Prefix) {
	first := rapid.IntRange(0, len(s.pool)-1).Draw(s.t, "prefix")
	prefixes := []netip.Prefix{s.pool[first]}
	if more := first + 2; more < len(s.pool) && rapid.Bool().Draw(s.t, "two") {
		prefixes = append(prefixes, s.pool[more])
	}
	hop := p.Address
	if !prefixes[0].Addr().Is4() {
		hop = netip.AddrFrom16([16]byte{0xfd, 0xff, 15: byte(p.RouterID)})
	}
	route := oracle.Plain(hop).With(oracle.Attr{Flags: 0x40, Type: 5, Value: oracle.Number(uint32(rapid.IntRange(100, 102).Draw(s.t, "local-pref")))})
	return route, prefixes
}

// settle lets everybody read until there is no more, and compares.
func (s *stageSet) settle() {
	for quiet, i := 0, 0; quiet < 3; i++ {
		s.pass(60 * time.Millisecond)
		quiet++
		for _, p := range s.peers {
			for s.read(p, 1<<20) {
				quiet = 0
			}
		}
		if i > 10_000 {
			s.t.Fatal("the peers are never done reading")
		}
	}
	for name, p := range s.peers {
		want := s.model.Expected(name)
		if !maps.Equal(p.replay.Table, want) {
			s.t.Fatalf("%s holds\n%s\nwant\n%s", name, dump(p.replay.Table), dump(want))
		}
		if got := p.replay.EndOfRIB[0] + p.replay.EndOfRIB[1]; got != p.joined {
			s.t.Fatalf("%s was sent End-of-RIB %d times, want %d", name, got, p.joined)
		}
		if r := p.replay.Refreshes; r[1] != r[2] || (p.refresh && p.answered > 0 && r[1] == 0) {
			s.t.Fatalf("%s asked %d times and was sent BoRR %d and EoRR %d times", name, p.answered, r[1], r[2])
		}
	}
}

func dump(table oracle.Table) string {
	text := ""
	for _, p := range slices.SortedFunc(maps.Keys(table), func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) }) {
		text += fmt.Sprintf("  %s %s\n", p, table[p])
	}
	return text
}

// Sessions, updates, withdrawals, moves between sources, refreshes, slow readers,
// a log that overflows: whatever comes in whatever order, what each peer received
// replays to exactly what the model says it should hold.
func TestEveryStreamReplaysToTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStage(t)
		for range rapid.IntRange(1, 120).Draw(t, "events") {
			s.event()
			if rapid.IntRange(0, 19).Draw(t, "settle") == 0 {
				s.settle()
			}
		}
		s.settle()
		for name := range maps.Clone(s.peers) {
			s.down(name)
		}
		for range 10 {
			s.pass(time.Second)
		}
		if r := s.r.rib.Stats(); len(s.r.members)+len(s.r.groups)+r.Prefixes[0]+r.Prefixes[1]+r.Tombstones+r.Sets != 0 {
			t.Fatalf("with everybody gone there are still %d members, %d groups, and %+v", len(s.r.members), len(s.r.groups), r)
		}
	})
}
