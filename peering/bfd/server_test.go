package bfd

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"heddle/internal/virtual"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("192.0.2.2")
	usual = Want{Settings: Settings{Interval: 300 * time.Millisecond, Multiplier: 3}}
)

// end is a server on a cable, and what it told.
type end struct {
	*Server
	stop context.CancelFunc
	done chan struct{}

	mu   sync.Mutex
	told []string
}

func (c *cable) end(addr netip.Addr) *end {
	ctx, stop := context.WithCancel(context.Background())
	e := &end{Server: with(plug{c, addr}), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(e.done)
		e.Run(ctx)
	}()
	return e
}

func (e *end) close() {
	e.stop()
	<-e.done
}

func (e *end) changed(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text := fmt.Sprintf("%s to %s: %s", event.From, event.To, event.Reason())
	if event.Broken() {
		text = "broken, " + text
	}
	e.told = append(e.told, text)
}

// wantLast checks what was told last.
func (e *end) wantLast(t *testing.T, want string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.told) == 0 || !strings.Contains(e.told[len(e.told)-1], want) {
		t.Errorf("told %q, want %q at the end", e.told, want)
	}
}

// pair is two ends that watch the path between them, in a bubble.
func pair(t *testing.T, story func(t *testing.T, c *cable, a, b *end)) {
	t.Helper()
	virtual.Test(t, func(t *testing.T) {
		c := newCable()
		a, b := c.end(here), c.end(there)
		a.Set(there, usual, a.changed)
		b.Set(here, usual, b.changed)
		story(t, c, a, b)
		a.close()
		b.close()
		if n := c.open(); n != 0 {
			t.Errorf("%d sockets are left", n)
		}
	})
}

func TestTwoServersFindEachOther(t *testing.T) {
	pair(t, func(t *testing.T, c *cable, a, b *end) {
		time.Sleep(5 * time.Second)
		for _, s := range []Status{a.Status(there), b.Status(here)} {
			if s.State != Up || s.Remote != Up || s.Port != SinglePort || s.Interval != 300*time.Millisecond || s.Detection != 900*time.Millisecond {
				t.Errorf("the session is %+v", s)
			}
		}
		before := c.sentTo(MultihopPort)
		time.Sleep(time.Minute)
		if now := c.sentTo(MultihopPort); now != before {
			t.Errorf("%d packets to the port that is not used", now-before)
		}
	})
}

func TestOverSeveralHopsTheOtherPortIsUsed(t *testing.T) {
	pair(t, func(t *testing.T, c *cable, a, b *end) {
		c.set(func() { c.hops = 2 })
		time.Sleep(5 * time.Second)
		if s := a.Status(there); s.State != Up || s.Port != MultihopPort {
			t.Errorf("the session is %+v", s)
		}
	})
}

// RFC 5082: what has come farther than the session allows is not looked at.
func TestPacketsFromTooFarAway(t *testing.T) {
	for _, c := range []struct {
		name  string
		allow int // hops that the session allows
		lost  int // of the TTL
		up    bool
	}{
		{"one hop, on the link", 1, 0, true},
		{"one hop, behind a router", 1, 1, false},
		{"three hops, behind two routers", 3, 2, true},
		{"three hops, behind three", 3, 3, false},
		{"not known, behind 190, as one that begins with 64", 0, 191, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			pair(t, func(t *testing.T, cable *cable, a, _ *end) {
				want := usual
				want.Hops = c.allow
				a.Set(there, want, a.changed)
				cable.set(func() { cable.hops = c.lost })
				time.Sleep(10 * time.Second)
				if s := a.Status(there); (s.State == Up) != c.up {
					t.Errorf("the session is %+v", s)
				}
			})
		})
	}
}

// What was heard once over a single hop may be behind a router by the time that it is
// heard again.
func TestAPeerThatMovesBehindARouterBeforeThePathIsUpIsFollowed(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		c := newCable()
		a := c.end(here)
		a.Set(there, usual, a.changed)
		synctest.Wait()
		once, _ := plug{c, there}.source(true)
		hello := Packet{State: Down, Multiplier: 3, My: 7, DesiredMinTx: slow, RequiredMinRx: slow}
		once.write(hello.Append(nil), here, netip.AddrPortFrom(here, SinglePort))
		time.Sleep(100 * time.Millisecond)
		if s := a.Status(there); s.State != Init || s.Port != SinglePort {
			t.Fatalf("after a packet over a single hop the session is %+v", s)
		}
		once.close()
		c.set(func() { c.hops = 2 })
		b := c.end(there)
		b.Set(here, usual, b.changed)
		time.Sleep(20 * time.Second)
		if s := a.Status(there); s.State != Up || s.Port != MultihopPort {
			t.Errorf("behind two routers the session is %+v", s)
		}
		a.close()
		b.close()
	})
}

func TestACutBreaksThePathAndItsEndMendsIt(t *testing.T) {
	pair(t, func(t *testing.T, c *cable, a, b *end) {
		time.Sleep(5 * time.Second)
		c.set(func() { c.cut = true })
		time.Sleep(901 * time.Millisecond)
		a.wantLast(t, "broken, Up to Down: nothing heard for 900ms")
		b.wantLast(t, "broken, Up to Down: nothing heard for 900ms")
		c.set(func() { c.cut = false })
		time.Sleep(3 * time.Second)
		a.wantLast(t, "to Up: the peer is heard")
		if s := a.Status(there); s.Flaps != 1 {
			t.Errorf("%d flaps, want 1", s.Flaps)
		}
	})
}

// The machine is busy: readers get no turn for a minute. What has arrived was said.
func TestWhatHasArrivedAndWasNotReadCountsAsHeard(t *testing.T) {
	pair(t, func(t *testing.T, c *cable, a, b *end) {
		time.Sleep(5 * time.Second)
		c.set(func() { c.deaf = true })
		time.Sleep(time.Minute)
		if a.Status(there).Flaps+b.Status(here).Flaps > 0 {
			t.Error("the path was held for broken")
		}
	})
}

// Nor does it lose its place to strangers whose packets came first.
func TestWhatHasArrivedBehindAFloodCountsAsHeard(t *testing.T) {
	pair(t, func(t *testing.T, c *cable, a, b *end) {
		time.Sleep(5 * time.Second)
		c.set(func() { c.deaf = true })
		stranger, _ := plug{c, netip.MustParseAddr("192.0.2.9")}.source(true)
		defer stranger.close()
		for range 2 * takeMost {
			stranger.write([]byte("flood"), here, netip.AddrPortFrom(here, SinglePort))
		}
		time.Sleep(time.Minute)
		if a.Status(there).Flaps+b.Status(here).Flaps > 0 {
			t.Errorf("the path was held for broken: %q", a.told)
		}
	})
}

// Who runs it says goodbye to whom it wants to.
func TestAServerThatEndsSaysNothing(t *testing.T) {
	pair(t, func(t *testing.T, _ *cable, a, b *end) {
		time.Sleep(5 * time.Second)
		a.close()
		synctest.Wait()
		b.wantLast(t, "to Up: the peer is heard")
		time.Sleep(time.Minute)
		b.wantLast(t, "broken, Up to Down: nothing heard for 900ms")
	})
}

func TestASessionThatIsEndedTellsThePeer(t *testing.T) {
	pair(t, func(t *testing.T, _ *cable, a, b *end) {
		time.Sleep(5 * time.Second)
		a.End(there)
		synctest.Wait()
		b.wantLast(t, "Up to Down: the peer has it down administratively")
		if s := a.Status(there); s != (Status{}) {
			t.Errorf("it is still %+v", s)
		}
	})
}

func TestASessionThatIsNotWantedStaysUntilThePeerDropsIt(t *testing.T) {
	pair(t, func(t *testing.T, c *cable, a, b *end) {
		time.Sleep(5 * time.Second)
		a.Set(there, Want{}, nil)
		synctest.Wait()
		told := len(a.told)
		time.Sleep(time.Minute)
		b.wantLast(t, "to Up: the peer is heard")
		if s := a.Status(there); s != (Status{}) {
			t.Errorf("it is shown: %+v", s)
		}
		b.End(here)
		time.Sleep(time.Second)
		if len(a.told) != told || c.open() != 0 {
			t.Errorf("told %q since, and %d sockets are open", a.told[told:], c.open())
		}
	})
}

func TestPortsThatAreTakenAreTriedAgain(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		c := newCable()
		c.taken = true
		a, b := c.end(here), c.end(there)
		a.Set(there, usual, a.changed)
		b.Set(here, usual, b.changed)
		time.Sleep(time.Minute)
		if err := a.Fault(there); err == nil {
			t.Error("nothing is said of the ports")
		}
		c.set(func() { c.taken = false })
		time.Sleep(10 * time.Second)
		if err := a.Fault(there); err != nil || a.Status(there).State != Up {
			t.Errorf("fault %v, session %+v", err, a.Status(there))
		}
		a.close()
		b.close()
	})
}

// A thousand peers are watched by as many goroutines as one.
func TestSessionsCostNoGoroutines(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		c := newCable()
		hub := c.end(here)
		before := runtime.NumGoroutine()
		var peers []*end
		for i := range 1000 {
			addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			hub.Set(addr, usual, nil)
			if i%100 == 0 {
				peer := c.end(addr)
				peer.Set(here, usual, peer.changed)
				peers = append(peers, peer)
			}
		}
		time.Sleep(5 * time.Second)
		if n := runtime.NumGoroutine() - before - 3*len(peers); n > 3 {
			t.Errorf("%d goroutines more", n)
		}
		for _, p := range peers {
			if p.Status(here).State != Up {
				t.Errorf("told %q", p.told)
			}
			p.close()
		}
		hub.close()
	})
}

// The kernel's sockets: TTL, addresses and ports are what the RFCs ask for.
func TestOverTheKernelsSockets(t *testing.T) {
	pid := os.Getpid()
	one := netip.AddrFrom4([4]byte{127, byte(1 + pid>>16), byte(pid >> 8), byte(pid)})
	other := netip.AddrFrom4([4]byte{127, byte(65 + pid>>16), byte(pid >> 8), byte(pid)})
	up := make(chan Status, 2)
	ctx, stop := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	for _, addr := range []netip.Addr{one, other} {
		peer := one
		if addr == one {
			peer = other
		}
		s := New([]netip.Addr{addr})
		ended.Go(func() { s.Run(ctx) })
		s.Set(peer, usual, func(e Event) {
			if e.To == Up {
				go func() { up <- s.Status(peer) }()
			}
		})
	}
	for range 2 {
		if s := <-up; s.State != Up {
			t.Errorf("the session is %+v", s)
		}
	}
	stop()
	ended.Wait()
}

func TestPacketsLeaveFromThePortsThatAreForThat(t *testing.T) {
	s, err := (&udp{}).source(true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if port := s.(*udpSocket).port; port < 49152 {
		t.Errorf("source port is %d", port)
	}
}
