package bfd

import "time"

// timers are the two intervals that we name to the peer.
type timers struct {
	tx time.Duration // Desired Min TX
	rx time.Duration // Required Min RX
}

// timing is what of them holds already. A peer that does not know yet that we became
// slower must go on hearing us as often as before, and one that does not know that we
// want to hear it more often is not late: so a change of either holds when the peer has
// confirmed it, by the Final of a Poll Sequence (RFC 5880 §6.5, §6.8.3).
type timing struct {
	offered timers
	active  timers
	polling bool // packets bear a Poll
	again   bool // offered has changed since the sequence began: this Final may be of what was before
	pause   bool // one packet without a Poll sets two sequences apart
}

// want changes what is offered. Only while the session is Up does anything have to
// wait, and only one that hears us can confirm.
func (t *timing) want(w timers, up, known bool) {
	if w == t.offered {
		return
	}
	t.offered = w
	if known {
		t.again = t.again || t.polling
		t.polling = t.polling || !t.pause
	}
	if !up {
		t.active = w
		return
	}
	t.active = timers{tx: min(t.active.tx, w.tx), rx: max(t.active.rx, w.rx)}
}

// final takes in the peer's confirmation.
func (t *timing) final() {
	switch {
	case !t.polling:
	case t.again:
		t.polling, t.again, t.pause = false, false, true
	default:
		t.polling, t.active = false, t.offered
	}
}

// asking says whether a sequence is under way, or about to begin.
func (t *timing) asking() bool { return t.polling || t.pause }

// sent notes that a packet went out.
func (t *timing) sent() {
	if t.pause {
		t.pause, t.polling = false, true
	}
}

// abandon ends the sequences with a peer that is silent.
func (t *timing) abandon() {
	t.polling, t.again, t.pause = false, false, false
	t.active = t.offered
}
