package session

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
	"heddle/peering/wire"
)

// recorder is a handler that notes what it hears.
type recorder struct {
	server *Server
	block  chan struct{} // while not nil and open, Batch does not return
	onDown func()        // called after Down

	mu       sync.Mutex
	events   []string
	story    []string // events and routes, in order
	sessions []*Session
	items    []wire.Item
	live     map[netip.Addr]int
	most     int // sessions with one peer at a time
}

func (r *recorder) Up(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live == nil {
		r.live = map[netip.Addr]int{}
	}
	r.live[s.Spec.Remote]++
	r.most = max(r.most, r.live[s.Spec.Remote])
	r.events = append(r.events, "up "+s.Spec.Name)
	r.story = append(r.story, "up "+s.Spec.Name)
	r.sessions = append(r.sessions, s)
}

func (r *recorder) Batch(s *Session, b *wire.Batch) {
	r.mu.Lock()
	block := r.block
	r.items = append(r.items, b.Items...)
	r.story = append(r.story, words(b)...)
	r.mu.Unlock()
	if block != nil {
		<-block
	}
	r.server.Release(b)
}

func (r *recorder) Down(s *Session, e Ending) {
	if r.onDown != nil {
		defer r.onDown()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live[s.Spec.Remote]--
	text := "down " + s.Spec.Name + ": " + e.Text
	if e.Graceful != 0 {
		text += " (graceful " + e.Graceful.String() + ")"
	}
	r.events = append(r.events, text)
	r.story = append(r.story, text)
}

func (r *recorder) history() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.events...)
}

var (
	ourAddr   = netip.MustParseAddr("192.0.2.1")
	theirAddr = netip.MustParseAddr("192.0.2.2")
	both      = bgp.FamiliesOf(bgp.Families[:]...)
)

// client is the spec of the one peer most tests have.
func client() peering.Session {
	return peering.Session{
		Remote: theirAddr, Name: "h1", Role: "host", Source: peering.SourceEtcd, Kind: peering.Client,
		RemoteASN: 64512, Passive: true, Families: both, HoldTime: 90 * time.Second,
	}
}

// bench is a server with one peer, played by the test.
type bench struct {
	t      *testing.T
	server *Server
	rec    *recorder
	stop   context.CancelFunc
	done   chan struct{}
}

func newBench(t *testing.T, specs ...peering.Session) *bench {
	t.Helper()
	return newBenchOn(t, nil, slog.DiscardHandler, specs...)
}

// newBenchOn is newBench with a network to dial in and a log to read.
func newBenchOn(t *testing.T, net network, log slog.Handler, specs ...peering.Session) *bench {
	t.Helper()
	return newBenchAsking(t, net, log, Restart{}, specs...)
}

// newBenchAsking is newBenchOn that asks peers to keep its routes.
func newBenchAsking(t *testing.T, net network, log slog.Handler, restart Restart, specs ...peering.Session) *bench {
	t.Helper()
	rec := &recorder{}
	s := New(Config{Self: Self{ASN: 64512, RouterID: 0xc0000201}, Handler: rec, Log: slog.New(log), Restart: restart})
	rec.server = s
	if net != nil {
		s.network = net
	}
	ctx, stop := context.WithCancel(t.Context())
	b := &bench{t: t, server: s, rec: rec, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		_ = s.Run(ctx)
	}()
	synctest.Wait()
	plan := &peering.Plan{Sessions: specs}
	peering.Sort(plan.Sessions)
	s.Apply(plan)
	synctest.Wait() // calls are made, if there are any to make
	return b
}

// end stops the server; all it started must be gone.
func (b *bench) end() {
	b.stop()
	<-b.done
}

// far is the peer's end of a connection.
type far struct {
	t *testing.T
	*memory
	rest []byte
}

func (b *bench) connect() *far { return b.connectFrom(theirAddr, 1<<20) }

func (b *bench) connectFrom(addr netip.Addr, window int) *far {
	mine, theirs := connect(netip.AddrPortFrom(addr, 40000), netip.AddrPortFrom(ourAddr, 179), window)
	b.server.incoming(theirs)
	return &far{t: b.t, memory: mine}
}

func (f *far) send(octets ...byte) {
	f.t.Helper()
	if _, err := f.Write([][]byte{octets}); err != nil {
		f.t.Fatalf("write to the server: %v", err)
	}
}

// receive reads one message; typ 0 is the end of the stream.
func (f *far) receive() (typ wire.Type, body []byte) {
	f.t.Helper()
	_ = f.SetReadDeadline(time.Now().Add(time.Hour))
	for {
		if len(f.rest) >= 19 {
			if n := int(binary.BigEndian.Uint16(f.rest[16:])); len(f.rest) >= n {
				m := f.rest[:n]
				f.rest = f.rest[n:]
				return wire.Type(m[18]), m[19:]
			}
		}
		buf := make([]byte, 70000)
		n, err := f.Read(buf)
		if err == io.EOF {
			return 0, nil
		}
		if err != nil {
			f.t.Fatalf("read from the server: %v", err)
		}
		f.rest = append(f.rest, buf[:n]...)
	}
}

func (f *far) expect(want wire.Type) []byte {
	f.t.Helper()
	typ, body := f.receive()
	if typ != want {
		f.t.Fatalf("received %s %x, want %s", typ, body, want)
	}
	return body
}

func (f *far) expectNotification(code bgp.Code, subcode uint8) *bgp.Notification {
	f.t.Helper()
	for {
		typ, body := f.receive()
		switch typ {
		case wire.TypeKeepalive, wire.TypeOpen:
			continue
		case wire.TypeNotification:
			n := wire.ParseNotification(body)
			if n.Code != code || n.Subcode != subcode {
				f.t.Fatalf("received NOTIFICATION %v, want %d/%d", n, code, subcode)
			}
			return n
		}
		f.t.Fatalf("received %s %x, want NOTIFICATION %d/%d", typ, body, code, subcode)
	}
}

// opening is a good OPEN of the peer, for tests to spoil.
func opening() wire.Open {
	return wire.Open{ASN: 64512, HoldTime: 90, RouterID: 0xc0000202, Capabilities: wire.Capabilities{
		Multiprotocol: true, Families: both, FourOctetAS: true, RouteRefresh: true, EnhancedRefresh: true,
	}}
}

func (f *far) open(o wire.Open) {
	f.t.Helper()
	message, err := o.Append(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	f.send(message...)
}

// establish goes through the handshake.
func (f *far) establish(o wire.Open) {
	f.t.Helper()
	f.expect(wire.TypeOpen)
	f.open(o)
	f.expect(wire.TypeKeepalive)
	f.send(wire.AppendKeepalive(nil)...)
	synctest.Wait()
}

func (b *bench) state() State {
	b.t.Helper()
	for _, p := range b.server.Peers() {
		if p.Spec.Remote == theirAddr {
			return p.State
		}
	}
	return StateInvalid
}

func (b *bench) wantHistory(want ...string) {
	b.t.Helper()
	synctest.Wait()
	got := b.rec.history()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.t.Fatalf("the handler heard\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func message(typ wire.Type, body ...byte) []byte {
	m := make([]byte, 19, 19+len(body))
	for i := range 16 {
		m[i] = 0xff
	}
	binary.BigEndian.PutUint16(m[16:], uint16(19+len(body)))
	m[18] = byte(typ)
	return append(m, body...)
}

func TestASessionComesUpAndGoes(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		if b.state() != Active {
			t.Fatalf("a client we wait for is %s, want Active", b.state())
		}
		f := b.connect()
		f.establish(opening())
		if b.state() != Established {
			t.Fatalf("state is %s", b.state())
		}
		f.Close()
		b.wantHistory("up h1", "down h1: peer closed the connection")
		if b.state() != Active {
			t.Fatalf("after the session the peer is %s, want Active", b.state())
		}
		if n := b.server.Peers()[0].Flaps; n != 1 {
			t.Fatalf("%d sessions ended, want 1", n)
		}
	})
}

func TestMessagesMayArriveAnOctetAtATime(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.expect(wire.TypeOpen)
		o := opening()
		stream, _ := o.Append(nil)
		stream = wire.AppendKeepalive(stream)
		stream = wire.AppendEndOfRIB(stream, bgp.IPv4Unicast)
		stream = wire.AppendEndOfRIB(stream, bgp.IPv6Unicast)
		for _, octet := range stream {
			f.send(octet)
			synctest.Wait()
		}
		b.wantHistory("up h1")
		if len(b.rec.items) != 2 {
			t.Fatalf("the handler got %d items, want 2", len(b.rec.items))
		}
	})
}

func TestASilentPeerIsGivenUpAfterTheHoldTime(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		o := opening()
		o.HoldTime = 30 // the smaller of the two counts
		f.establish(o)
		start := time.Now()
		f.expectNotification(4, 0)
		if silent := time.Since(start); silent < 30*time.Second || silent > 31*time.Second {
			t.Fatalf("given up after %s, want 30s to 31s", silent)
		}
		b.wantHistory("up h1", "down h1: sent NOTIFICATION: hold timer expired (4/0)")
	})
}

func TestKeepalivesComeAThirdOfTheHoldTimeApart(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		o := opening()
		o.HoldTime = 30
		f.establish(o)
		last := time.Now()
		for range 20 {
			f.expect(wire.TypeKeepalive)
			if gap := time.Since(last); gap < 7*time.Second || gap > 10*time.Second {
				t.Fatalf("%s between KEEPALIVEs, want 7.5s to 10s", gap)
			}
			last = time.Now()
			f.send(wire.AppendKeepalive(nil)...)
		}
		b.wantHistory("up h1")
	})
}

func TestHoldTimeZeroMeansNoTimers(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		o := opening()
		o.HoldTime = 0
		f.establish(o)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if len(f.in.octets) != 0 {
			t.Fatalf("received %x in a day of silence", f.in.octets)
		}
		b.wantHistory("up h1")
	})
}

func TestOpenSentIsBounded(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		start := time.Now()
		f.expectNotification(4, 0)
		if waited := time.Since(start); waited != openWait {
			t.Fatalf("waited %s for OPEN, want %s", waited, openWait)
		}
	})
}

// The tables are busy for an hour. The peer goes on sending, so it is alive; our
// KEEPALIVEs go on, so that we are to it.
func TestTimeWeSpendNotReadingDoesNotCostThePeerItsSession(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		b.rec.block = make(chan struct{})
		f := b.connect()
		f.establish(opening())
		f.send(wire.AppendEndOfRIB(nil, bgp.IPv4Unicast)...)
		seen := 0
		for start := time.Now(); time.Since(start) < time.Hour; {
			f.expect(wire.TypeKeepalive)
			seen++
			f.send(wire.AppendKeepalive(nil)...)
		}
		if seen < 100 {
			t.Fatalf("%d KEEPALIVEs in an hour", seen)
		}
		b.rec.mu.Lock()
		close(b.rec.block)
		b.rec.block = nil
		b.rec.mu.Unlock()
		b.wantHistory("up h1")
		// It reads again, and silence counts again.
		f.expectNotification(4, 0)
	})
}

// stub is a stream of so many KEEPALIVE-sized messages.
type stub struct {
	mu   sync.Mutex
	left int
}

func (s *stub) Next(octets [][]byte, limit int) ([][]byte, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(s.left, limit/23)
	s.left -= n
	for range n {
		octets = append(octets, wire.AppendEndOfRIB(nil, bgp.IPv4Unicast))
	}
	return octets, n
}

func TestASlowPeerGetsEverythingWhole(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connectFrom(theirAddr, 100)
		f.establish(opening())
		b.rec.sessions[0].Attach(&stub{left: 5000})
		for n := 0; n < 5000; {
			switch typ, _ := f.receive(); typ {
			case wire.TypeUpdate:
				n++
			case wire.TypeKeepalive:
			default:
				t.Fatalf("received %s", typ)
			}
		}
		b.wantHistory("up h1")
	})
}

func TestDeconfigurationIsCeaseThreeAndTouchesNobodyElse(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		other := client()
		other.Remote, other.Name = netip.MustParseAddr("192.0.2.3"), "h2"
		b := newBench(t, client(), other)
		defer b.end()
		f, g := b.connect(), b.connectFrom(other.Remote, 1<<20)
		f.establish(opening())
		o := opening()
		o.RouterID++
		g.establish(o)
		renamed := other
		renamed.Name, renamed.Rack = "h2-renamed", "r9"
		b.server.Apply(&peering.Plan{Sessions: []peering.Session{renamed}})
		f.expectNotification(bgp.CodeCease, bgp.CeasePeerDeconfigured)
		f.Close()
		b.wantHistory("up h1", "up h2", "down h1: sent NOTIFICATION: cease, peer de-configured (6/3)")
		if len(g.in.octets) != 0 {
			t.Fatalf("the bystander was sent %x", g.in.octets)
		}
		// What the peer can tell costs it its session.
		renamed.HoldTime = 30 * time.Second
		b.server.Apply(&peering.Plan{Sessions: []peering.Session{renamed}})
		g.expectNotification(bgp.CodeCease, bgp.CeaseConfigChange)
	})
}

func TestStrangersAreRefusedAndListed(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connectFrom(netip.MustParseAddr("198.51.100.7"), 1<<20)
		f.expectNotification(bgp.CodeCease, bgp.CeaseConnectionRejected)
		f.Close()
		mend := ": no node, router or --accept-range has this address; add it to the node that it is"
		for _, want := range []string{"refused 1 connection at 2000-01-01T00:00:00Z", "refused 2 connections, the last at 2000-01-01T00:05:00Z"} {
			problems := b.server.Problems()
			if len(problems) != 1 || problems[0] != (Problem{"198.51.100.7", want + mend}) {
				t.Fatalf("problems are %v, want one: %s", problems, want)
			}
			time.Sleep(5 * time.Minute)
			f = b.connectFrom(netip.MustParseAddr("198.51.100.7"), 1<<20)
			f.expectNotification(bgp.CodeCease, bgp.CeaseConnectionRejected)
			f.Close()
		}
		if n := b.server.Refused(); n != 3 {
			t.Fatalf("%d connections were refused, want 3", n)
		}
		time.Sleep(refusalTime + time.Second)
		if problems := b.server.Problems(); len(problems) != 0 {
			t.Fatalf("a stranger that no longer calls is still a problem: %v", problems)
		}
		named := client()
		named.Remote = netip.MustParseAddr("198.51.100.7")
		b.connectFrom(named.Remote, 1<<20).Close()
		b.server.Apply(&peering.Plan{Sessions: []peering.Session{client(), named}})
		if problems := b.server.Problems(); len(problems) != 0 {
			t.Fatalf("who is in the inventory now is still a problem: %v", problems)
		}
		b.server.Apply(&peering.Plan{Sessions: []peering.Session{client()}})
		plan := &peering.Plan{
			Sessions: []peering.Session{client()},
			Ranges:   []peering.Range{{Prefix: netip.MustParsePrefix("198.51.100.0/24")}},
			Template: client(),
		}
		b.connectFrom(netip.MustParseAddr("198.51.100.7"), 1<<20).Close()
		b.server.Apply(plan)
		if problems := b.server.Problems(); len(problems) != 0 {
			t.Fatalf("who is a peer now is still a problem: %v", problems)
		}
		f = b.connectFrom(netip.MustParseAddr("198.51.100.7"), 1<<20)
		f.establish(opening())
		b.wantHistory("up 198.51.100.7")
		f.Close()
		synctest.Wait()
		if n := len(b.server.Peers()); n != 1 {
			t.Fatalf("%d peers are left after the stranger went, want 1", n)
		}
	})
}

// Strangers in any number cost no more than so many do.
func TestTheLatestStrangersAreRemembered(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.end()
		first := netip.MustParseAddr("198.18.0.0")
		for addr := first; b.server.Refused() < refusalsMost+10; addr = addr.Next() {
			b.connectFrom(addr, 1<<20).Close()
			time.Sleep(time.Second)
		}
		problems := b.server.Problems()
		if len(problems) != refusalsMost || problems[0].Object != "198.18.0.10" || problems[refusalsMost-1].Object != "198.18.1.9" {
			t.Errorf("%d strangers are remembered, the first %s, the last %s; want the latest %d",
				len(problems), problems[0].Object, problems[len(problems)-1].Object, refusalsMost)
		}
	})
}

func TestWhoSaysAnotherASIsToldApart(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		o := opening()
		o.ASN = 65001
		message, _ := o.Append(nil)
		f.send(message...)
		f.expectNotification(bgp.CodeOpen, bgp.OpenBadPeerAS)
		synctest.Wait()
		want := "sent NOTIFICATION: OPEN error, bad peer AS (2/2): it says AS 65001, and 64512 is expected"
		if got := b.server.Peers()[0].LastError; got != want {
			t.Errorf("the last error is %q, want %q", got, want)
		}
	})
}

func TestAReasonIsSentAndShown(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		if err := b.server.Reset(theirAddr, "maintenance at 10 → 11"); err != nil {
			t.Fatal(err)
		}
		if n := f.expectNotification(bgp.CodeCease, bgp.CeaseAdminReset); n.Reason() != "maintenance at 10 → 11" {
			t.Fatalf("the reason arrived as %q", n.Reason())
		}
		f.Close()
		synctest.Wait()

		f = b.connect()
		f.establish(opening())
		f.send(wire.AppendNotification(nil, bgp.Cease(bgp.CeaseAdminShutdown, "bye"))...)
		synctest.Wait()
		f.Close()
		if got := b.server.Peers()[0].LastError; got != "peer sent NOTIFICATION: cease, administrative shutdown (6/2): bye" {
			t.Fatalf("last error is %q", got)
		}
	})
}

// restarting is the OPEN of a peer with graceful restart.
func restarting(notification bool) wire.Open {
	o := opening()
	o.Capabilities.Restart = wire.GracefulRestart{Offered: true, Notification: notification, Time: 120, Families: both, Forwarding: both}
	return o
}

func TestWhatEndsASessionDecidesWhetherItsRoutesStay(t *testing.T) {
	hard := &bgp.Notification{Code: bgp.CodeCease, Subcode: bgp.CeaseHardReset}
	soft := bgp.Cease(bgp.CeaseAdminReset, "")
	for _, c := range []struct {
		name string
		open wire.Open
		end  func(*bench, *far)
		want string
	}{
		{
			"a broken connection, without graceful restart: no", opening(), func(_ *bench, f *far) { f.Close() },
			"down h1: peer closed the connection",
		},
		{
			"a broken connection, with it: yes", restarting(false), func(_ *bench, f *far) { f.Close() },
			"down h1: peer closed the connection (graceful ipv4+ipv6)",
		},
		{
			"a NOTIFICATION: no (RFC 4724)", restarting(false), func(_ *bench, f *far) { f.send(wire.AppendNotification(nil, soft)...) },
			"down h1: peer sent NOTIFICATION: cease, administrative reset (6/4)",
		},
		{
			"a NOTIFICATION, both with the N bit: yes (RFC 8538)", restarting(true), func(_ *bench, f *far) { f.send(wire.AppendNotification(nil, soft)...) },
			"down h1: peer sent NOTIFICATION: cease, administrative reset (6/4) (graceful ipv4+ipv6)",
		},
		{
			"a hard reset: no", restarting(true), func(_ *bench, f *far) { f.send(wire.AppendNotification(nil, hard)...) },
			"down h1: peer sent NOTIFICATION: cease, hard reset (6/9)",
		},
		{
			"the hold time, both with the N bit: yes", restarting(true), func(_ *bench, f *far) { time.Sleep(91 * time.Second) },
			"down h1: sent NOTIFICATION: hold timer expired (4/0) (graceful ipv4+ipv6)",
		},
		{
			"an UPDATE that resets the session: no (RFC 4724)", restarting(false), func(_ *bench, f *far) { f.send(message(2, 0, 9, 0, 0)...) },
			"down h1: sent NOTIFICATION: UPDATE error, malformed attribute list (3/1)",
		},
		{
			"an UPDATE that resets the session, both with the N bit: yes (RFC 8538)", restarting(true), func(_ *bench, f *far) { f.send(message(2, 0, 9, 0, 0)...) },
			"down h1: sent NOTIFICATION: UPDATE error, malformed attribute list (3/1) (graceful ipv4+ipv6)",
		},
		{
			"removal from the inventory: no", restarting(true), func(b *bench, f *far) { b.server.Apply(&peering.Plan{}) },
			"down h1: sent NOTIFICATION: cease, peer de-configured (6/3)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t, client())
				defer b.end()
				f := b.connect()
				f.establish(c.open)
				c.end(b, f)
				b.wantHistory("up h1", c.want)
				f.Close()
			})
		})
	}
}

func TestPlanAppliedTwiceEqualsOnce(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		for range 3 {
			b.server.Apply(&peering.Plan{Sessions: []peering.Session{client()}})
		}
		synctest.Wait()
		if len(f.in.octets) != 0 {
			t.Fatalf("the peer was sent %x", f.in.octets)
		}
		b.wantHistory("up h1")
	})
}

func TestAPasswordThatCannotBeReadKeepsTheSessionDown(t *testing.T) {
	file := t.TempDir() + "/password"
	virtual.Test(t, func(t *testing.T) {
		spec := client()
		spec.PasswordFile = file
		b := newBench(t, spec)
		defer b.end()
		f := b.connect()
		f.expectNotification(bgp.CodeCease, bgp.CeaseConnectionRejected)
		if p := b.server.Problems(); !strings.Contains(p[0].Text, "no such file") {
			t.Fatalf("problems are %v", p)
		}
		f.Close()
		if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		b.server.Apply(&peering.Plan{Sessions: []peering.Session{spec}})
		g := b.connect()
		g.establish(opening())
		b.wantHistory("up h1")
	})
}

// The plan is applied whenever anything of the inventory changes.
func TestAPasswordThatCanBeReadNoMoreEndsNoSession(t *testing.T) {
	file := t.TempDir() + "/password"
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	virtual.Test(t, func(t *testing.T) {
		spec := client()
		spec.PasswordFile = file
		b := newBench(t, spec)
		defer b.end()
		f := b.connect()
		f.establish(opening())
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			b.server.Apply(&peering.Plan{Sessions: []peering.Session{spec}})
			synctest.Wait()
			if p := b.server.Problems(); len(p) != 1 || !strings.Contains(p[0].Text, "no such file") {
				t.Errorf("problems are %v", p)
			}
		}
		if len(f.in.octets) != 0 {
			t.Errorf("the peer was sent %x", f.in.octets)
		}
		b.wantHistory("up h1")
	})
}

func TestAClientOfARangeThatComesToBeKnownKeepsItsSession(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*peering.Session)
		want   []string
	}{
		{"as it is", func(*peering.Session) {}, []string{"up 192.0.2.2"}},
		{"otherwise", func(s *peering.Session) { s.HoldTime = 30 * time.Second }, []string{
			"up 192.0.2.2", "down 192.0.2.2: sent NOTIFICATION: cease, other configuration change (6/6)",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t)
				defer b.end()
				ranges := []peering.Range{{Prefix: netip.MustParsePrefix("192.0.2.0/24")}}
				b.server.Apply(&peering.Plan{Ranges: ranges, Template: client()})
				f := b.connect()
				f.establish(opening())
				known := client()
				c.change(&known)
				b.server.Apply(&peering.Plan{Sessions: []peering.Session{known}, Ranges: ranges, Template: client()})
				synctest.Wait()
				b.wantHistory(c.want...)
				if peers := b.server.Peers(); len(peers) != 1 || peers[0].Spec != known {
					t.Errorf("the peers are %+v", peers)
				}
			})
		})
	}
}
