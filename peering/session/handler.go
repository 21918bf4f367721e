package session

import (
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
)

// Handler hears what happens on sessions. For each session the calls come in
// order: Up, any number of Batch, Down. Calls for different sessions overlap. A
// call may block: that stops the reading from that peer, and nothing else. A call that
// panics ends that session alone, and has not taken its batch.
type Handler interface {
	// Up says that a session is Established. Nothing is sent on it until it is given a
	// Stream.
	Up(*Session)
	// Batch hands over what the peer said; the handler owns the batch until it gives
	// it back with Server.Release.
	Batch(*Session, *wire.Batch)
	// Down says that the session is over; no call for it follows.
	Down(*Session, Ending)
}

// Session is a session that reached Established.
type Session struct {
	Spec peering.Session // as it was when the session came up
	Negotiated
	Since time.Time

	conn *conn
}

// Attach gives the session what to send. It does not block.
func (s *Session) Attach(stream Stream) {
	if s.conn.peer.attach(s.conn, stream) {
		s.conn.server.crew.wake([]*Session{s})
	}
}

// End ends the session with a NOTIFICATION. It does not block; Down follows.
func (s *Session) End(n *bgp.Notification) { s.conn.abort(n, false) }

// EndFor is End for a session that would only end the same way if it came back at
// once: for that time, which is positive, the peer is not called and its calls are
// refused, unless Apply changes the session or Reset is asked for. Its routes don't
// outlive the session. The status is Idle meanwhile, and says until when.
func (s *Session) EndFor(n *bgp.Notification, pause time.Duration) {
	s.conn.peer.embargo(s.conn, n, pause)
}

// Ending is why a session is over.
type Ending struct {
	Text string
	// Graceful: the routes of these families are to be kept until the peer is back or
	// the restart time is over (RFC 4724 §4.2, RFC 8538 §4).
	Graceful bgp.FamilySet
	// Deconfigured: the session is no longer wanted.
	Deconfigured bool
}
