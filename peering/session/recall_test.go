package session

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"heddle/internal/virtual"
	"heddle/peering"
	"heddle/peering/wire"
)

// oneMinute asks for our routes to be kept so long.
var oneMinute = Restart{Time: time.Minute}

// wantNoCalls lets time pass in which nobody may be called.
func (b *bench) wantNoCalls(net *switchboard, d time.Duration) {
	b.t.Helper()
	time.Sleep(d)
	select {
	case <-net.calls:
		b.t.Error("somebody was called")
	default:
	}
}

// RFC 4724 §4.1: who keeps our routes may wait to be called.
func TestAClientThatKeepsOurRoutesIsCalledUntilItHasASession(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		spec := client()
		spec.Keep = true
		net := newSwitchboard()
		b := newBenchAsking(t, net, slog.DiscardHandler, oneMinute, spec)
		defer b.end()
		first := &far{t: t, memory: <-net.calls}
		first.expect(wire.TypeOpen)
		first.Close()
		second := &far{t: t, memory: <-net.calls}
		second.establish(opening())
		b.wantNoCalls(net, time.Minute)
		second.Close()
		third := &far{t: t, memory: <-net.calls}
		third.establish(opening())
		b.wantHistory("up h1", "down h1: peer closed the connection", "up h1")
	})
}

func TestWhoIsNotCalled(t *testing.T) {
	for _, c := range []struct {
		name    string
		keep    bool
		restart Restart
	}{
		{"a client whose routes of us another reflector has, too", false, oneMinute},
		{"a client, when we ask nobody to keep routes", true, Restart{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				spec := client()
				spec.Keep = c.keep
				net := newSwitchboard()
				b := newBenchAsking(t, net, slog.DiscardHandler, c.restart, spec)
				defer b.end()
				b.wantNoCalls(net, time.Hour)
			})
		})
	}
}

// A host that is gone is not called for ever, nor one whose own calls come to nothing.
func TestAClientIsCalledNoLongerThanItKeepsOurRoutes(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		spec := client()
		spec.Keep = true
		net := newSwitchboard()
		b := newBenchAsking(t, net, slog.DiscardHandler, oneMinute, spec)
		defer b.end()
		for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
			select {
			case call := <-net.calls:
				(&far{t: t, memory: call}).Close()
			case <-time.After(time.Second):
			}
		}
		f := b.connect()
		f.expect(wire.TypeOpen)
		f.Close()
		b.wantNoCalls(net, time.Hour)
	})
}

// Whoever is lost again while it is being called is called for as long as anybody.
func TestAClientThatIsLostAgainIsCalledAnew(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		spec := client()
		spec.Keep = true
		net, listens := newSwitchboard(), atomic.Bool{}
		net.answer = func() error {
			if listens.Load() {
				return nil
			}
			return errors.New("nobody there")
		}
		b := newBenchAsking(t, net, slog.DiscardHandler, oneMinute, spec)
		defer b.end()
		time.Sleep(50 * time.Second)
		f := b.connect()
		f.establish(opening())
		f.Close()
		time.Sleep(20 * time.Second)
		listens.Store(true)
		time.Sleep(39 * time.Second)
		select {
		case call := <-net.calls:
			call.Close()
		default:
			t.Error("it keeps our routes for a minute, and was not called any more in it")
		}
	})
}

// Calls of ours don't take the descriptors that are kept for other things.
func TestNobodyIsCalledWithoutADescriptorForIt(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		net := newSwitchboard()
		b := newBenchAsking(t, net, slog.DiscardHandler, oneMinute)
		defer b.end()
		b.server.limits.most = 4 // of which two are for peers
		plan := &peering.Plan{}
		for i := range byte(5) {
			spec := client()
			spec.Name, spec.Remote, spec.Keep = fmt.Sprintf("h%d", i), netip.AddrFrom4([4]byte{192, 0, 2, 10 + i}), true
			plan.Sessions = append(plan.Sessions, spec)
		}
		b.server.Apply(plan)
		time.Sleep(20 * time.Second)
		if n := b.server.live.Load(); n > 2 {
			t.Errorf("there are %d connections, and room for 2", n)
		}
		for len(net.calls) > 0 {
			(<-net.calls).Close()
		}
	})
}

// What is true of whoever calls, is true here: a panic ends an attempt, and nothing else.
func TestAPanicWhileAClientIsCalledIsSurvived(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		spec := client()
		spec.Keep = true
		net := newSwitchboard()
		net.answer = func() error { panic("no dialling tone") }
		b := newBenchAsking(t, net, slog.DiscardHandler, oneMinute, spec)
		defer b.end()
		time.Sleep(2 * time.Second)
		if n := b.server.Panics(); n != 1 {
			t.Errorf("%d panics were counted, want 1", n)
		}
		f := b.connect()
		f.establish(opening())
		b.wantHistory("up h1")
	})
}
