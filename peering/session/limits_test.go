package session

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
)

// problemsOf is the problems about an object.
func problemsOf(s *Server, object string) (texts []string) {
	for _, p := range s.Problems() {
		if p.Object == object {
			texts = append(texts, p.Text)
		}
	}
	return texts
}

// A peer that connects and says nothing takes four places, not more, and not for ever:
// the others are told why, and so is the operator.
func TestSlowOpensAreBoundedByCountAndTime(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client(), bystanderSpec())
		defer b.end()
		patient := opening()
		patient.RouterID, patient.HoldTime = 0xc0000203, 0 // nobody speaks for it in all the time
		w := &bystander{b, b.connectFrom(bystanderSpec().Remote, 1<<20)}
		w.f.establish(patient)
		var silent []*far
		for range 500 {
			silent = append(silent, b.connect())
		}
		synctest.Wait()
		if n := b.server.live.Load(); n != connsMost+1 {
			t.Errorf("%d connections are held, want %d and the bystander's", n, connsMost)
		}
		told := 0
		for _, f := range silent[connsMost:] {
			if typ, body := f.receive(); typ == 3 && body[0] == 6 && body[1] == bgp.CeaseOutOfResources {
				told++
			}
			f.Close()
		}
		if told != refusingMost {
			t.Errorf("%d were told that there is no room, want as many as are told at a time: %d", told, refusingMost)
		}
		if texts := problemsOf(b.server, "h1"); len(texts) != 1 || !strings.Contains(texts[0], "refused 496 connections") {
			t.Errorf("problems are %q", texts)
		}
		time.Sleep(openWait)
		for _, f := range silent[:connsMost] {
			f.expectNotification(bgp.CodeHoldTimer, 0)
			f.Close()
		}
		synctest.Wait()
		if n := b.server.live.Load(); n != 1 {
			t.Errorf("in the end %d connections are held, want the bystander's", n)
		}
		w.undisturbed()
		f := b.connect()
		f.establish(opening())
		if b.state() != Established {
			t.Error("the peer can't come back")
		}
	})
}

// When descriptors run out, what is left is for the sessions we have.
func TestPeersBeyondTheDescriptorsAreRefused(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := newBenchOn(t, nil, slog.NewTextHandler(&log, nil))
		defer b.end()
		b.server.limits.most = 6 // of which three are for peers
		plan := &peering.Plan{}
		for i := range 5 {
			s := client()
			s.Remote, s.Name = netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}), fmt.Sprintf("h%d", 10+i)
			plan.Sessions = append(plan.Sessions, s)
		}
		b.server.Apply(plan)
		b.server.Apply(plan)
		if texts := problemsOf(b.server, "descriptors"); len(texts) != 1 || !strings.Contains(texts[0], "5 sessions are wanted, and of 6 descriptors (RLIMIT_NOFILE) 3") {
			t.Errorf("problems are %q", texts)
		}
		if n := strings.Count(log.String(), "not every session can be held"); n != 1 {
			t.Errorf("that was logged %d times, want once:\n%s", n, log.String())
		}
		for i, s := range plan.Sessions {
			f := b.connectFrom(s.Remote, 1<<20)
			if i >= 3 {
				f.wantEnd("6/8")
				continue
			}
			o := opening()
			o.RouterID = bgp.RouterID(100 + i)
			f.establish(o)
		}
		synctest.Wait()
		for i, p := range b.server.Peers() {
			if want := i < 3; (p.State == Established) != want {
				t.Errorf("%s is %s", p.Spec.Name, p.State)
			}
			if texts := problemsOf(b.server, p.Spec.Name); (len(texts) == 1) == (i < 3) {
				t.Errorf("problems of %s are %q", p.Spec.Name, texts)
			}
		}
	})
}

// A minute without descriptors is a few lines, a problem while it lasts, and no more.
func TestALackOfDescriptorsIsLoggedOnceInAWhile(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := newBenchOn(t, nil, slog.NewTextHandler(&log, nil), client())
		defer b.end()
		at := &Listener{addr: netip.MustParseAddrPort("192.0.2.1:179")}
		err := &net.OpError{Op: "accept", Err: syscall.EMFILE}
		for range 60 {
			b.server.acceptFailed(at, err, time.Second)
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "connections can't be accepted"); n != 6 {
			t.Errorf("a minute of it is %d lines, want 6", n)
		}
		if texts := problemsOf(b.server, "listen"); len(texts) != 1 || !strings.Contains(texts[0], "60 times") || !strings.Contains(texts[0], "too many open files") {
			t.Errorf("problems are %q", texts)
		}
		time.Sleep(refusalTime)
		if texts := problemsOf(b.server, "listen"); len(texts) != 0 {
			t.Errorf("long after, problems are %q", texts)
		}
	})
}

// A client of a range that there is no room for leaves nothing behind: ranges are wide.
func TestWhoIsRefusedForWantOfRoomIsForgotten(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.end()
		spec := client()
		spec.Source = peering.SourceRange
		b.server.Apply(&peering.Plan{Ranges: []peering.Range{{Prefix: netip.MustParsePrefix("192.0.2.0/24")}}, Template: spec})
		b.server.limits.most = 2 // of which one is for peers
		first := b.connectFrom(netip.MustParseAddr("192.0.2.10"), 1<<20)
		first.establish(opening())
		for i := range byte(5) {
			b.connectFrom(netip.AddrFrom4([4]byte{192, 0, 2, 20 + i}), 1<<20).wantEnd("6/8")
		}
		synctest.Wait()
		if n := len(b.server.Peers()); n != 1 {
			t.Errorf("%d peers are known, want the one that has a session", n)
		}
		first.Close()
	})
}
