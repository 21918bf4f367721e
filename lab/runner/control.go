package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// handler answers the commands of heddle lab.
func (s *supervisor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		answer(w, s.status(r.Context(), r.URL.Query().Has("health")), nil)
	})
	mux.HandleFunc("POST /nodes/{node}/start", s.atNode((*machine).boot))
	mux.HandleFunc("POST /nodes/{node}/kill", s.atNode((*machine).kill))
	mux.HandleFunc("POST /nodes/{node}/stop", s.atNode((*machine).stop))
	mux.HandleFunc("POST /nodes/{node}/cut", s.atNode((*machine).cut))
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
	return nil, noNode(name, len(s.nodes()))
}

// noNode says that there is none of the name, or none yet at all.
func noNode(name string, nodes int) error {
	if nodes == 0 {
		return fmt.Errorf("there is no node %s yet: the lab's cables are being laid", name)
	}
	return fmt.Errorf("there is no node %s", name)
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
	for _, m := range s.nodes() {
		out.Nodes = append(out.Nodes, m.status())
	}
	if out.Failed != "" {
		out.Missing = append(out.Missing, "the lab could not be begun: it stays at "+out.Phase)
		return out
	}
	if out.Phase != "" {
		out.Missing = append(out.Missing, "the lab is "+out.Phase)
		return out
	}
	for _, n := range out.Nodes {
		if n.Process == 0 {
			out.Missing = append(out.Missing, fmt.Sprintf("%s does not run: %s", n.Name, n.Ended))
		}
	}
	s.look(ctx, &out)
	if health && len(out.Missing) == 0 {
		out.Missing = append(out.Missing, s.unhealthy(ctx)...)
	}
	return out
}

func (m *machine) status() Node {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := Node{
		Name: m.Name, Group: m.Group, Rack: m.Labels["rack"], Command: m.Command, Since: m.since, Ended: m.ended,
		Doing: slices.Clone(m.doing), Environment: m.environment(),
	}
	if m.cmd != nil {
		n.Process = m.cmd.Process.Pid
	}
	return n
}
