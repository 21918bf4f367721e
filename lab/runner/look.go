package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Where the daemons answer in their node, unless told otherwise.
const (
	reflectorHTTP = "127.0.0.1:8179"
	agentHTTP     = "127.0.0.1:8180"
)

// look asks every daemon of ours how it is, all at once.
func (s *supervisor) look(ctx context.Context, out *Status) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	views := make([]view, len(s.nodes()))
	var asked sync.WaitGroup
	for i, m := range s.nodes() {
		if m.process() == 0 {
			continue
		}
		switch {
		case m.own.reflector:
			asked.Go(func() { views[i].reflector(ctx, m) })
		case m.own.agent:
			asked.Go(func() { views[i].agent(ctx, m) })
		}
	}
	asked.Wait()
	for _, v := range views {
		out.Sessions = append(out.Sessions, v.sessions...)
		out.Missing = append(out.Missing, v.missing...)
	}
}

// view is what one daemon says.
type view struct {
	sessions []Session
	missing  []string
}

func (v *view) lacks(m *machine, format string, args ...any) {
	v.missing = append(v.missing, m.Name+": "+fmt.Sprintf(format, args...))
}

// peer is what is read of one.
type peer struct {
	Name, Role, Rack, State, LastError string
	Address                            netip.Addr
}

// rank puts peers with a session first.
func (p peer) rank() int {
	if p.State == established {
		return 0
	}
	return 1
}

// reflector: it is ready, its sessions are Established, and every live workload's
// addresses are announced by the host that has it.
func (v *view) reflector(ctx context.Context, m *machine) {
	if _, err := m.get(ctx, reflectorHTTP, "/readyz"); err != nil {
		v.lacks(m, "%v", err)
		return
	}
	var peers []peer
	if err := m.ask(ctx, reflectorHTTP, "/api/v1/peers", &peers); err != nil {
		v.lacks(m, "%v", err)
		return
	}
	// A peer with several addresses may call from any of them: one session is enough.
	slices.SortStableFunc(peers, func(a, b peer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.rank(), b.rank()))
	})
	for i, p := range peers {
		if i > 0 && peers[i-1].Name == p.Name {
			continue
		}
		v.sessions = append(v.sessions, Session{m.Name, p.Name, p.Role, p.Rack, p.Address, p.State})
		if p.State != established {
			v.lacks(m, "the session with %s %s is %s %s", p.Role, p.Name, p.State, p.LastError)
		}
	}
	if len(peers) == 0 {
		v.lacks(m, "it has no peers: is the inventory applied?")
	}
	var holes []struct {
		Address        netip.Addr
		Workload, Node string
	}
	if err := m.ask(ctx, reflectorHTTP, "/api/v1/blackholes", &holes); err != nil {
		v.lacks(m, "%v", err)
	}
	for _, h := range holes {
		v.lacks(m, "nobody announces %s, workload %s of %s", h.Address, h.Workload, h.Node)
	}
}

// agent: it is ready, and knows what there is to know.
func (v *view) agent(ctx context.Context, m *machine) {
	if _, err := m.get(ctx, agentHTTP, "/readyz"); err != nil {
		v.lacks(m, "%v", err)
		return
	}
	metrics, err := m.get(ctx, agentHTTP, "/metrics")
	switch {
	case err != nil:
		v.lacks(m, "%v", err)
	case !strings.Contains("\n"+metrics, "\nheddle_agent_synced 1\n"):
		v.lacks(m, "the agent is not in sync yet: what its reflectors say is not complete, or not in the kernel")
	}
}

// ask reads JSON from a daemon in the node.
func (m *machine) ask(ctx context.Context, address, path string, into any) error {
	text, err := m.get(ctx, address, path)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

// get reads what a daemon in the node answers.
func (m *machine) get(ctx context.Context, address, path string) (string, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			err = m.space.Do(func() (err error) {
				// No other goroutine may do the dialling: it would do it elsewhere.
				conn, err = net.DialTimeout(network, address, 5*time.Second)
				return err
			})
			return conn, err
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return "", err
	}
	daemon := "heddle-agent"
	if address == reflectorHTTP {
		daemon = "heddle reflector"
	}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("%s does not answer yet: %w", daemon, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s is not ready: %s", daemon, strings.TrimSpace(string(body)))
	}
	return string(body), err
}

// unhealthy runs the checks that the file has, all at once.
func (s *supervisor) unhealthy(ctx context.Context) []string {
	words := make([]string, len(s.nodes()))
	var asked sync.WaitGroup
	for i, m := range s.nodes() {
		if len(m.Health) > 0 {
			asked.Go(func() { words[i] = m.unhealthy(ctx) })
		}
	}
	asked.Wait()
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

// unhealthy is what the node's check has against it.
func (m *machine) unhealthy(ctx context.Context) string {
	late := fmt.Errorf("no answer after %s", m.HealthMost)
	ctx, cancel := context.WithTimeoutCause(ctx, m.HealthMost, late)
	defer cancel()
	err := m.run(ctx, m.Health)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, late):
		return fmt.Sprintf("%s: its healthcheck gives %v: %q", m.Name, late, m.Health)
	}
	return fmt.Sprintf("%s: its healthcheck fails: %q", m.Name, m.Health)
}
