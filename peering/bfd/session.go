package bfd

import (
	"net/netip"
	"time"
)

// The ports that packets go to.
const (
	SinglePort   = 3784 // RFC 5881 §4
	MultihopPort = 4784 // RFC 5883 §5
)

// Want is the session that is wanted with a peer; the zero value is none.
type Want struct {
	Settings
	// Hops the peer may be away at most; 1: on this link; 0: not known.
	Hops int
}

// Event is a change of a session's state.
type Event struct {
	Change
	Silent time.Duration // how long nothing was heard, if that is why
}

// Broken says whether the path to the peer is: it was whole, and neither has a person the
// session down (RFC 5882 §3.2), nor has a daemon that crashed just been started again,
// which loses the session and not a packet (§4.3.2).
func (e Event) Broken() bool {
	return e.From == Up && e.To == Down && (e.Why == DetectionExpired || (e.Remote != AdminDown && !e.Anew))
}

// Reason is why, for people.
func (e Event) Reason() string {
	switch {
	case e.To == Down && e.Why == DetectionExpired:
		return "nothing heard for " + e.Silent.Round(time.Millisecond).String()
	case e.Remote == AdminDown:
		return "the peer has it down administratively"
	case e.Anew:
		return "the peer has begun anew"
	case e.To == Down:
		return "the peer does not hear us"
	}
	return "the peer is heard"
}

// Status is a session at a moment. The zero value: there is none.
type Status struct {
	State, Remote    State
	Diagnostic       Diagnostic // why it last left Up
	RemoteDiagnostic Diagnostic
	Since            time.Time     // of the state
	Heard            bool          // the peer is, be it in whatever state
	Interval         time.Duration // between our packets, jitter apart
	Detection        time.Duration // silence that breaks the path
	Port             uint16        // that both use; 0: not known yet
	Flaps            uint64        // times it left Up
}

// session is one of the server's; the server's mutex guards it.
type session struct {
	remote  netip.Addr
	want    Want
	machine Machine
	changed func(Event)
	since   time.Time
	flaps   uint64
	left    bool // nobody wants it, and the peer has it up

	local  netip.Addr // that the peer sends to; not valid: not known
	port   uint16     // that the peer sends to; 0: not known
	single time.Time  // when the peer was last heard over a single hop

	at    time.Time // when it is due
	index int       // in the heap; -1: not in it
}

// arrival is a packet as it came off a socket.
type arrival struct {
	from, to netip.Addr
	port     uint16 // that it came to
	ttl      int
}

// near says whether a packet has come no farther than the session allows (RFC 5082).
// Over a single hop none may be lost; over several, the peer may not even begin with
// 255, so that the figure is looked at only when somebody gave one.
func (s *session) near(a arrival) bool {
	switch {
	case a.port == SinglePort:
		return a.ttl == 255
	case s.want.Hops == 1:
		return false
	}
	return s.want.Hops == 0 || a.ttl > 255-s.want.Hops
}

// receive takes in a packet of the peer. Which of the two forms a peer speaks is its
// configuration's to say: FRR and BIRD choose by whether it is connected, and by words.
// We follow, and prefer a single hop if both are heard. A path that is up is taken down
// by the form it came up with, or by who knows our discriminator.
func (s *session) receive(p Packet, a arrival, now time.Time) Change {
	if !s.near(a) || (s.machine.State() == Up && p.Your == 0 && a.port != s.port) {
		return Change{}
	}
	if s.machine.State() != Up || p.Your != 0 {
		s.follow(a, now)
	}
	return s.machine.Receive(p, now)
}

// follow takes the form of a packet for the peer's. A single hop is given up when it has
// been silent as long as breaks a path: the peer may be behind a router by now, where it
// hears nothing of what we send over one hop.
func (s *session) follow(a arrival, now time.Time) {
	if a.port == SinglePort {
		s.single = now
	}
	if a.port == SinglePort || now.Sub(s.single) >= s.machine.Detection() {
		s.port = a.port
	}
	s.local = a.to
}

// ports are those to send to: both, until the peer is heard over a single hop, or the
// path is up over several.
func (s *session) ports() []uint16 {
	switch {
	case s.port == SinglePort, s.want.Hops == 1:
		return []uint16{SinglePort}
	case s.port == MultihopPort && s.machine.State() == Up:
		return []uint16{MultihopPort}
	}
	return []uint16{SinglePort, MultihopPort}
}

// note takes a change down.
func (s *session) note(c Change, silent time.Duration, now time.Time) {
	if !c.Happened() {
		return
	}
	s.since = now
	if c.From == Up {
		s.flaps++
	}
	if s.changed != nil {
		s.changed(Event{c, silent})
	}
}

func (s *session) status() Status {
	m := &s.machine
	status := Status{
		State: m.state, Diagnostic: m.diagnostic, Since: s.since, Heard: m.known,
		Interval: m.Interval(), Detection: m.Detection(), Port: s.port, Flaps: s.flaps,
	}
	if m.known {
		status.Remote, status.RemoteDiagnostic = m.remote.State, m.remote.Diagnostic
	}
	return status
}

// byTime is a heap of sessions.
type byTime []*session

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *byTime) Push(x any) {
	s := x.(*session)
	s.index = len(*h)
	*h = append(*h, s)
}

// Pop implements heap.Interface.
func (h *byTime) Pop() any {
	last := (*h)[len(*h)-1]
	last.index = -1
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	return last
}
