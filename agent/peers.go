package agent

import (
	"net/netip"
	"time"

	"heddle/agent/routes"
	"heddle/bgp"
	"heddle/peering/session"
	"heddle/peering/wire"
)

// peer is a reflector that is there.
type peer struct {
	number routes.Peer
	ended  bgp.FamilySet // End-of-RIB was heard
	stream *stream
}

func (p *peer) complete(s *session.Session) bool { return p.ended&s.Families == s.Families }

const (
	// staleTime is how long what a lost reflector said is kept when another is there and
	// complete. While none is, it is kept for good.
	staleTime = 120 * time.Second
	// syncWait is how long after the first complete reflector the others are waited for
	// before anything left over is removed.
	syncWait = 10 * time.Second
)

// welcome begins a session.
func (a *Agent) welcome(s *session.Session) {
	number, ok := a.table.Join(s.Spec.Remote)
	if !ok {
		a.log.Error("more reflectors than there are numbers", "peer", s.Spec.Name)
		s.End(bgp.Cease(bgp.CeaseOutOfResources, ""))
		return
	}
	delete(a.lost, number)
	p := &peer{number: number, stream: a.speaker.join(s)}
	a.peers[s] = p
	s.Attach(p.stream)
}

// hear takes what a reflector says.
func (a *Agent) hear(s *session.Session, b *wire.Batch) {
	p := a.peers[s]
	if p == nil {
		return
	}
	a.table.Take(p.number, b)
	for i := range b.Items {
		switch item := &b.Items[i]; item.Kind {
		case wire.EndOfRIB:
			p.ended |= bgp.FamiliesOf(item.Family)
			a.complete(s, p)
		case wire.RefreshRequested:
			p.stream.repeat(item.Family)
			a.sessions.Wake([]*session.Session{s})
		}
	}
}

func (a *Agent) complete(s *session.Session, p *peer) {
	if !p.complete(s) {
		return
	}
	a.log.Info("complete", "peer", s.Spec.Name, "address", s.Spec.Remote, "paths", a.table.Paths())
	if a.firstEOR.IsZero() {
		a.firstEOR = time.Now()
	}
	a.expire(time.Now())
}

// goodbye ends a session. What it said stays.
func (a *Agent) goodbye(s *session.Session, _ session.Ending) {
	p := a.peers[s]
	if p == nil {
		return
	}
	delete(a.peers, s)
	a.speaker.leave(s)
	a.table.Lost(p.number)
	a.lost[p.number] = time.Now()
}

// expire forgets what lost reflectors said, once others have said all, and decides when
// the host is in sync.
func (a *Agent) expire(now time.Time) {
	complete, all := 0, true
	for s, p := range a.peers {
		if p.complete(s) {
			complete++
		} else {
			all = false
		}
	}
	if complete == 0 {
		return
	}
	for number, since := range a.lost {
		if now.Sub(since) >= staleTime {
			a.table.Drop(number)
			a.table.Leave(number)
			delete(a.lost, number)
		}
	}
	waited := now.Sub(a.firstEOR) >= syncWait
	everybody := all && len(a.peers) >= a.expected()
	if !a.synced && a.snapshot != nil && (everybody || waited) {
		a.synced, a.stale, a.check = true, true, true
		a.fillAll()
		a.log.Info("in sync", "routes", a.table.Routes(bgp.IPv4Unicast)+a.table.Routes(bgp.IPv6Unicast))
	}
}

// expected is how many reflectors there should be.
func (a *Agent) expected() int { return len(a.sessions.Peers()) }

// guard tells the table what no route may lead away: whom routes are learnt from, who we
// are, and the gateways that next hops are reached by.
func (a *Agent) guard() {
	list := append([]netip.Addr(nil), a.protected...)
	list = append(list, a.node.Addresses...)
	a.table.Protect(append(list, a.resolver.gateways()...))
}
