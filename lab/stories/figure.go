package stories

import "time"

// Figure is what was counted of a load, or how long something took.
type Figure struct {
	Story        string        `json:"story"`
	What         string        `json:"what"`
	Aim          string        `json:"aim,omitempty"`   // what is wanted of it
	Limit        time.Duration `json:"limit,omitempty"` // what is wanted of the gap, or of the time
	Streams      int           `json:"streams,omitempty"`
	Sent         int           `json:"sent,omitempty"`
	Lost         int           `json:"lost"`
	Doubled      int           `json:"doubled"`
	Misdelivered int           `json:"misdelivered"`
	Gap          time.Duration `json:"gap"`            // longest run of lost packets of a stream
	Dark         time.Duration `json:"dark"`           // the most that any stream was without a way
	Took         time.Duration `json:"took,omitempty"` // of what was timed: there are no packets then
}

// Missed says whether it took longer than wanted.
func (f Figure) Missed() bool { return f.Limit > 0 && max(f.Gap, f.Took) > f.Limit }

// Aims says what is wanted of a load.
func (l *Load) Aims(aim string) *Load {
	l.aim = aim
	return l
}

// endless is a gap that nothing ended but what made it: nobody took over.
const endless = 10 * time.Second

// Gaps says how long the gap of a load may be. A longer one is told, since the machine may be
// slow; one that is endless is a fault.
func (l *Load) Gaps(limit time.Duration) *Load {
	l.limit = limit
	return l.Aims("gap ≤ " + span(limit))
}

// Took tells how long something took, and within what it should have; 0 is no limit.
func (t *Teller) Took(what string, d, limit time.Duration) {
	f := Figure{What: what, Limit: limit, Took: d}
	if limit > 0 {
		f.Aim = "≤ " + span(limit)
	}
	t.Say("%s: %.1f s%s", what, d.Seconds(), missed(f))
	t.note(f)
}

func missed(f Figure) string {
	if !f.Missed() {
		return ""
	}
	return ": target missed, " + f.Aim
}
