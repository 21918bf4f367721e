package hostapi

import (
	"net/http"
	"time"

	"heddle/agent"
	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/internal/web"
	"heddle/peering/session"
)

// Workload is a workload of the host.
type Workload struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
	Interface string   `json:"interface,omitempty"`
	MAC       string   `json:"mac,omitempty"`
	Tags      []string `json:"tags"`
	State     string   `json:"state"` // live or prepared, as the inventory has it
	Announced bool     `json:"announced"`
	Waits     string   `json:"waits,omitempty"` // what for, if it is not announced
}

func workloads(s *agent.Status, add func(any) error) error {
	if s.State == nil {
		return nil
	}
	for _, w := range s.State.Workloads {
		out := Workload{
			Name: w.Name, Interface: w.Interface, MAC: w.MAC.String(), Tags: w.Tags, State: w.Workload.State.String(),
			Announced: s.Says[w.Name], Waits: w.Waits,
		}
		if out.Tags == nil {
			out.Tags = []string{}
		}
		if !out.Announced && out.Waits == "" {
			out.Waits = "its chains or its route are not in place: see show problems"
		}
		for _, a := range w.Addresses {
			out.Addresses = append(out.Addresses, a.String())
		}
		if err := add(out); err != nil {
			return err
		}
	}
	return nil
}

// Way is one way that a route leads.
type Way struct {
	Via       string `json:"via,omitempty"`
	Interface string `json:"interface"`
}

// Path is what one reflector says of a prefix.
type Path struct {
	From      string `json:"from"`
	NextHop   string `json:"nextHop"`
	LocalPref uint32 `json:"localPref"`
	Best      bool   `json:"best"`
	Stale     bool   `json:"stale"`
}

// Route is a prefix and where it leads.
type Route struct {
	Prefix    string   `json:"prefix"`
	Workload  string   `json:"workload,omitempty"` // of this host
	Ways      []Way    `json:"ways"`               // none: it is not in the kernel
	Why       string   `json:"why,omitempty"`      // it is not
	Tags      []string `json:"tags"`
	Stale     bool     `json:"stale"`
	Paths     []Path   `json:"paths,omitempty"`
	Installed bool     `json:"installed"`
}

func routeOf(s *agent.Status, r *agent.Route) Route {
	out := Route{Prefix: r.Prefix.String(), Workload: r.Local, Why: r.Why, Tags: r.Tags, Stale: r.Stale, Ways: []Way{}}
	if out.Tags == nil {
		out.Tags = []string{}
	}
	for _, h := range r.Ways {
		way := Way{Interface: s.LinkName(h.Link)}
		if h.Via.IsValid() {
			way.Via = h.Via.String()
		}
		out.Ways = append(out.Ways, way)
	}
	for _, p := range r.Said {
		out.Paths = append(out.Paths, Path{From: p.Peer.String(), NextHop: p.NextHop.String(), LocalPref: p.LocalPref, Best: p.Best, Stale: p.Stale})
	}
	out.Installed = len(out.Ways) > 0 && out.Why == ""
	return out
}

// Peer is a session with a reflector.
type Peer struct {
	Name      string    `json:"name"`
	Address   string    `json:"address"`
	State     string    `json:"state"`
	Since     time.Time `json:"since"`
	LastError string    `json:"lastError,omitempty"`
	BFD       string    `json:"bfd,omitempty"` // absent: the way to it is not watched
}

func (h *handler) peers(w http.ResponseWriter, _ *http.Request) {
	s, ok := h.running(w)
	if !ok {
		return
	}
	a := web.NewArray(w)
	for _, p := range s.Sessions.Peers() {
		if a.Add(peerOf(&p)) != nil {
			return
		}
	}
	_ = a.End()
}

func peerOf(p *session.Status) Peer {
	out := Peer{Name: p.Spec.Name, Address: p.Spec.Remote.String(), State: p.State.String(), Since: p.Since, LastError: p.LastError}
	if p.Spec.BFD.On() {
		out.BFD = p.BFD.State.String()
	}
	return out
}

// Rule is a rule of a chain, in iptables' words.
type Rule struct {
	Family string `json:"family"`
	Table  string `json:"table"`
	Chain  string `json:"chain"`
	Rule   int    `json:"rule"` // from 1
	Text   string `json:"text"`
	Note   string `json:"note,omitempty"`
}

func policy(s *agent.Status, add func(any) error) error {
	if s.State == nil {
		return nil
	}
	for _, f := range bgp.Families {
		for _, chain := range s.State.Filter.Of(f).Chains {
			for i := range chain.Rules {
				if err := add(ruleOf(f, chain.Table, chain.Name, i+1, &chain.Rules[i])); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func ruleOf(f bgp.Family, table firewall.Table, chain string, n int, r *firewall.Rule) Rule {
	return Rule{Family: f.String(), Table: table.String(), Chain: chain, Rule: n, Text: r.Words(f), Note: r.Note}
}

// Problem is something a person should mend.
type Problem struct {
	Object string `json:"object"`
	Text   string `json:"text"`
}

// Explanation is the fate of a packet.
type Explanation struct {
	Passes  bool     `json:"passes"`
	Verdict string   `json:"verdict"`
	Path    []string `json:"path"`
	Steps   []Step   `json:"steps"`
}

// Step is a rule that matched.
type Step struct {
	Table string `json:"table"`
	Chain string `json:"chain"`
	Rule  int    `json:"rule"`
	Text  string `json:"text"`
	Note  string `json:"note,omitempty"`
}

func explanationOf(x *agent.Explanation) Explanation {
	out := Explanation{Passes: x.Passes, Verdict: x.Verdict, Path: x.Path, Steps: []Step{}}
	for _, s := range x.Steps {
		out.Steps = append(out.Steps, Step{s.Table.String(), s.Chain, s.Rule, s.What.Words(x.Family), s.What.Note})
	}
	return out
}
