package racks

import (
	"bufio"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

// watch notes when a kernel's route to the workload changes, as `ip monitor` says.
type watch struct {
	mu      sync.Mutex
	changes []change
}

// nextHopID is a kernel's number for a next hop, which says nothing to a reader.
var nextHopID = regexp.MustCompile(` nhid \d+`)

// change is a line of `ip monitor route`.
type change struct {
	at   time.Time
	node string
	text string
}

func (f *fabric) watchRoutes() {
	f.t.Helper()
	for _, n := range f.made {
		if n.name == "workload" || n.name == "rr" || strings.HasPrefix(n.name, "lan") {
			continue
		}
		cmd := exec.Command("ip", "-ts", "monitor", "route")
		out, err := cmd.StdoutPipe()
		f.must(err)
		f.must(n.space.Start(cmd))
		n.moved = &watch{}
		go func() {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				n.moved.note(n.name, lines.Text())
			}
			_ = cmd.Wait()
		}()
	}
}

// note reads [2026-11-21T10:01:02.345678] 10.1.0.5 via 172.16.2.21 dev eth1 …
func (w *watch) note(node, line string) {
	stamp, text, ok := strings.Cut(strings.TrimPrefix(line, "["), "] ")
	if !ok || !strings.Contains(text, w4.String()+" ") && !strings.Contains(text, w6.String()+" ") {
		return
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05.999999", stamp, time.Local)
	if err != nil {
		panic("racks: " + err.Error())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changes = append(w.changes, change{at, node, nextHopID.ReplaceAllString(strings.TrimSpace(text), "")})
}

// since lists the changes from a moment on.
func (w *watch) since(from time.Time) []change {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []change
	for _, c := range w.changes {
		if !c.at.Before(from) {
			list = append(list, c)
		}
	}
	return list
}
