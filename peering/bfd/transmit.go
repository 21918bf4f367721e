package bfd

import "time"

// Due is when there is something to do: to send, or to give the peer up. That is at
// once if it is the zero time. False: never, unless something is heard.
func (m *Machine) Due() (at time.Time, ok bool) {
	if m.answer || (m.urgent && m.audible()) {
		return time.Time{}, true
	}
	if m.audible() {
		at, ok = m.next(), true
	}
	if end := m.Deadline(); m.known && (!ok || end.Before(at)) {
		at, ok = end, true
	}
	return at, ok
}

// next is when the next packet is due by the timer.
func (m *Machine) next() time.Time {
	return m.sent.Add(time.Duration(float64(m.Interval()) * m.portion))
}

// audible says whether the peer wants to hear us without having asked: one that can't
// receive, or that polls when it wants to know, does not (RFC 5880 §6.8.7).
func (m *Machine) audible() bool {
	demand := m.known && m.remote.Demand && m.state == Up && m.remote.State == Up
	return m.minRx != 0 && (!demand || m.timing.asking())
}

// Transmit is the packet that is due, if one is. Chance, from 0 up to 1, is for the
// jitter: a packet follows the one before after 75 to 100 % of the interval, or 90 % if
// the peer would give us up for one that is late (RFC 5880 §6.8.7).
func (m *Machine) Transmit(now time.Time, chance float64) (p Packet, ok bool) {
	due := m.audible() && (m.urgent || !now.Before(m.next()))
	if !due && !m.answer {
		return Packet{}, false
	}
	p = m.packet()
	m.answer, m.urgent = false, false
	if !due {
		return p, true
	}
	span := 0.25
	if m.settings.Multiplier == 1 {
		span = 0.15
	}
	m.sent, m.portion = now, 0.75+span*chance
	m.timing.sent()
	return p, true
}

// packet is what we have to say. An answer does not ask: Poll and Final exclude each
// other.
func (m *Machine) packet() Packet {
	p := Packet{
		Diagnostic: m.diagnostic, State: m.state, Poll: m.timing.polling && !m.answer, Final: m.answer,
		Multiplier: m.settings.Multiplier, My: m.mine,
		DesiredMinTx: m.timing.offered.tx, RequiredMinRx: m.timing.offered.rx,
	}
	if m.known {
		p.Your = m.remote.My
	}
	return p
}
