package reflector

import "time"

// pace decides when changes are flushed. An isolated change goes out at once;
// under load, changes are gathered for a while, which grows as long as the load
// lasts: each flush costs a write per peer, whatever it carries. It takes the
// place of RFC 4271's MinRouteAdvertisementIntervalTimer.
type pace struct {
	interval time.Duration
	last     time.Time
}

const (
	paceLeast = 2 * time.Millisecond
	paceMost  = 50 * time.Millisecond
	// dirtyMost bounds what one flush has to sort and encode.
	dirtyMost = 16 << 10
)

// wait is how long a flush is still to be put off; 0 is now.
func (p *pace) wait(now time.Time, dirty int) time.Duration {
	if dirty >= dirtyMost {
		return 0
	}
	return max(0, p.last.Add(p.interval).Sub(now))
}

// flushed notes a flush. busy says that there was more to take in when it was due.
func (p *pace) flushed(now time.Time, busy bool) {
	p.last = now
	switch {
	case busy:
		p.interval = min(max(paceLeast, 2*p.interval), paceMost)
	case p.interval > paceLeast:
		p.interval /= 2
	default:
		p.interval = 0
	}
}
