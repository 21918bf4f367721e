package session

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"heddle/internal/virtual"
)

// ConnectRetryTimer doubles from a second to thirty, less a quarter at most, and
// begins anew after a session.
func TestARouterIsCalledLessAndLessOften(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		net := newSwitchboard()
		calls, answers := make(chan time.Time), make(chan error)
		net.answer = func() error {
			calls <- time.Now()
			return <-answers
		}
		b := newBenchOn(t, net, slog.DiscardHandler, dialled(router()))
		defer b.end()
		last := <-calls
		for _, want := range []time.Duration{2, 4, 8, 16, 30, 30} {
			if got := b.state(); got != Connect {
				t.Fatalf("while it is called, the peer is %s", got)
			}
			answers <- errors.New("no route to host")
			synctest.Wait()
			if p := b.server.Peers()[0]; p.State != Active || p.LastError != "no route to host" {
				t.Fatalf("between calls the peer is %s, its last error %q", p.State, p.LastError)
			}
			at := <-calls
			if gap := at.Sub(last); gap > want*time.Second || gap < want*time.Second*3/4 {
				t.Errorf("%s between calls, want %d s less up to a quarter", gap, want)
			}
			last = at
		}
		answers <- nil
		f := &far{t: t, memory: <-net.calls}
		f.establish(openingOf(router()))
		b.wantHistory("up t1")
		f.Close()
		synctest.Wait()
		ended := time.Now()
		if got := b.state(); got != Idle {
			t.Errorf("after its session the peer is %s, want Idle", got)
		}
		if gap := (<-calls).Sub(ended); gap > time.Second || gap < 3*time.Second/4 {
			t.Errorf("called %s after the session, want 1 s less up to a quarter", gap)
		}
		answers <- errors.New("the test is over")
	})
}
