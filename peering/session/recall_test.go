package session

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

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
	synctest.Test(t, func(t *testing.T) {
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
			synctest.Test(t, func(t *testing.T) {
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
	synctest.Test(t, func(t *testing.T) {
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
