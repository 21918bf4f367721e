package session

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"heddle/bgp"
)

// A panic while one session is served is a defect of ours that this session met. It
// ends that session alone: what it had in hand is its own, or, of the outbox, given
// up, and every lock on the way is let go of by a defer. So it is wherever the work is
// for one session: its reader, its timers, its dialler, and whoever pumps its outbox.
// What is shared, the tables and the handler's loop, is not guarded: there a panic is a
// broken invariant, and the process ends.

// defectPause keeps a peer away that would most likely meet the same defect again.
const defectPause = 30 * time.Second

// exhibitMost is how many octets of what was being read are logged.
const exhibitMost = 1024

// defects counts panics and remembers the last one.
type defects struct {
	mu    sync.Mutex
	count uint64
	last  Problem
}

func (d *defects) add(peer, doing string, what any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	d.last = Problem{peer, fmt.Sprintf(
		"a defect of heddle's ended a session at %s, while %s: %v. %d so far; the log has the stack and the octets: please report them",
		time.Now().UTC().Format(time.RFC3339), doing, what, d.count)}
}

// problems is the last panic, if there was one.
func (d *defects) problems() []Problem {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count == 0 {
		return nil
	}
	return []Problem{d.last}
}

// Panics counts the panics that ended one session each.
func (s *Server) Panics() uint64 {
	s.defects.mu.Lock()
	defer s.defects.mu.Unlock()
	return s.defects.count
}

// rescue, deferred, ends a connection that met a panic.
func (c *conn) rescue(doing string) {
	if r := recover(); r != nil {
		c.broke(doing, r)
	}
}

// broke is told of a panic that was recovered from.
func (c *conn) broke(doing string, what any) {
	c.server.defects.add(c.spec.Name, doing, what)
	c.server.log.Error("a panic ends the session", "peer", c.spec.Name, "address", c.spec.Remote, "while", doing, "panic", what,
		"octets", c.exhibited(), "stack", string(debug.Stack()))
	// No subcode is for it: RFC 4271 §4.5 has zero then. The embargo begins when the
	// connection is left: whoever pumps an outbox may hold the peer's lock.
	c.finish(&ending{sent: &bgp.Notification{Code: bgp.CodeCease}, detail: ", for a defect of ours", embargo: true, pause: defectPause})
}

// exhibited is the message that was being read, in hexadecimal and cut.
func (c *conn) exhibited() string {
	if octets := c.exhibit.Load(); octets != nil {
		return fmt.Sprintf("%x", *octets)
	}
	return ""
}

// dialSafely is dial that survives a panic.
func (p *peer) dialSafely(dial func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			p.server.defects.add(p.spec.Name, "dialling", r)
			p.log.Error("a panic ends an attempt to dial", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	dial()
	return true
}

// rescue, deferred, drops a connection whose arrival met a panic.
func (s *Server) rescue(t transport) {
	if r := recover(); r != nil {
		s.defects.add(t.Remote().Addr().String(), "taking a connection", r)
		s.log.Error("a panic drops a connection", "address", t.Remote(), "panic", r, "stack", string(debug.Stack()))
		t.Close()
	}
}
