package session

import (
	"context"
	"time"
)

// Clients call us, and we don't call them, with one exception. Whoever keeps our routes
// while we are away may wait to be called, since it is us who restart (RFC 4724 §4.1):
// FRR tries once, and then drops the routes when the restart time is over. Therefore a
// client that keeps our routes is called for that long, from a start or the loss of its
// session on, until it has a session.

// recall has a client called that may be waiting for that; mu is held.
func (s *Server) recall(p *peer) {
	if ctx := s.ctx; ctx != nil && p.recallable() {
		s.dialers.Go(func() { p.recall(ctx) })
	}
}

// lost takes in that a session is over.
func (s *Server) lost(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recall(p)
}

// recallable says whether the peer is a client that keeps our routes, for a time that
// begins now, and that nobody is calling yet; somebody is from now on.
func (p *peer) recallable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || !p.spec.Passive || !p.spec.Keep || p.server.restart.Time == 0 {
		return false
	}
	called := p.recalling
	p.recalling, p.keeping = true, time.Now().Add(p.server.restart.Time)
	return !called
}

// recall calls until there is a session. It begins with a pause: most call by
// themselves.
func (p *peer) recall(ctx context.Context) {
	for n := 0; ; n++ {
		p.pause(ctx, jitter(min(retryLeast<<min(n, 10), retryMost)))
		if p.recalled(ctx.Err() != nil) {
			return
		}
		if !p.dialSafely(func() { p.call(ctx) }) {
			p.pause(ctx, defectPause)
		}
	}
}

// call calls once, if there is room for one more: a client that we have to turn away is
// not called, either.
func (p *peer) call(ctx context.Context) {
	if p.busy() || p.server.full() {
		return
	}
	spec, password := p.target()
	if t, err := p.server.network.dial(ctx, spec.Remote, spec.Hops, password); err == nil && !p.adopt(t) {
		t.Close()
	}
}

// recalled says whether there is nobody to call any more.
func (p *peer) recalled(over bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recalling = !over && !p.stopped && p.establishedConn() == nil && time.Now().Before(p.keeping)
	return !p.recalling
}
