package web

import (
	"fmt"
	"net/http"
	"strings"
)

// Check is one thing that health depends on; Failing is empty when all is well.
type Check struct{ Name, Failing string }

// Answer says ok or what is not. With ?verbose it lists the checks, as Kubernetes'
// own endpoints do.
func Answer(w http.ResponseWriter, r *http.Request, name string, checks []Check) {
	code, verdict := http.StatusOK, "passed"
	var lines strings.Builder
	for _, c := range checks {
		if c.Failing == "" {
			fmt.Fprintf(&lines, "[+] %s ok\n", c.Name)
			continue
		}
		fmt.Fprintf(&lines, "[-] %s failed: %s\n", c.Name, c.Failing)
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
