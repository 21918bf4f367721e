package session

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
	"heddle/peering/bfd"
	"heddle/peering/wire"
)

// lost is the event of a peer that fell silent, willed that of one whose people took
// BFD down.
var (
	lost = bfd.Event{
		Change: bfd.Change{From: bfd.Up, To: bfd.Down, Why: bfd.DetectionExpired, Remote: bfd.Up}, Silent: 900 * time.Millisecond,
	}
	willed = bfd.Event{Change: bfd.Change{From: bfd.Up, To: bfd.Down, Why: bfd.NeighbourDown, Remote: bfd.AdminDown}}
)

// restarter is the OPEN of a peer that wants its routes kept over a restart, and over a
// NOTIFICATION.
func restarter() wire.Open {
	o := opening()
	o.Capabilities.Restart = wire.GracefulRestart{Offered: true, Notification: true, Time: 120, Families: both, Forwarding: both}
	return o
}

// RFC 9384; RFC 5882 §4.3.2.2: what BGP does not announce as a restart is none.
func TestABrokenPathEndsTheSessionAtOnceAndItsRoutesAreNotKept(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(restarter())
		start := time.Now()
		b.server.peers[theirAddr].bfdChanged(lost)
		b.wantHistory("up h1", "down h1: sent NOTIFICATION: cease, BFD down (6/10): nothing heard for 900ms")
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %s", took)
		}
		f.expectNotification(bgp.CodeCease, bgp.CeaseBFDDown)
		f = b.connect()
		f.establish(restarter())
		if b.state() != Established {
			t.Errorf("the peer that is back is %s: BFD that is down must not keep it out", b.state())
		}
	})
}

// RFC 5882 §4.3.2: BFD of ours shares the fate of the process, so that a path that breaks
// while a peer restarts is part of the restart.
func TestAPathThatBreaksDuringARestartIsPartOfIt(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(restarter())
		f.Close()
		synctest.Wait()
		b.server.peers[theirAddr].bfdChanged(lost)
		b.wantHistory("up h1", "down h1: peer closed the connection (graceful ipv4+ipv6)")
	})
}

// The tables are busy, so that the end of the connection is not seen for a while.
func TestAPathThatBreaksAfterAnEndThatWasNotReadIsPartOfTheRestart(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		b.rec.block = make(chan struct{})
		f := b.connect()
		f.establish(restarter())
		f.send(plain("10.0.0.0/24")...)
		f.Close()
		time.Sleep(lost.Silent)
		b.server.peers[theirAddr].bfdChanged(lost)
		close(b.rec.block)
		b.wantHistory("up h1", "down h1: peer closed the connection (graceful ipv4+ipv6)")
	})
}

// BGP of a peer that restarted may be back before BFD is, and before that was missed.
func TestASilenceThatARestartExplainsDoesNotEndTheSessionAfterIt(t *testing.T) {
	for _, c := range []struct {
		name      string
		restarted bool
		after     time.Duration // the session came up
		ends      bool
	}{
		{"it restarted, and was silent before", true, lost.Silent - time.Millisecond, false},
		{"it restarted, and was heard since", true, lost.Silent, true},
		{"it did not restart", false, lost.Silent - time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t, client())
				defer b.end()
				o := restarter()
				o.Capabilities.Restart.Restarting = c.restarted
				b.connect().establish(o)
				time.Sleep(c.after)
				b.server.peers[theirAddr].bfdChanged(lost)
				synctest.Wait()
				if ended := len(b.rec.history()) > 1; ended != c.ends {
					t.Errorf("the handler heard %q", b.rec.history())
				}
			})
		})
	}
}

func TestWhatOfAPathDoesNotTouchTheSession(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		for _, e := range []bfd.Event{
			willed,
			{Change: bfd.Change{From: bfd.Init, To: bfd.Down, Why: bfd.DetectionExpired}},
			{Change: bfd.Change{From: bfd.Down, To: bfd.Init, Remote: bfd.Down}},
			{Change: bfd.Change{From: bfd.Init, To: bfd.Up, Remote: bfd.Up}},
		} {
			b.server.peers[theirAddr].bfdChanged(e)
		}
		b.wantHistory("up h1")
	})
}

func TestWhatIsSaidOfAPathThatIsNotUp(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	watched := client()
	watched.BFD = peering.BFD{Interval: 300 * time.Millisecond, Multiplier: 3}
	long, short := now.Add(-time.Minute), now.Add(-time.Second)
	for _, c := range []struct {
		name  string
		s     Status
		fault error
		want  string // empty: nothing
	}{
		{"it is not to be watched", Status{Spec: client(), State: Established, Since: long}, errors.New("taken"), ""},
		{"it is up", Status{Spec: watched, State: Established, Since: long, BFD: bfd.Status{State: bfd.Up}}, nil, ""},
		{"the session has just begun", Status{Spec: watched, State: Established, Since: short, BFD: bfd.Status{State: bfd.Down, Since: long}}, nil, ""},
		{"it broke just now", Status{Spec: watched, State: Established, Since: long, BFD: bfd.Status{State: bfd.Down, Since: short}}, nil, ""},
		{"there is no session", Status{Spec: watched, State: Active, Since: long, BFD: bfd.Status{State: bfd.Down, Since: long}}, nil, ""},
		{
			"its people have it down",
			Status{Spec: watched, State: Established, Since: long, BFD: bfd.Status{State: bfd.Down, Since: long, Heard: true, Remote: bfd.AdminDown}},
			nil, "",
		},
		{"it is silent", Status{Spec: watched, State: Established, Since: long, BFD: bfd.Status{State: bfd.Down, Since: long}}, nil, "configure BFD on the peer"},
		{
			"it does not hear us",
			Status{Spec: watched, State: Established, Since: long, BFD: bfd.Status{State: bfd.Init, Since: long, Heard: true, Remote: bfd.Down, Port: 3784}},
			nil, "let UDP port 3784 through to it",
		},
		{"there are no sockets", Status{Spec: watched, State: Active, BFD: bfd.Status{State: bfd.Down}}, errors.New("UDP port 3784 is taken"), "can't be: UDP port 3784 is taken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, ok := bfdProblem(c.s, c.fault, now)
			if ok != (c.want != "") || !strings.Contains(p.Text, c.want) || (ok && (p.Object != "h1" || !strings.Contains(p.Text, "192.0.2.2"))) {
				t.Errorf("said is %q %q, want %q", p.Object, p.Text, c.want)
			}
		})
	}
}
