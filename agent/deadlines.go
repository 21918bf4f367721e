package agent

import "time"

const (
	tickEach = 250 * time.Millisecond
	// pollEach is how often the tables of iptables are looked at for the hand of another:
	// a deleted rule is back within 5 s.
	pollEach = 2 * time.Second
	// checkEach is how often everything is compared that has no events.
	checkEach = 90 * time.Second
	// calm is how long the interfaces and routes of the host must be left alone before
	// they are read again, and calmMost how long that is put off.
	calm     = 20 * time.Millisecond
	calmMost = 200 * time.Millisecond
	// retryLeast and retryMost bound how long a driver that failed is left alone.
	retryLeast = time.Second
	retryMost  = 30 * time.Second
)

// deadlines is when the loop has something to do of itself.
type deadlines struct {
	tick  *time.Timer
	at    time.Time // when the tick comes
	poll  time.Time
	check time.Time
	first time.Time // of a burst of changes; zero: there is none
	quiet time.Time // when the burst counts as over
	retry time.Time // zero: nothing failed
	wait  time.Duration
}

func newDeadlines() deadlines {
	now := time.Now()
	return deadlines{tick: time.NewTimer(tickEach), at: now.Add(tickEach), poll: now.Add(pollEach), check: now.Add(checkEach)}
}

func (d *deadlines) stop() { d.tick.Stop() }

// soon has the host read again when the burst of changes is over.
func (d *deadlines) soon() {
	now := time.Now()
	if d.first.IsZero() {
		d.first = now
	}
	d.quiet = now.Add(calm)
	if last := d.first.Add(calmMost); d.quiet.After(last) {
		d.quiet = last
	}
	if d.quiet.Before(d.at) {
		d.set(d.quiet)
	}
}

func (d *deadlines) set(at time.Time) {
	d.at = at
	d.tick.Reset(max(0, time.Until(at)))
}

// worked forgets that anything failed.
func (d *deadlines) worked() { d.retry, d.wait = time.Time{}, 0 }

// failed has the drivers tried again later, each time later.
func (d *deadlines) failed() {
	if !d.retry.IsZero() {
		return
	}
	d.wait = min(max(retryLeast, 2*d.wait), retryMost)
	d.retry = time.Now().Add(d.wait)
}

// onTick does what is due.
func (a *Agent) onTick(now time.Time) {
	d := &a.due
	if !d.first.IsZero() && !now.Before(d.quiet) {
		d.first, a.check = time.Time{}, true
	}
	if !now.Before(d.check) {
		d.check, a.check, a.linksOld = now.Add(checkEach), true, true
		a.repairFilter()
	}
	if !now.Before(d.poll) {
		d.poll = now.Add(pollEach)
		a.pollFilter()
	}
	if !d.retry.IsZero() && !now.Before(d.retry) {
		d.retry, a.stale, a.check = time.Time{}, true, true
	}
	a.expire(now)
	next := now.Add(tickEach)
	if !d.first.IsZero() && d.quiet.Before(next) {
		next = d.quiet
	}
	d.set(next)
}
