package agent

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"heddle/agent/fib"
	"heddle/agent/firewall"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/topology"
)

// A loop that has ended holds up no session, however much it has still to say, and no
// question.
func TestAnEndedLoopHoldsNobodyUp(t *testing.T) {
	filter, _ := firewall.NewFake()
	a := New(Config{ASN: 64512, Kernel: &fib.Fake{}, Filter: filter, Log: slog.New(slog.DiscardHandler)})
	a.sessions = (*fakeSessions)(&bench{})
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	s := &session.Session{}
	for range 2 * eventsMost {
		a.Up(s)
		a.Batch(s, &wire.Batch{})
		a.Down(s, session.Ending{})
	}
	if _, err := a.Status(context.Background()); !errors.Is(err, errStopped) {
		t.Errorf("Status: %v", err)
	}
	if _, err := a.Follow(context.Background(), &topology.Snapshot{}, nil); !errors.Is(err, errStopped) {
		t.Errorf("Follow: %v", err)
	}
}
