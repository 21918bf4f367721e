package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"heddle/peering/session"
	"heddle/reflector"
)

const (
	// drainMost bounds how long peers may take to take in that we are about to go.
	drainMost = 8 * time.Second
	// drainPause is theirs to act on it. Both together are less than what systemd waits
	// before it kills.
	drainPause = 2 * time.Second
)

// drained is a context that ends some time after the first: when peers have been told to
// prefer others, or at another signal.
func (d *daemon) drained(ctx, background context.Context, sessions *session.Server, tables *reflector.Reflector) (after context.Context, stop func()) {
	after, cancel := context.WithCancel(background)
	unhook := context.AfterFunc(ctx, func() {
		defer cancel()
		sessions.Dismiss("the reflector was drained and is shutting down")
		impatient, calm := signal.NotifyContext(background, os.Interrupt, syscall.SIGTERM)
		defer calm()
		d.log.Info("draining", "most", drainMost+drainPause, "sooner", "another signal")
		bounded, done := context.WithTimeout(impatient, drainMost)
		defer done()
		if err := tables.Drain(bounded); err != nil {
			d.log.Warn("not every peer knows that we are about to go", "error", err)
		}
		pause, over := context.WithTimeout(impatient, drainPause)
		defer over()
		<-pause.Done()
	})
	return after, func() { unhook(); cancel() }
}
