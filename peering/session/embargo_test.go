package session

import (
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
)

const (
	embargoTime = 5 * time.Minute
	tooMany     = "6/1 00010100000003" // of IPv4, more than three
	ended       = "sent NOTIFICATION: cease, maximum number of prefixes reached (6/1), no session before 2000-01-01T00:05:00Z"
)

// exceed has a peer with a session announce too much, as far as the handler is
// concerned, at the start of time.
func (b *bench) exceed(f *far) {
	b.t.Helper()
	b.rec.sessions[0].EndFor(bgp.MaxPrefixes(bgp.IPv4Unicast, 3), embargoTime)
	f.wantEnd(tooMany)
	f.Close()
	synctest.Wait()
}

// wantRefused wants a call to come to nothing, and the peer to wait.
func (b *bench) wantRefused() {
	b.t.Helper()
	f := b.connect()
	f.wantEnd("6/5")
	f.Close()
	synctest.Wait()
	if p := b.server.Peers()[0]; p.State != Idle || p.LastError != ended {
		b.t.Errorf("the peer is %s, its last error %q, want Idle and %q", p.State, p.LastError, ended)
	}
}

func TestAClientUnderEmbargoIsRefusedUntilItIsOver(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		b.exceed(f)
		b.wantRefused()
		b.wantHistory("up h1", "down h1: "+ended)
		time.Sleep(embargoTime - time.Second)
		b.wantRefused()
		if n := b.server.Refused(); n != 0 {
			t.Errorf("%d of its calls count as those of strangers", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := b.state(); got != Active {
			t.Errorf("when it is over, the peer is %s", got)
		}
		b.connect().establish(opening())
		b.wantHistory("up h1", "down h1: "+ended, "up h1")
	})
}

// wantCalled wants the next call to be made so long after a moment, and not before.
func wantCalled(t *testing.T, net *switchboard, since time.Time, want time.Duration) *far {
	t.Helper()
	m := <-net.calls
	if got := time.Since(since); got != want {
		t.Errorf("called after %s, want %s", got, want)
	}
	return &far{t: t, memory: m}
}

func TestARouterUnderEmbargoIsNotCalledUntilItIsOver(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		net := newSwitchboard()
		b := newBenchOn(t, net, slog.DiscardHandler, dialled(router()))
		defer b.end()
		start := time.Now()
		f := wantCalled(t, net, start, 0)
		f.establish(openingOf(router()))
		b.exceed(f)
		b.wantRefused()
		wantCalled(t, net, start, embargoTime).establish(openingOf(router()))
		b.wantHistory("up t1", "down t1: "+ended, "up t1")
	})
}

// A call that was under way when the embargo began.
func TestACallThatCrossesAnEmbargoComesToNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		fate error
	}{{"it goes through", nil}, {"it does not", errAgain}} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				net := newSwitchboard()
				answers := make(chan error)
				net.answer = func() error { return <-answers }
				b := newBenchOn(t, net, slog.DiscardHandler, dialled(router()))
				defer b.end()
				f := b.connect()
				f.establish(openingOf(router()))
				b.exceed(f)
				answers <- c.fate
				b.wantRefused()
				if c.fate == nil {
					(&far{t: t, memory: <-net.calls}).wantEnd("")
				}
				time.Sleep(embargoTime - time.Minute)
				b.wantRefused()
				time.Sleep(time.Minute)
				answers <- nil // it is called again
				<-net.calls
			})
		})
	}
}

// Who mends the cause need not wait.
func TestAnEmbargoEndsWhenSomebodyActs(t *testing.T) {
	change := func(f func(*peering.Session)) func(*bench, peering.Session) {
		return func(b *bench, spec peering.Session) {
			f(&spec)
			b.server.Apply(&peering.Plan{Sessions: []peering.Session{spec}})
		}
	}
	for _, c := range []struct {
		name string
		act  func(*bench, peering.Session)
		ends bool
	}{
		{"the limit is raised", change(func(s *peering.Session) { s.MaxRoutes = 9 }), true},
		{"the session is wanted otherwise", change(func(s *peering.Session) { s.HoldTime = time.Minute }), true},
		{"a reset", func(b *bench, s peering.Session) { _ = b.server.Reset(s.Remote, "") }, true},
		{"the same plan again", change(func(*peering.Session) {}), false},
	} {
		t.Run(c.name+", a client", func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t, client())
				defer b.end()
				f := b.connect()
				f.establish(opening())
				b.exceed(f)
				time.Sleep(time.Minute)
				c.act(b, client())
				if !c.ends {
					b.wantRefused()
					return
				}
				if got := b.state(); got != Active {
					t.Errorf("then the peer is %s", got)
				}
				b.connect().establish(opening())
				b.wantHistory("up h1", "down h1: "+ended, "up h1")
			})
		})
		for _, after := range []time.Duration{0, time.Minute} {
			t.Run(c.name+", a router, after "+after.String(), func(t *testing.T) {
				virtual.Test(t, func(t *testing.T) {
					net := newSwitchboard()
					b := newBenchOn(t, net, slog.DiscardHandler, dialled(router()))
					defer b.end()
					start := time.Now()
					f := wantCalled(t, net, start, 0)
					f.establish(openingOf(router()))
					b.exceed(f)
					time.Sleep(after)
					c.act(b, dialled(router()))
					want := after
					if !c.ends {
						want = embargoTime
					}
					wantCalled(t, net, start, want)
				})
			})
		}
	}
}

// A second embargo is not cut short by what is left of the first.
func TestALiftedEmbargoLeavesNoTimerBehind(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		b.exceed(f)
		time.Sleep(embargoTime - time.Second)
		_ = b.server.Reset(theirAddr, "")
		f = b.connect()
		f.establish(opening())
		b.rec.sessions[1].EndFor(bgp.MaxPrefixes(bgp.IPv4Unicast, 3), embargoTime)
		time.Sleep(embargoTime - time.Second)
		if got := b.state(); got != Idle {
			t.Errorf("the peer is %s, want Idle", got)
		}
	})
}

// A client of a range is forgotten with its last connection, but not while it has to
// wait: it would be admitted as if it had never been there.
func TestAClientOfARangeIsRememberedWhileItMustWait(t *testing.T) {
	plan := peering.Plan{Ranges: []peering.Range{{Prefix: netip.MustParsePrefix("192.0.2.0/24")}}, Template: client()}
	for _, c := range []struct {
		name string
		act  func(*bench)
	}{
		{"until it is over", func(*bench) { time.Sleep(embargoTime) }},
		{"until the range says otherwise", func(b *bench) {
			other := plan
			other.Template.MaxRoutes = 9
			b.server.Apply(&other)
		}},
		{"until it is reset", func(b *bench) { _ = b.server.Reset(theirAddr, "") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t)
				defer b.end()
				b.server.Apply(&plan)
				f := b.connect()
				f.establish(opening())
				b.exceed(f)
				b.wantRefused()
				c.act(b)
				synctest.Wait()
				if peers := b.server.Peers(); len(peers) != 0 {
					t.Errorf("%s is still remembered, in %s", peers[0].Spec.Remote, peers[0].State)
				}
				b.connect().establish(opening())
			})
		})
	}
}

// Its routes would outlive the session by less than the session is away.
func TestAnEmbargoLeavesNoRoutesBehind(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(restarting(true))
		b.exceed(f)
		b.wantHistory("up h1", "down h1: "+ended)
	})
}

// A connection that might have taken the place of the session ends with it.
func TestAnEmbargoEndsConnectionsThatAreNoSessionYet(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		other := b.connect()
		synctest.Wait()
		b.exceed(f)
		other.wantEnd("6/5")
		other.Close()
		b.wantRefused()
	})
}

// A session that is over already has nothing to say about the next.
func TestASessionThatIsOverBringsNoEmbargo(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		f.Close()
		synctest.Wait()
		b.rec.sessions[0].EndFor(bgp.MaxPrefixes(bgp.IPv4Unicast, 3), embargoTime)
		b.connect().establish(opening())
		b.wantHistory("up h1", "down h1: peer closed the connection", "up h1")
	})
}
