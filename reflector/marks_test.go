package reflector

import (
	"log/slog"
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

// lone is a reflector with one client that announced three routes.
type lone struct {
	t   *testing.T
	r   *Reflector
	p   *player
	now time.Time
}

func newLone(t *testing.T) *lone {
	l := &lone{t: t, now: time.Unix(1_700_000_000, 0), p: &player{replay: oracle.NewReplay()}}
	l.r = New(Config{Self: rib.Self{ASN: testASN, RouterID: testSelf, Cluster: testCluster}, Log: slog.New(slog.DiscardHandler)})
	l.r.Attach(nobody{})
	l.p.Address, l.p.RouterID = netip.MustParseAddr("192.0.2.1"), 1
	l.up()
	l.announce()
	return l
}

func (l *lone) up() {
	l.r.take(event{outlet: l.p, key: l.p.Address, arrival: &arrival{
		outlet: l.p, spec: peering.Session{Remote: l.p.Address, Kind: peering.Client},
		negotiated: session.Negotiated{
			RouterID: 1, Families: bgp.FamiliesOf(bgp.IPv4Unicast), FourOctetAS: true, MaxMessage: 4096,
			RestartTime: time.Minute, RestartFamilies: bgp.FamiliesOf(bgp.IPv4Unicast), Forwarding: bgp.FamiliesOf(bgp.IPv4Unicast),
			RouteRefresh: true,
		},
	}}, l.now)
}

func (l *lone) announce() { l.announces("10.0.0.1/32", "10.0.0.2/32") }

func (l *lone) announces(list ...string) {
	var prefixes []netip.Prefix
	for _, text := range list {
		prefixes = append(prefixes, netip.MustParsePrefix(text))
	}
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: bgp.FamiliesOf(bgp.IPv4Unicast)}
	batch := &wire.Batch{}
	message := oracle.Announce(oracle.Plain(l.p.Address), prefixes...)
	if faults := d.Update(message[19:], batch); len(faults) > 0 {
		l.t.Fatal(faults)
	}
	l.r.take(event{outlet: l.p, key: l.p.Address, batch: batch}, l.now)
}

func (l *lone) say(kinds ...wire.Kind) {
	batch := &wire.Batch{}
	for _, k := range kinds {
		batch.Items = append(batch.Items, wire.Item{Kind: k, Family: bgp.IPv4Unicast})
	}
	l.r.take(event{outlet: l.p, key: l.p.Address, batch: batch}, l.now)
}

func (l *lone) lost() {
	l.r.take(event{outlet: l.p, key: l.p.Address, ending: &session.Ending{Graceful: bgp.FamiliesOf(bgp.IPv4Unicast)}}, l.now)
}

func (l *lone) holds(want int) {
	l.t.Helper()
	l.r.work(l.now)
	if got := l.r.rib.Prefixes(); got != want {
		l.t.Errorf("%d routes are kept, want %d", got, want)
	}
}

func TestARestartRightAfterAnotherLosesNothing(t *testing.T) {
	l := newLone(t)
	l.lost()
	l.up()
	l.announce()
	l.say(wire.EndOfRIB) // what was not repeated goes …
	l.lost()             // … and the session before that happened
	l.holds(2)
}

// A host that restarts again and again and repeats nothing must not attract traffic for
// as long as it does (RFC 4724 §4.2).
func TestWhatASecondRestartFindsStaleIsGone(t *testing.T) {
	l := newLone(t)
	l.lost()
	l.up()
	l.holds(2)
	l.lost()
	l.holds(0)
}

func TestARefreshRightAfterAnotherLosesNothing(t *testing.T) {
	l := newLone(t)
	l.say(wire.RefreshBegun)
	l.announce()
	l.say(wire.RefreshEnded, wire.RefreshBegun)
	l.holds(2)
	l.say(wire.RefreshEnded) // and now it repeated nothing
	l.holds(0)
}

// A router that announces more than it may is ended with Cease 6/1, and not let back for
// a while (RFC 4486 §4).
func TestARouterThatAnnouncesTooMuchIsEnded(t *testing.T) {
	for _, c := range []struct {
		limit uint32
		ended bool
	}{{0, false}, {2, false}, {1, true}} {
		l := newLone(t)
		l.r.members[l.p.Address].arrival.spec.MaxRoutes = c.limit
		l.r.members[l.p.Address].arrival.spec.MaxRoutesRestart = time.Minute
		l.announce()
		if l.p.ended != c.ended || (c.ended && (l.p.pause != time.Minute || l.p.reason.Subcode != bgp.CeaseMaxPrefixes)) {
			t.Errorf("with a limit of %d for two routes: ended %v for %s, %v", c.limit, l.p.ended, l.p.pause, l.p.reason)
		}
	}
}

func TestARouterThatNearsItsLimitIsNamed(t *testing.T) {
	l := newLone(t)
	for _, c := range []struct {
		limit uint32
		named bool
	}{{0, false}, {3, false}, {2, true}} {
		l.r.members[l.p.Address].arrival.spec.MaxRoutes = c.limit
		l.announce() // two routes
		if got := len(l.r.crowds()) > 0; got != c.named || l.p.ended {
			t.Errorf("two routes of %d: named %v, ended %v; %v", c.limit, got, l.p.ended, l.r.problems())
		}
	}
}

// A router that is back from a restart may announce other routes than before, as many as
// it may: what it had is gone with its End-of-RIB, and is not held against it until then.
func TestARestartDoesNotUseUpTheLimit(t *testing.T) {
	l := newLone(t)
	limit := func() { l.r.members[l.p.Address].arrival.spec.MaxRoutes = 2 }
	limit()
	l.lost()
	l.up()
	limit()
	l.announces("10.0.0.2/32", "10.0.0.3/32")
	if l.p.ended {
		t.Error("it announced two routes, of a limit of two, and its session was ended")
	}
	l.announces("10.0.0.4/32")
	if !l.p.ended {
		t.Error("it announced three routes, and its session was not ended")
	}
}

func TestARefreshAskedForInTheMiddleOfAnotherIsAnsweredInFull(t *testing.T) {
	f := &feed{hunger: func() {}}
	first := &link{}
	f.join(first, 1, nil)
	f.refresh(first, bgp.IPv4Unicast, []*rib.Chunk{rib.NewChunk([]byte("one")), rib.NewChunk([]byte("two"))})
	if !f.refreshing(bgp.IPv4Unicast) {
		t.Error("a refresh that nobody has seen anything of does not count")
	}
	f.Next(nil, 1)
	if f.refreshing(bgp.IPv4Unicast) {
		t.Error("a refresh that is half sent counts as one that is still to come")
	}
}
