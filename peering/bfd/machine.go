package bfd

import "time"

// Settings are what we ask of a session.
type Settings struct {
	Interval   time.Duration // Desired Min TX and Required Min RX, whole microseconds
	Multiplier uint8
}

// slow is the least interval while a session is not Up (RFC 5880 §6.8.3).
const slow = time.Second

// Change is a move from one state to another. The zero value is none: no state is left
// for itself.
type Change struct {
	From, To State
	Why      Diagnostic // ours
	Remote   State      // what the peer said last
	Anew     bool       // the peer has begun anew: it is another session of its, on a path that works
}

// Happened says whether there was a move.
func (c Change) Happened() bool { return c.From != c.To }

// Machine is one session (RFC 5880 §6.8), without socket or clock: time is given to
// it, and so is chance. It is a value; who holds it serialises its methods.
//
//	       heard Down          heard Init, Up
//	───► Down ───────► Init ────────────────► Up
//	       │ ▲ └──────── heard Init ───────────▲│
//	 Close │ └── silence, heard AdminDown; Up also by Down
//	       ▼
//	    AdminDown, from every state
type Machine struct {
	settings Settings
	mine     uint32 // discriminator

	state      State
	diagnostic Diagnostic

	remote  Packet // the last that was heard
	known   bool   // it has been heard, within the detection time
	heard   time.Time
	minRx   time.Duration // RemoteMinRxInterval
	timing  timing
	answer  bool // a Poll is to be answered
	urgent  bool // there is something to say at once
	sent    time.Time
	portion float64 // of the interval that passes before the next packet
}

// NewMachine is a session in Down that says so at once. The discriminator is not 0.
func NewMachine(s Settings, mine uint32) Machine {
	m := Machine{settings: s, mine: mine, state: Down, minRx: time.Microsecond, urgent: true, portion: 1}
	m.retime()
	return m
}

// State is the state of the session.
func (m *Machine) State() State { return m.state }

// Configure changes what we ask; a session that is Up stays so (RFC 5880 §6.8.3).
func (m *Machine) Configure(s Settings) {
	if s == m.settings {
		return
	}
	m.urgent = m.urgent || s.Multiplier != m.settings.Multiplier
	m.settings = s
	m.retime()
}

// Close takes the session down, and has the peer told that a person wants it so.
func (m *Machine) Close() { m.enter(AdminDown, AdministrativeDown) }

// Receive takes in a packet that Parse has passed and that is this session's (RFC 5880
// §6.8.6).
func (m *Machine) Receive(p Packet, now time.Time) Change {
	if p.Your != 0 && p.Your != m.mine {
		return Change{}
	}
	anew := m.known && p.Your == 0 && p.My != m.remote.My
	m.remote, m.known, m.minRx, m.heard = p, true, p.RequiredMinRx, now
	if p.Final {
		m.timing.final()
	}
	if m.state == AdminDown {
		return Change{}
	}
	from := m.state
	switch {
	case p.State == AdminDown:
		if m.state != Down {
			m.enter(Down, NeighbourDown)
		}
	case m.state == Down && p.State == Down:
		m.enter(Init, m.diagnostic)
	case m.state == Down && p.State == Init, m.state == Init && p.State >= Init:
		m.enter(Up, NoDiagnostic)
	case m.state == Up && p.State == Down:
		m.enter(Down, NeighbourDown)
	}
	m.answer = m.answer || p.Poll
	return Change{from, m.state, m.diagnostic, p.State, anew}
}

// Expire takes the session down if the peer has been silent for the detection time,
// which ends at Deadline, and forgets its discriminator (RFC 5880 §6.8.1, §6.8.4).
func (m *Machine) Expire(now time.Time) Change {
	if !m.Silent(now) {
		return Change{}
	}
	change := Change{From: m.state, To: m.state, Remote: m.remote.State}
	m.known, m.minRx = false, time.Microsecond
	m.timing.abandon()
	if m.state == Init || m.state == Up {
		m.enter(Down, DetectionExpired)
	}
	change.To, change.Why = m.state, m.diagnostic
	return change
}

// enter comes into a state, of which the peer is told at once (RFC 5880 §6.8.7).
func (m *Machine) enter(s State, why Diagnostic) {
	if s == m.state {
		return
	}
	m.state, m.diagnostic, m.urgent = s, why, true
	m.retime()
}

// retime has the timers follow settings and state.
func (m *Machine) retime() {
	wanted := timers{tx: m.settings.Interval, rx: m.settings.Interval}
	if m.state != Up {
		wanted.tx = max(wanted.tx, slow)
	}
	m.timing.want(wanted, m.state == Up, m.known)
}

// Interval is what passes between our packets, jitter apart: as slowly as the slower
// side wants (RFC 5880 §6.8.2).
func (m *Machine) Interval() time.Duration { return max(m.timing.active.tx, m.minRx) }

// Detection is how long the peer may be silent (RFC 5880 §6.8.4); 0 before it is heard.
func (m *Machine) Detection() time.Duration {
	if !m.known {
		return 0
	}
	return time.Duration(m.remote.Multiplier) * max(m.timing.active.rx, m.remote.DesiredMinTx)
}

// Silent says whether the detection time is over.
func (m *Machine) Silent(now time.Time) bool { return m.known && !now.Before(m.Deadline()) }

// Deadline is the end of the detection time; the zero time if the peer is not heard.
func (m *Machine) Deadline() time.Time {
	if !m.known {
		return time.Time{}
	}
	return m.heard.Add(m.Detection())
}
