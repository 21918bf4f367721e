package session

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// limits is what the machine has room for, and what was turned away or delayed for want
// of it: none of it is silent.
type limits struct {
	most      int // descriptors of the process; 0: not known
	announced int // sessions wanted when it was last said that they are too many

	mu      sync.Mutex
	failed  event            // accept: no descriptor, mostly
	why     string           // the last of them
	crowded map[string]event // by peer: refused for want of room
	reasons map[string]string
	said    time.Time
}

// event is something that happened some times.
type event struct {
	count uint64
	last  time.Time
}

func (e event) again() event { return event{e.count + 1, time.Now()} }

func newLimits(most int) limits {
	return limits{most: most, crowded: map[string]event{}, reasons: map[string]string{}}
}

// descriptorsElse is kept for what is not a peer's connection: listeners, strangers
// that are told so, HTTP, etcd, files.
const descriptorsElse = 256

// descriptors is how many the process may have; Go has raised it as far as it may.
func descriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<30))
}

// room is how many connections of peers there may be; a small limit is shared in half.
func (l *limits) room() int { return max(l.most-descriptorsElse, l.most/2) }

// full says whether there is no descriptor left for another connection of a peer.
func (s *Server) full() bool {
	return s.limits.most > 0 && int(s.live.Load()) >= s.limits.room()
}

// announceLimits says once if more sessions are wanted than there are descriptors for.
func (s *Server) announceLimits(wanted int) {
	l := &s.limits
	if text := l.shortage(wanted); text != "" && l.announced != wanted {
		s.log.Error("not every session can be held", "sessions", wanted, "descriptors", l.most, "mend", "raise LimitNOFILE of the unit, or ulimit -n")
		l.announced = wanted
	}
}

// shortage says what is wrong if so many sessions are wanted.
func (l *limits) shortage(wanted int) string {
	if l.most == 0 || wanted <= l.room() {
		return ""
	}
	return fmt.Sprintf("%d sessions are wanted, and of %d descriptors (RLIMIT_NOFILE) %d are for them: raise LimitNOFILE of the unit, or ulimit -n",
		wanted, l.most, l.room())
}

// limitLog is how far apart lines of the log about limits are.
const limitLog = 10 * time.Second

// quiet says whether such a line was written a moment ago; mu is held.
func (l *limits) quiet() bool {
	if time.Since(l.said) < limitLog {
		return true
	}
	l.said = time.Now()
	return false
}

// acceptFailed notes that a connection could not be accepted.
func (s *Server) acceptFailed(at *Listener, err error, wait time.Duration) {
	l := &s.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed, l.why = l.failed.again(), err.Error()
	if !l.quiet() {
		s.log.Error("connections can't be accepted", "listen", at.addr, "error", err, "again in", wait, "times", l.failed.count)
	}
}

// crowd notes that a peer was turned away for want of room; the server's mu is held.
func (s *Server) crowd(p *peer, why string) {
	l := &s.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	name := p.spec.Name
	if _, known := l.crowded[name]; !known && len(l.crowded) >= refusalsMost {
		name = "other peers"
	}
	l.crowded[name], l.reasons[name] = l.crowded[name].again(), why
	if !l.quiet() {
		s.log.Warn("connection refused", "peer", p.spec.Name, "address", p.spec.Remote, "reason", why, "times", l.crowded[name].count)
	}
}

// problems lists what is short now, or was lately.
func (l *limits) problems(wanted int) []Problem {
	var list []Problem
	if text := l.shortage(wanted); text != "" {
		list = append(list, Problem{"descriptors", text})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed.count > 0 && time.Since(l.failed.last) < refusalTime {
		list = append(list, Problem{"listen", fmt.Sprintf("%d times a connection could not be accepted, the last at %s: %s",
			l.failed.count, l.failed.last.UTC().Format(time.RFC3339), l.why)})
	}
	from := len(list)
	for name, e := range l.crowded {
		if time.Since(e.last) > refusalTime {
			delete(l.crowded, name)
			delete(l.reasons, name)
			continue
		}
		list = append(list, Problem{name, fmt.Sprintf("refused %d connections with Cease, out of resources, the last at %s: %s",
			e.count, e.last.UTC().Format(time.RFC3339), l.reasons[name])})
	}
	slices.SortFunc(list[from:], func(a, b Problem) int { return strings.Compare(a.Object, b.Object) })
	return list
}
