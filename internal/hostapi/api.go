package hostapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"heddle/agent"
	"heddle/internal/web"
	"heddle/peering/session"
	"heddle/topology"
	"heddle/topology/etcd"
)

// Version says what is running.
type Version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// State is what answers are made from.
type State struct {
	Node      string
	Waiting   string // why there are no sessions yet; empty: there are
	Agent     *agent.Agent
	Sessions  *session.Server // nil while Waiting
	Planning  []topology.Problem
	Datastore *etcd.Status // nil: there is none
	Saved     time.Time    // of what time the inventory is, while it is that of the disk; else zero
	Filter    string       // the back end of iptables
}

type handler struct {
	state   func() State
	version Version
}

// New serves the API, health and metrics.
func New(version Version, state func() State) http.Handler {
	h := &handler{state, version}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", h.alive)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.HandleFunc("GET /api/v1/version", func(w http.ResponseWriter, _ *http.Request) { web.WriteObject(w, http.StatusOK, version) })
	mux.HandleFunc("GET /api/v1/workloads", h.status(workloads))
	mux.HandleFunc("GET /api/v1/peers", h.peers)
	mux.HandleFunc("GET /api/v1/policy", h.status(policy))
	mux.HandleFunc("GET /api/v1/problems", h.problems)
	mux.HandleFunc("GET /api/v1/routes", h.routes)
	mux.HandleFunc("GET /api/v1/explain", h.explain)
	mux.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(h), promhttp.HandlerOpts{}))
	return mux
}

// alive is for those who restart what hangs: the loop answers.
func (h *handler) alive(w http.ResponseWriter, r *http.Request) {
	checks := []web.Check{{Name: "http"}}
	if s := h.state(); s.Waiting == "" {
		loop := web.Check{Name: "loop"}
		if _, err := s.Agent.Status(r.Context()); err != nil {
			loop.Failing = err.Error()
		}
		checks = append(checks, loop)
	}
	web.Answer(w, r, "livez", checks)
}

// ready: the host is as the inventory wants it. That etcd or a reflector went away later
// changes nothing about it.
func (h *handler) ready(w http.ResponseWriter, r *http.Request) {
	inventory, firewall := web.Check{Name: "inventory"}, web.Check{Name: "firewall"}
	s := h.state()
	if inventory.Failing = s.Waiting; s.Waiting == "" {
		status, err := s.Agent.Status(r.Context())
		switch {
		case err != nil:
			inventory.Failing = err.Error()
		case !status.Running:
			inventory.Failing = "the inventory has no node " + s.Node
		case status.Guarded != "":
			firewall.Failing = status.Guarded
		}
	}
	web.Answer(w, r, "readyz", []web.Check{inventory, firewall})
}

// status answers with a list made of the agent's status.
func (h *handler) status(list func(*agent.Status, func(any) error) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, ok := h.running(w)
		if !ok {
			return
		}
		status, err := s.Agent.Status(r.Context())
		if err != nil {
			web.Refuse(w, http.StatusServiceUnavailable, err)
			return
		}
		a := web.NewArray(w)
		if list(&status, a.Add) == nil {
			_ = a.End() // who asked may have left
		}
	}
}

func (h *handler) running(w http.ResponseWriter) (State, bool) {
	s := h.state()
	if s.Waiting != "" {
		web.Refuse(w, http.StatusServiceUnavailable, errors.New(s.Waiting))
	}
	return s, s.Waiting == ""
}

func (h *handler) problems(w http.ResponseWriter, r *http.Request) {
	s := h.state()
	list := s.Planning
	if s.Waiting == "" {
		status, err := s.Agent.Status(r.Context())
		if err != nil {
			web.Refuse(w, http.StatusServiceUnavailable, err)
			return
		}
		list = append(list[:len(list):len(list)], status.Problems...)
		for _, p := range s.Sessions.Problems() {
			list = append(list, topology.Problem(p))
		}
	} else {
		list = append(list[:len(list):len(list)], topology.Problem{Object: "node " + s.Node, Text: s.Waiting})
	}
	if s.Datastore != nil && !s.Datastore.Connected {
		text := "is not followed (" + s.Datastore.LastError + "): the host stays as it is"
		if !s.Saved.IsZero() {
			text += fmt.Sprintf(", by the inventory that was kept on disk at %s, %s ago", s.Saved.UTC().Format(time.RFC3339), time.Since(s.Saved).Round(time.Second))
		}
		list = append(list, topology.Problem{Object: "etcd", Text: text})
	}
	a := web.NewArray(w)
	for _, p := range list {
		if a.Add(Problem{p.Object, p.Text}) != nil {
			return
		}
	}
	_ = a.End()
}

func (h *handler) routes(w http.ResponseWriter, r *http.Request) {
	s, ok := h.running(w)
	if !ok {
		return
	}
	status, err := s.Agent.Status(r.Context())
	if err != nil {
		web.Refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	if text := r.URL.Query().Get("address"); text != "" {
		h.route(w, r, s, &status, text)
		return
	}
	a := web.NewArray(w)
	err = s.Agent.Routes(r.Context(), func(route agent.Route) error { return a.Add(routeOf(&status, &route)) })
	if err == nil {
		_ = a.End()
	}
}

// route answers for one address.
func (h *handler) route(w http.ResponseWriter, r *http.Request, s State, status *agent.Status, text string) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		web.Refuse(w, http.StatusBadRequest, fmt.Errorf("%q: want an address such as 10.1.0.5", text))
		return
	}
	route, ok, err := s.Agent.Route(r.Context(), address)
	if err != nil {
		web.Refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	a := web.NewArray(w)
	if ok && a.Add(routeOf(status, &route)) != nil {
		return
	}
	_ = a.End()
}

func (h *handler) explain(w http.ResponseWriter, r *http.Request) {
	s, ok := h.running(w)
	if !ok {
		return
	}
	q, err := question(r)
	if err != nil {
		web.Refuse(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	x, err := s.Agent.Explain(ctx, q)
	if err != nil {
		web.Refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	web.WriteObject(w, http.StatusOK, explanationOf(&x))
}

// question reads the parameters of explain.
func question(r *http.Request) (q agent.Question, err error) {
	v := r.URL.Query()
	if q.Source, err = netip.ParseAddr(v.Get("source")); err != nil {
		return q, fmt.Errorf("source %q: want an address", v.Get("source"))
	}
	if q.Destination, err = netip.ParseAddr(v.Get("destination")); err != nil {
		return q, fmt.Errorf("destination %q: want an address", v.Get("destination"))
	}
	if q.Source.Is4() != q.Destination.Is4() {
		return q, errors.New("source and destination are of two families")
	}
	for _, n := range []struct {
		name string
		bits int
		set  func(uint64)
	}{
		{"protocol", 8, func(n uint64) { q.Protocol = topology.Protocol(n) }},
		{"port", 16, func(n uint64) { q.Port = uint16(n) }},
		{"icmpType", 8, func(n uint64) { q.ICMPType = uint8(n) }},
	} {
		text := v.Get(n.name)
		if text == "" {
			continue
		}
		value, err := strconv.ParseUint(text, 10, n.bits)
		if err != nil {
			return q, fmt.Errorf("%s %q: want a number", n.name, text)
		}
		n.set(value)
	}
	return q, nil
}
