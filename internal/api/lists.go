package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"heddle/bgp"
	"heddle/internal/web"
	"heddle/reflector"
)

// ExceptionRoute is a host route away from home as /api/v1/exceptions has it.
type ExceptionRoute struct {
	Prefix  netip.Prefix `json:"prefix"`
	Pool    string       `json:"pool"`            // empty: in none
	Home    string       `json:"home"`            // rack; empty: unknown
	Now     string       `json:"now"`             // rack; empty: unknown
	Since   *time.Time   `json:"since,omitempty"` // it is away; absent where home or now is unknown
	NextHop netip.Addr   `json:"nextHop"`
	From    string       `json:"from"` // the peer that announced it
}

// Ghost is a route inside a pool that a host announces without a workload.
type Ghost struct {
	Prefix  netip.Prefix `json:"prefix"`
	From    string       `json:"from"`
	Node    string       `json:"node"` // empty: the peer is no node of the inventory
	NextHop netip.Addr   `json:"nextHop"`
	Refused bool         `json:"refused"` // ownership is enforced
}

// BlackHole is an address of a live workload that nobody announces from its node.
type BlackHole struct {
	Address  netip.Addr `json:"address"`
	Workload string     `json:"workload"`
	Node     string     `json:"node"`
	Session  bool       `json:"session"` // the node has one with this reflector
}

// streamed answers with elements as the tables hand them over. Once some are on
// their way, an error breaks the connection: the reader must not take a part for
// the whole.
func streamed(h *handler, walk func(context.Context, State, func(any) error) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		state, ok := h.begin(w, r)
		if !ok {
			return
		}
		a := web.NewArray(w)
		err := walk(r.Context(), state, a.Add)
		switch {
		case err != nil && !a.Begun():
			web.Refuse(w, http.StatusServiceUnavailable, err)
		case err != nil || a.End() != nil:
			panic(http.ErrAbortHandler)
		}
	}
}

func exceptions(ctx context.Context, s State, add func(any) error) error {
	for _, f := range bgp.Families {
		err := s.Tables.Exceptions(ctx, f, func(e reflector.ExceptionRoute) error {
			return add(ExceptionRoute{e.Prefix, e.Pool, e.Home, e.Now, momentOf(e.Since), e.NextHop, e.From})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func ghosts(ctx context.Context, s State, add func(any) error) error {
	for _, f := range bgp.Families {
		if err := s.Tables.Ghosts(ctx, f, func(g reflector.Ghost) error { return add(Ghost(g)) }); err != nil {
			return err
		}
	}
	return nil
}

func blackHoles(ctx context.Context, s State, add func(any) error) error {
	return s.Tables.BlackHoles(ctx, func(b reflector.BlackHole) error { return add(BlackHole(b)) })
}
