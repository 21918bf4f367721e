package session

import (
	"fmt"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
)

// incoming takes a connection that a peer opened.
func (s *Server) incoming(t transport) {
	remote := t.Remote().Addr()
	defer s.rescue(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		t.Close()
		return
	}
	p := s.peers[remote]
	if p == nil {
		if spec, ok := s.plan.Admit(remote); ok {
			if _, known := s.plan.Find(remote); !known {
				p = newPeer(s, spec)
				s.peers[remote] = p
				defer s.keep(p)
			}
		}
	}
	if p == nil {
		s.refusals.add(remote)
		s.refuse(t, bgp.CeaseConnectionRejected)
		return
	}
	if err := secure(t, p.spec); err != nil {
		s.log.Warn("connection dropped", "peer", p.spec.Name, "address", remote, "error", err)
		t.Close()
		return
	}
	switch {
	case s.full():
		s.crowd(p, "every descriptor that sessions may have is in use: raise LimitNOFILE of the unit")
		s.refuse(t, bgp.CeaseOutOfResources)
	case p.accept(t):
	case p.barred():
		s.refuse(t, bgp.CeaseConnectionRejected)
	default:
		s.crowd(p, fmt.Sprintf("it has %d connections already of which none became a session", connsMost))
		s.refuse(t, bgp.CeaseOutOfResources)
	}
}

// secure applies GTSM to a connection that was accepted.
func secure(t transport, spec peering.Session) error {
	if c, ok := t.(*tcp); ok && spec.Hops > 0 {
		return control(c.raw, func(fd uintptr) error { return setHops(fd, spec.Remote, spec.Hops) })
	}
	return nil
}

// refusingMost bounds the strangers that are being told so at a time; beyond it,
// connections are just closed.
const refusingMost = 128

// refuse tells a stranger that it is one, or a peer that it must wait (RFC 4486:
// Cease/5), or that there is no room for it (Cease/8).
func (s *Server) refuse(t transport, subcode uint8) {
	select {
	case s.refusing <- struct{}{}:
		s.conns.Go(func() {
			dismiss(t, subcode)
			<-s.refusing
		})
	default:
		t.Close()
	}
}

func dismiss(t transport, subcode uint8) {
	defer t.Close()
	message := wire.AppendNotification(nil, bgp.Cease(subcode, ""))
	if _, err := t.Write([][]byte{message}); err != nil {
		return
	}
	linger(t)
}

// keep has the path to a new client of a range watched, unless it was turned away: then
// it is forgotten, since ranges are wide. mu is held.
func (s *Server) keep(p *peer) {
	if s.forget(p); s.peers[p.spec.Remote] == p {
		s.watch(p)
	}
}

// gone forgets a client of a range that has no connection left, and no embargo.
func (s *Server) gone(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(p)
}

// forget is gone with mu held.
func (s *Server) forget(p *peer) {
	p.mu.Lock()
	remote := p.spec.Remote
	forgotten := p.spec.Source == peering.SourceRange && len(p.conns) == 0 && !p.embargoed() && s.peers[remote] == p
	p.stopped = p.stopped || forgotten
	p.mu.Unlock()
	if forgotten {
		delete(s.peers, remote)
		s.bfd.End(remote)
	}
}
