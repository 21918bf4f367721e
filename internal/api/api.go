package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"heddle/bgp"
	"heddle/internal/web"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/reflector"
	"heddle/reflector/rib"
	"heddle/topology"
	"heddle/topology/etcd"
)

// Sessions is what there is to ask of the sessions' server.
type Sessions interface {
	Peers() []session.Status
	Problems() []session.Problem
	Refused() uint64
	Panics() uint64
}

// Tables is what there is to ask of the reflector.
type Tables interface {
	Report(context.Context) (reflector.Report, error)
	Lookup(context.Context, netip.Prefix) (reflector.Route, error)
	Routes(context.Context, bgp.Family, func(reflector.Route) error) error
	Summaries(context.Context) ([]reflector.SummaryState, error)
	Exceptions(context.Context, bgp.Family, func(reflector.ExceptionRoute) error) error
	Ghosts(context.Context, bgp.Family, func(reflector.Ghost) error) error
	BlackHoles(context.Context, func(reflector.BlackHole) error) error
	Compare(context.Context, *topology.Snapshot) (reflector.TableChange, error)
	Explain(ctx context.Context, prefix netip.Prefix, to string) (e reflector.Explanation, known bool, err error)
}

// State is the daemon at a moment: what this package and internal/telemetry read.
type State struct {
	Self     rib.Self
	Complete bool               // the first whole inventory is here, or none is followed
	Snapshot *topology.Snapshot // that inventory, as etcd has it
	Fabric   *topology.Snapshot // the same with what files say: what routes are judged by
	// Plan says which sessions a fabric would have.
	Plan     func(*topology.Snapshot) *peering.Plan
	Planning []peering.Problem // what of it no session can fulfil
	Sessions Sessions          // nil until they are planned; then Tables is there, too
	Tables   Tables
	Stopping bool
	Withheld []topology.Withheld // what etcd has otherwise than the inventory in force
	Frozen   string              // why, until a person says so; empty: each for its time
	Doubts   []topology.Problem  // about the inventory as a whole
	Saved    time.Time           // of what time the inventory is, while it is that of the disk; else zero
	// Datastore is how the inventory is followed; nil: it is not.
	Datastore *etcd.Status
}

// Version says which build runs.
type Version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// New returns the handler of everything this package answers. State is called for
// each request, from many goroutines.
func New(version Version, state func() State) http.Handler {
	h := &handler{state: state}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", h.alive)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.HandleFunc("GET /api/v1/version", func(w http.ResponseWriter, _ *http.Request) { web.WriteObject(w, http.StatusOK, version) })
	mux.HandleFunc("GET /api/v1/routes", h.routes)
	mux.HandleFunc("GET /api/v1/peers", list(h, peers))
	mux.HandleFunc("GET /api/v1/groups", list(h, groups))
	mux.HandleFunc("GET /api/v1/racks", list(h, racks))
	mux.HandleFunc("GET /api/v1/summaries", list(h, summaries))
	mux.HandleFunc("GET /api/v1/exceptions", streamed(h, exceptions))
	mux.HandleFunc("GET /api/v1/ghosts", streamed(h, ghosts))
	mux.HandleFunc("GET /api/v1/blackholes", streamed(h, blackHoles))
	mux.HandleFunc("GET /api/v1/explain", h.explain)
	mux.HandleFunc("POST /api/v1/diff", h.diff)
	mux.HandleFunc("GET /api/v1/withheld", list(h, withheld))
	mux.HandleFunc("GET /api/v1/problems", list(h, problems))
	return mux
}

type handler struct{ state func() State }

// list answers with all elements of a slice.
func list[T any](h *handler, answer func(context.Context, State) ([]T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		state, ok := h.begin(w, r)
		if !ok {
			return
		}
		elements, err := answer(r.Context(), state)
		if err != nil {
			web.Refuse(w, http.StatusServiceUnavailable, err)
			return
		}
		a := web.NewArray(w)
		for _, element := range elements {
			if a.Add(element) != nil {
				return // nobody reads any more
			}
		}
		_ = a.End()
	}
}

// begin gives the state, unless there is nothing to show yet or the question is
// not one: a misspelt parameter must not pass for a question without it.
func (h *handler) begin(w http.ResponseWriter, r *http.Request, parameters ...string) (State, bool) {
	for name := range r.URL.Query() {
		if !slices.Contains(parameters, name) {
			web.Refuse(w, http.StatusBadRequest, fmt.Errorf("%s has no parameter %q", r.URL.Path, name))
			return State{}, false
		}
	}
	state := h.state()
	if state.Sessions == nil {
		w.Header().Set("Retry-After", "1")
		web.Refuse(w, http.StatusServiceUnavailable, errors.New(incomplete(state)))
		return State{}, false
	}
	return state, true
}

// incomplete says why there is nothing to show yet.
func incomplete(s State) string {
	text := "the inventory is not complete yet"
	switch {
	case s.Complete:
		return "the inventory is complete, the sessions are about to start"
	case s.Datastore == nil:
	case s.Datastore.LastError != "":
		text += ": " + s.Datastore.LastError
	case s.Datastore.LastContact.IsZero():
		text += ": etcd has not answered so far"
	}
	return text
}
