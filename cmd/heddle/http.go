package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"time"

	"heddle/internal/api"
	"heddle/internal/command"
	"heddle/internal/telemetry"
)

// serveHTTP answers until the background ends, which it does after sessions and
// tables; stopping is the context that ends first.
func (d *daemon) serveHTTP(stopping, background context.Context) error {
	if d.web == nil {
		return nil
	}
	build := api.Version{Version: command.Release, Commit: command.Commit(), Go: runtime.Version(), Platform: command.Platform()}
	state := func() api.State { return d.state(stopping) }
	mux := http.NewServeMux()
	mux.Handle("/", api.New(build, state))
	mux.Handle("GET /metrics", telemetry.New(build, state))
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return background },
	}
	context.AfterFunc(background, func() { _ = server.Close() })
	if err := server.Serve(d.web); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("HTTP: %w", err)
	}
	return nil
}

// state is what the API and the metrics are read from.
func (d *daemon) state(stopping context.Context) api.State {
	now := d.control.current.Load()
	s := api.State{
		Self: now.self, Complete: now.complete, Snapshot: now.snapshot, Fabric: now.fabric, Plan: now.plan, Planning: now.problems, Stopping: stopping.Err() != nil,
		Withheld: now.withheld, Frozen: now.frozen, Doubts: now.doubts, Saved: now.saved,
	}
	if d.keeper != nil {
		s.Doubts = append(slices.Clip(s.Doubts), d.keeper.Problems()...)
	}
	if now.sessions != nil {
		s.Sessions, s.Tables = now.sessions, now.tables
	}
	if d.watcher != nil {
		status := d.watcher.Status()
		s.Datastore = &status
	}
	return s
}
