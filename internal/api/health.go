package api

import (
	"net/http"

	"heddle/internal/web"
)

// alive is for those who restart what hangs: the owner of the tables answers.
// That etcd or a peer is away is no reason to end sessions.
func (h *handler) alive(w http.ResponseWriter, r *http.Request) {
	checks := []web.Check{{Name: "http"}}
	if s := h.state(); s.Tables != nil && !s.Stopping {
		tables := web.Check{Name: "tables"}
		if _, err := s.Tables.Report(r.Context()); err != nil {
			tables.Failing = err.Error()
		}
		checks = append(checks, tables)
	}
	web.Answer(w, r, "livez", checks)
}

// ready is for those who decide whether to rely on us. Once the inventory was
// complete it stays so, whatever becomes of etcd: sessions and routes do not need
// it any more.
func (h *handler) ready(w http.ResponseWriter, r *http.Request) {
	s := h.state()
	inventory, sessions := web.Check{Name: "inventory"}, web.Check{Name: "sessions"}
	if !s.Complete {
		inventory.Failing = incomplete(s)
	}
	switch {
	case s.Stopping:
		sessions.Failing = "the reflector is shutting down"
	case s.Sessions == nil:
		sessions.Failing = "they wait for the inventory"
	}
	web.Answer(w, r, "readyz", []web.Check{inventory, sessions})
}
