package session

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
)

// peer is one session that should exist, and the connections that may become it:
//
//	Idle ◄─────────── an attempt failed, IdleHoldTimer runs
//	 │ (routers)                ▲
//	 ▼                          │
//	Connect ─TCP─► a conn ──────┤      at most one conn gets to Established
//	 │ ▲ ConnectRetryTimer      │
//	 ▼ │                        │
//	Active ◄── clients stay here: they come to us
//
// A connection from the peer is taken in every state, Idle included: refusing a
// router that is back sooner than our timer helps nobody. An embargo is the
// exception.
type peer struct {
	server *Server
	log    *slog.Logger

	mu        sync.Mutex
	spec      peering.Session
	conns     []*conn // alive, in order of arrival
	waiting   State   // Idle, Connect or Active: what we are in without a connection
	state     State   // shown
	since     time.Time
	lastError string
	flaps     uint64
	failures  int // attempts in a row that did not reach Established
	sessions  int // that were Established
	stopped   bool
	recalling bool      // a client that we call, for once
	keeping   time.Time // until when it keeps our routes, if recalling
	mute      bool      // nothing more is said about routes

	password string

	until  time.Time   // of an embargo; zero: there is none
	reopen *time.Timer // ends it

	cancel  context.CancelFunc // ends dialling; nil for clients
	kick    chan struct{}      // a connection is gone: the dialler may go on
	sent    Messages
	faults  map[faultKey]uint64
	lastLog time.Time

	received Messages
}

type faultKey struct {
	attr        bgp.AttrType
	consequence wire.Consequence
}

// connsMost bounds the connections of one peer that have not become a session.
const connsMost = 4

func newPeer(s *Server, spec peering.Session) *peer {
	p := &peer{server: s, spec: spec, kick: make(chan struct{}, 1), since: time.Now(), faults: map[faultKey]uint64{}}
	p.log = s.log.With("peer", spec.Name, "address", spec.Remote)
	p.waiting, p.state = Active, Active
	if !spec.Passive {
		p.waiting, p.state = Idle, Idle
	}
	return p
}

// adapt takes a new version of the session that the peer can't tell from the old.
func (p *peer) adapt(spec peering.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spec = spec
	p.log = p.server.log.With("peer", spec.Name, "address", spec.Remote)
	p.lift("the session is wanted otherwise")
}

// accept takes a connection the peer opened.
func (p *peer) accept(t transport) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.embargoed() || len(p.conns) >= connsMost {
		return false
	}
	p.begin(newConn(p, t, false))
	return true
}

// adopt takes a connection we opened, unless the peer was faster and its own
// connection is past OpenSent: then ours would only have to be closed.
func (p *peer) adopt(t transport) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.embargoed() || p.highest() >= OpenConfirm {
		return false
	}
	p.begin(newConn(p, t, true))
	return true
}

// begin is called with mu held.
func (p *peer) begin(c *conn) {
	p.conns = append(p.conns, c)
	p.show("connection")
	p.server.live.Add(1)
	p.server.conns.Go(func() {
		defer p.server.live.Add(-1)
		c.run()
	})
}

// admit decides, when a connection got a good OPEN, whether it may go on (RFC 4271
// §6.8, RFC 6286 §2.3). Connections in OpenSent count as well as those in
// OpenConfirm: from this OPEN we know whose they are. But a connection that is to
// stay because the peer opened it counts only with the peer's OPEN on it: the peer
// hangs up on one that is connected when the other is in OpenConfirm already
// (adopt), and were the other refused here, none would be left.
func (p *peer) admit(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || c.doomed() {
		return false
	}
	for _, other := range p.conns {
		if other == c || other.doomed() {
			continue
		}
		if other.state == Established {
			if !other.yields(c) {
				return false
			}
			continue // replaced when this one is Established (RFC 4724 §5)
		}
		if !p.preferred(c, other) {
			if other.state == OpenSent && !other.outgoing {
				continue // the peer may have hung up: it decides, by an OPEN on one of the two
			}
			return false
		}
		other.abort(bgp.Cease(bgp.CeaseCollision, ""), true)
	}
	c.state = OpenConfirm
	p.show("OPEN received")
	return true
}

// preferred says whether c survives a collision with other: the connection that
// the speaker with the higher BGP Identifier opened does, and of two from the
// same side the younger, since the peer would not try again with the other alive.
func (p *peer) preferred(c, other *conn) bool {
	if c.outgoing == other.outgoing {
		return true
	}
	ours, theirs := uint64(p.server.self.RouterID), uint64(c.negotiated.RouterID)
	if ours == theirs {
		ours, theirs = uint64(p.server.self.ASN), uint64(p.spec.RemoteASN)
	}
	return c.outgoing == (ours > theirs)
}

// establish makes a connection the session, unless it lost a collision while its
// KEEPALIVE was read: each of the two would end the other. It waits for a session
// that this one replaces to be over, so that the handler hears of them in order.
func (p *peer) establish(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.stopped && !c.doomed() {
		old := p.establishedConn()
		if old == nil {
			break
		}
		old.finish(&ending{replaced: true})
		p.mu.Unlock()
		old.transport.Close()
		<-old.done
		p.mu.Lock()
	}
	if p.stopped || c.doomed() {
		return false
	}
	for _, other := range p.conns {
		if other != c {
			other.abort(bgp.Cease(bgp.CeaseCollision, ""), true)
		}
	}
	c.state, p.failures = Established, 0
	p.sessions++
	c.session = &Session{Spec: p.spec, Negotiated: c.negotiated, Since: time.Now(), conn: c}
	p.show("KEEPALIVE received")
	return true
}

func (p *peer) establishedConn() *conn {
	for _, c := range p.conns {
		if c.state == Established {
			return c
		}
	}
	return nil
}

// left is told by a connection that it is over.
func (p *peer) left(c *conn, end *ending) {
	if c.session != nil {
		ending := Ending{Text: end.text(), Graceful: c.negotiated.graceful(end), Deconfigured: p.deconfigured()}
		if ending.Deconfigured {
			ending.Graceful = 0
		}
		p.down(c, ending)
	}
	p.mu.Lock()
	for i, other := range p.conns {
		if other == c {
			p.conns = append(p.conns[:i], p.conns[i+1:]...)
			break
		}
	}
	if c.session != nil {
		p.flaps++
	} else if !end.quiet {
		p.failures++
	}
	if !end.quiet {
		p.lastError = end.text()
	}
	if end.pause > 0 && !p.stopped && !p.embargoed() {
		p.bar(end.pause)
		p.reject(c)
	}
	p.waiting = Active
	if !p.spec.Passive || p.embargoed() {
		p.waiting = Idle
	}
	p.show(end.text())
	p.mu.Unlock()
	p.wake()
	p.server.gone(p)
	if c.session != nil {
		p.server.lost(p)
	}
}

// down tells the handler that a session is over.
func (p *peer) down(c *conn, ending Ending) {
	defer c.rescue("reporting the end")
	p.server.handler.Down(c.session, ending)
}

// known says whether the peer has had a session with this process.
func (p *peer) known() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions > 0
}

func (p *peer) deconfigured() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped
}

// highest is the state of the connection that got furthest.
func (p *peer) highest() State {
	best := p.waiting
	for _, c := range p.conns {
		best = max(best, c.state)
	}
	return best
}

// show makes a change of state visible, with the reason; mu is held.
func (p *peer) show(reason string) {
	state := p.highest()
	if state == p.state {
		return
	}
	level := slog.LevelInfo
	if state > p.state && state < Established {
		level = slog.LevelDebug // an attempt; what it comes to follows
	}
	p.log.Log(context.Background(), level, "session", "from", p.state, "to", state, "reason", reason)
	p.state, p.since = state, time.Now()
}

// move changes what the peer waits in.
func (p *peer) move(waiting State, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = waiting
	p.show(reason)
}

// stop ends the peer for good, its session with n, or without a word if that is nil.
func (p *peer) stop(n *bgp.Notification) {
	p.mu.Lock()
	p.stopped = true
	if p.embargoed() {
		p.reopen.Stop()
	}
	conns := append([]*conn(nil), p.conns...)
	words := make([]*bgp.Notification, len(conns))
	for i, c := range conns {
		words[i] = c.last(n)
	}
	p.mu.Unlock()
	if p.cancel != nil {
		p.cancel()
	}
	for i, c := range conns {
		c.abort(words[i], false)
	}
}

// reset ends the session and lets it come back.
func (p *peer) reset(n *bgp.Notification) {
	p.mu.Lock()
	p.lift("reset")
	conns := append([]*conn(nil), p.conns...)
	p.mu.Unlock()
	for _, c := range conns {
		c.abort(n, false)
	}
}

// malformed counts a fault, and logs it unless one was logged a moment ago: a
// peer that is broken is broken at length.
func (p *peer) malformed(m *wire.Malformed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[faultKey{m.Attr, m.Consequence}]++
	if time.Since(p.lastLog) > time.Second {
		p.lastLog = time.Now()
		p.log.Warn("malformed UPDATE", "fault", m.Error())
	}
}

func (p *peer) status() Status {
	spec, _ := p.target()
	watched := p.server.bfd.Status(spec.Remote) // before mu: who tells of changes holds its own first
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{
		Spec: p.spec, State: p.state, Since: p.since, LastError: p.lastError, Flaps: p.flaps,
		Received: p.received.read(), Sent: p.sent.read(), Password: p.spec.PasswordFile != "", BFD: watched,
	}
	if c := p.establishedConn(); c != nil {
		s.Negotiated, s.Local = c.negotiated, c.transport.Local().String()
	}
	for key, count := range p.faults {
		s.Faults = append(s.Faults, Faults{key.attr, key.consequence, count})
	}
	return s
}
