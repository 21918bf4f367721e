package stories

import "time"

// Figure is what was counted of a load, or how long something took.
type Figure struct {
	Story        string        `json:"story"`
	What         string        `json:"what"`
	Aim          string        `json:"aim,omitempty"` // what is wanted of it
	Streams      int           `json:"streams,omitempty"`
	Sent         int           `json:"sent,omitempty"`
	Lost         int           `json:"lost"`
	Doubled      int           `json:"doubled"`
	Misdelivered int           `json:"misdelivered"`
	Gap          time.Duration `json:"gap"`            // longest run of lost packets of a stream
	Dark         time.Duration `json:"dark"`           // the most that any stream was without a way
	Took         time.Duration `json:"took,omitempty"` // of what was timed: there are no packets then
}

// Aims says what is wanted of a load. Times are told and never judged.
func (l *Load) Aims(aim string) *Load {
	l.aim = aim
	return l
}

// Took tells how long something took, and what is wanted of it.
func (t *Teller) Took(what string, d time.Duration, aim string) {
	t.Say("%s: %.1f s", what, d.Seconds())
	t.note(Figure{What: what, Aim: aim, Took: d})
}
