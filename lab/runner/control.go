package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// handler answers the commands of heddle lab.
func (s *supervisor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		answer(w, s.status(r.Context(), r.URL.Query().Has("health")), nil)
	})
	mux.HandleFunc("POST /nodes/{node}/start", s.atNode(func(m *machine) error { return m.boot() }))
	mux.HandleFunc("POST /nodes/{node}/kill", s.atNode(func(m *machine) error { return m.kill() }))
	mux.HandleFunc("POST /nodes/{node}/stop", s.atNode(func(m *machine) error { return m.stop() }))
	mux.HandleFunc("POST /nodes/{node}/cut", s.atNode(func(m *machine) error { return m.cut() }))
	mux.HandleFunc("POST /probes", s.beginProbe)
	mux.HandleFunc("GET /probes/{id}", s.readProbe)
	mux.HandleFunc("DELETE /probes/{id}", s.endProbe)
	return mux
}

// atNode does something to the node that the path names.
func (s *supervisor) atNode(do func(*machine) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m, err := s.machine(r.PathValue("node"))
		if err == nil {
			err = do(m)
		}
		answer(w, struct{}{}, err)
	}
}

func (s *supervisor) machine(name string) (*machine, error) {
	for _, m := range s.nodes() {
		if m.Name == name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("there is no node %s", name)
}

func answer(w http.ResponseWriter, value any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // who asked may have left
}

// status is the lab as it is now.
func (s *supervisor) status(ctx context.Context, health bool) Status {
	s.mu.Lock()
	out := Status{Name: s.order.Name, Phase: s.phase, Failed: s.failed, Nodes: []Node{}, Sessions: []Session{}, Missing: []string{}}
	s.mu.Unlock()
	if out.Phase != "" {
		out.Missing = append(out.Missing, "the lab is "+out.Phase)
		return out
	}
	for _, m := range s.nodes() {
		out.Nodes = append(out.Nodes, m.status())
		if m.process() == 0 {
			out.Missing = append(out.Missing, fmt.Sprintf("%s does not run: %s", m.Name, m.status().Ended))
		}
	}
	s.look(ctx, &out)
	if health && len(out.Missing) == 0 {
		out.Missing = append(out.Missing, s.unhealthy()...)
	}
	return out
}

func (m *machine) status() Node {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := Node{Name: m.Name, Group: m.Group, Rack: m.Labels["rack"], Command: m.Command, Since: m.since, Ended: m.ended}
	if m.cmd != nil {
		n.Process = m.cmd.Process.Pid
	}
	return n
}
