package session

import (
	"time"

	"heddle/bgp"
)

// An embargo is the IdleHoldTimer of a session that must not come back at once,
// since it would only end the same way (RFC 4271 §8.1.1, RFC 4486 §4): until it is
// over, the peer is not called, and its own calls are refused. It ends early when
// somebody does something about the cause: changes the session, or resets it.

// embargo ends the session of a connection, unless it is over already. Connections
// that might have taken its place end with it.
func (p *peer) embargo(c *conn, n *bgp.Notification, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || c.doomed() {
		return
	}
	p.bar(d)
	c.finish(&ending{sent: n, embargo: true, detail: ", no session before " + p.until.UTC().Format(time.RFC3339)})
	p.reject(c)
}

// reject ends the connections beside one: none takes its place. mu is held.
func (p *peer) reject(c *conn) {
	for _, other := range p.conns {
		if other != c {
			other.abort(bgp.Cease(bgp.CeaseConnectionRejected, ""), true)
		}
	}
}

// bar begins an embargo; mu is held.
func (p *peer) bar(d time.Duration) {
	p.until = time.Now().Add(d)
	p.reopen = time.AfterFunc(d, p.expire)
}

// embargoed says whether the peer must wait; mu is held.
func (p *peer) embargoed() bool { return !p.until.IsZero() }

// barred is embargoed without mu.
func (p *peer) barred() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.embargoed()
}

// lift ends an embargo, if there is one; mu is held.
func (p *peer) lift(why string) {
	if !p.embargoed() {
		return
	}
	p.reopen.Stop()
	p.until = time.Time{}
	if p.spec.Passive {
		p.waiting = Active
	}
	p.show(why)
	p.wake()
}

// expire ends an embargo whose time is over. A timer that is late must not end the
// one after its own.
func (p *peer) expire() {
	p.mu.Lock()
	if !p.stopped && !time.Now().Before(p.until) {
		p.lift("the time is over")
	}
	p.mu.Unlock()
	p.server.gone(p)
}

// wake lets the dialler go on.
func (p *peer) wake() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}
