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
	since  time.Time     // of the session
	stream *stream
	sweep  time.Time // when what it said before it was lost and has not repeated goes; zero: there is none, or not yet
	again  bool      // it was lost, and is back
}

// complete says whether a reflector has said all. One that sends no End-of-RIB, which
// RFC 4724 leaves to it, has when it has had the time.
func (p *peer) complete(s *session.Session, now time.Time) bool {
	return p.ended&s.Families == s.Families || now.Sub(p.since) >= silence
}

const (
	// staleTime is how long what a lost reflector said is kept when another is there and
	// complete. While none is, it is kept for good.
	staleTime = 120 * time.Second
	// syncWait is how long after the first complete reflector the others are waited for
	// before anything left over is removed.
	syncWait = 10 * time.Second
	// silence is how long a reflector may take to send all without saying that it has.
	silence = 60 * time.Second
)

// welcome begins a session.
func (a *Agent) welcome(s *session.Session) {
	number, ok := a.table.Join(s.Spec.Remote)
	if !ok {
		a.log.Error("more reflectors than there are numbers", "peer", s.Spec.Name)
		s.End(bgp.Cease(bgp.CeaseOutOfResources, ""))
		return
	}
	_, again := a.lost[number]
	delete(a.lost, number)
	p := &peer{number: number, again: again, since: s.Since, stream: a.speaker.join(s)}
	a.peers[s] = p
	a.attach(s, p.stream)
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
	if !p.complete(s, time.Now()) {
		return
	}
	a.log.Info("complete", "peer", s.Spec.Name, "address", s.Spec.Remote, "paths", a.table.Paths())
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
	// A reflector may have several addresses: it is one witness.
	witnesses, all := map[string]bool{}, true
	for s, p := range a.peers {
		if !p.complete(s, now) {
			all = false
			continue
		}
		witnesses[s.Spec.Name] = true
		if p.again {
			p.again, p.sweep = false, now.Add(syncWait)
		}
	}
	complete := len(witnesses)
	a.sweep(now, complete)
	a.outgrow(now)
	if complete == 0 {
		return
	}
	if a.firstEOR.IsZero() {
		a.firstEOR = now
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
		a.table.Flush(a.change) // as one that adopts: what is there is compared, not written
		a.synced, a.stale = true, true
		a.check = a.check || a.preserved // else nothing is left over: all that is there is of our writing
		a.refill()
		a.log.Info("in sync", "routes", a.table.Routes(bgp.IPv4Unicast)+a.table.Routes(bgp.IPv6Unicast))
	}
}

// sweep forgets what returned reflectors have not repeated. One that is alone may have
// been away itself, and its hosts need a moment to come back to it: they have it.
func (a *Agent) sweep(now time.Time, complete int) {
	for _, p := range a.peers {
		if !p.sweep.IsZero() && (complete > 1 || !now.Before(p.sweep)) {
			a.table.Drop(p.number)
			p.sweep = time.Time{}
		}
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
	a.resolver.news = false
	a.stale = true // a workload's address may be among them, or not any more
}
