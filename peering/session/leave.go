package session

import (
	"net/netip"

	"heddle/bgp"
)

// attach gives a connection what to send, unless everything is about to end.
func (p *peer) attach(c *conn, stream Stream) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.mute {
		c.out.stream.Store(&stream)
	}
	return !p.mute
}

// hush has nothing more said about routes: that sessions end one after the other is not
// for those to hear whose turn comes later, and who keep what they know.
func (p *peer) hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
	for _, c := range p.conns {
		c.out.stream.Store(nil)
	}
}

// Dismiss has Run, when it ends, tell every peer that we are gone, with the reason, those
// included that would keep our routes: nobody is to wait for us.
func (s *Server) Dismiss(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dismissal = reason
}

// farewells ends every session of a server that ends.
func (s *Server) farewells(peers map[netip.Addr]*peer, dismissal string) {
	reason := dismissal
	if reason == "" {
		reason = "the reflector is shutting down"
	}
	for _, p := range peers {
		p.hush()
	}
	for remote, p := range peers {
		if p.keeps() && dismissal == "" {
			p.stop(nil) // BFD falls silent, too: the peer notices when it has noticed the restart
		} else {
			p.stop(bgp.Cease(bgp.CeaseAdminShutdown, reason))
			s.bfd.End(remote)
		}
	}
}

// keeps says whether the peer is asked to keep our routes while we are away.
func (p *peer) keeps() bool {
	spec, _ := p.target()
	return p.server.restart.Time > 0 && spec.Keep
}

// last is a NOTIFICATION after which there is no session any more: who has agreed to keep
// our routes over one is told otherwise (RFC 8538 §3.1). What is nil stays so. The peer's
// mu is held.
func (c *conn) last(n *bgp.Notification) *bgp.Notification {
	if n == nil || c.state != Established || !c.negotiated.Notification || !c.spec.Keep || c.server.restart.Time == 0 {
		return n
	}
	return bgp.HardReset(n)
}
