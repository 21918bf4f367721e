package api

import (
	"fmt"
	"net/http"
	"strings"
)

// check is one thing that health depends on; failing is empty when all is well.
type check struct{ name, failing string }

// alive is for those who restart what hangs: the owner of the tables answers.
// That etcd or a peer is away is no reason to end sessions.
func (h *handler) alive(w http.ResponseWriter, r *http.Request) {
	checks := []check{{name: "http"}}
	if s := h.state(); s.Tables != nil && !s.Stopping {
		tables := check{name: "tables"}
		if _, err := s.Tables.Report(r.Context()); err != nil {
			tables.failing = err.Error()
		}
		checks = append(checks, tables)
	}
	answer(w, r, "livez", checks)
}

// ready is for those who decide whether to rely on us. Once the inventory was
// complete it stays so, whatever becomes of etcd: sessions and routes do not need
// it any more.
func (h *handler) ready(w http.ResponseWriter, r *http.Request) {
	s := h.state()
	inventory, sessions := check{name: "inventory"}, check{name: "sessions"}
	if !s.Complete {
		inventory.failing = incomplete(s)
	}
	switch {
	case s.Stopping:
		sessions.failing = "the reflector is shutting down"
	case s.Sessions == nil:
		sessions.failing = "they wait for the inventory"
	}
	answer(w, r, "readyz", []check{inventory, sessions})
}

// answer says ok or what is not. With ?verbose it lists the checks, as Kubernetes'
// own endpoints do.
func answer(w http.ResponseWriter, r *http.Request, name string, checks []check) {
	code, verdict := http.StatusOK, "passed"
	var lines strings.Builder
	for _, c := range checks {
		if c.failing == "" {
			fmt.Fprintf(&lines, "[+] %s ok\n", c.name)
			continue
		}
		fmt.Fprintf(&lines, "[-] %s failed: %s\n", c.name, c.failing)
		code, verdict = http.StatusServiceUnavailable, "failed"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	if code == http.StatusOK && !r.URL.Query().Has("verbose") {
		fmt.Fprintln(w, "ok")
		return
	}
	fmt.Fprintf(w, "%s%s check %s\n", lines.String(), name, verdict)
}
