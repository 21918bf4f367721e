package api

import (
	"fmt"
	"net/http"
	"net/netip"

	"heddle/internal/web"
	"heddle/reflector"
)

// Explanation is why a prefix is where it is, and why it is not where it is not, in
// the order it is decided, as /api/v1/explain has it.
type Explanation struct {
	Prefix    netip.Prefix `json:"prefix"`
	Ownership string       `json:"ownership"` // off, warn, enforce
	Workloads []Workload   `json:"workloads"` // that have the address
	Paths     []Path       `json:"paths"`     // import and decision, the best first
	Disputed  bool         `json:"disputed"`  // no evidence says which of several hosts is right
	Summary   *Summary     `json:"summary,omitempty"`
	Exports   []Export     `json:"exports"`
}

// Workload is a workload of the inventory.
type Workload struct {
	Node  string   `json:"node"`
	Name  string   `json:"name"`
	State string   `json:"state"` // live, prepared
	Tags  []string `json:"tags"`
}

// Export is what peers of one update group, or one of them, hear of a prefix.
type Export struct {
	Group   string      `json:"group"`
	Peer    string      `json:"peer,omitempty"`
	Address *netip.Addr `json:"address,omitempty"`
	Heard   bool        `json:"heard"`
	// NoAdvertise: it is to use the route and to tell nobody.
	NoAdvertise bool   `json:"noAdvertise"`
	Path        string `json:"path"` // names of the peers whose paths are heard
	Reason      string `json:"reason"`
}

// explain answers with one Explanation.
func (h *handler) explain(w http.ResponseWriter, r *http.Request) {
	state, ok := h.begin(w, r, "prefix", "to")
	if !ok {
		return
	}
	prefix, err := ParsePrefix(r.URL.Query().Get("prefix"))
	if err != nil {
		web.Refuse(w, http.StatusBadRequest, err)
		return
	}
	to := r.URL.Query().Get("to")
	e, known, err := state.Tables.Explain(r.Context(), prefix, to)
	switch {
	case err != nil:
		web.Refuse(w, http.StatusServiceUnavailable, err)
	case !known:
		web.Refuse(w, http.StatusNotFound, fmt.Errorf("no peer %q has a session: `heddle show peers` lists names and addresses", to))
	default:
		web.WriteObject(w, http.StatusOK, explanationOf(&e))
	}
}

func explanationOf(e *reflector.Explanation) Explanation {
	shown := Explanation{Prefix: e.Prefix, Ownership: e.Ownership.String(), Workloads: []Workload{}, Paths: []Path{}, Disputed: e.Disputed, Exports: []Export{}}
	for _, w := range e.Workloads {
		shown.Workloads = append(shown.Workloads, Workload{w.Node, w.Name, w.State.String(), orEmpty(w.Tags)})
	}
	for i := range e.Paths {
		shown.Paths = append(shown.Paths, pathOf(&e.Paths[i]))
	}
	if e.Summary != nil {
		s := summaryOf(e.Summary)
		shown.Summary = &s
	}
	for i := range e.Exports {
		shown.Exports = append(shown.Exports, exportOf(&e.Exports[i]))
	}
	return shown
}

func exportOf(x *reflector.Export) Export {
	shown := Export{
		Group: x.Group, Peer: x.To, Heard: x.Heard() && !x.Own, NoAdvertise: x.Confined(), Path: x.Path, Reason: x.Why.String(),
	}
	if x.Address.IsValid() {
		shown.Address = &x.Address
	}
	if x.Heard() && x.Own {
		shown.Reason = "its own route is not told back to it"
	}
	return shown
}
