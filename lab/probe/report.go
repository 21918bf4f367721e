package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Report is what became of the packets of a stream that is echoed.
type Report struct {
	From    string     `json:"from"`
	To      string     `json:"to"`
	Address netip.Addr `json:"address"`

	Sent         int            `json:"sent"`
	Arrived      int            `json:"arrived"`      // at the addressee
	Answered     int            `json:"answered"`     // and back
	Doubled      int            `json:"doubled"`      // there, or back
	Misdelivered int            `json:"misdelivered"` // by a port that was no longer the way to it
	Gap          time.Duration  `json:"gap"`          // longest run of packets that were not answered
	Dark         time.Duration  `json:"dark"`         // time of all packets that were not answered
	Before       int            `json:"before"`       // packets before the first that was answered
	Ports        map[string]int `json:"ports"`        // arrivals by port of the addressee
	Port         string         `json:"port"`         // by which the last one came
}

// Lost is how many packets were not answered.
func (r Report) Lost() int { return r.Sent - r.Answered }

// String is a line for people.
func (r Report) String() string {
	return fmt.Sprintf("%s → %s %s: %d sent, %d lost (%d on the way back), %d doubled, %d misdelivered, longest gap %s",
		r.From, r.To, r.Address, r.Sent, r.Lost(), r.Arrived-r.Answered, r.Doubled, r.Misdelivered, r.Gap)
}

// Add sums two reports: of times it keeps the longer.
func (r Report) Add(other Report) Report {
	r.Sent += other.Sent
	r.Arrived += other.Arrived
	r.Answered += other.Answered
	r.Doubled += other.Doubled
	r.Misdelivered += other.Misdelivered
	r.Before += other.Before
	r.Gap, r.Dark = max(r.Gap, other.Gap), max(r.Dark, other.Dark)
	return r
}

// Hearer knows what has arrived.
type Hearer interface {
	Arrivals(stream uint32) []Arrival
}

// Count looks at the packets of a stream from a number on. Ports are the names of the
// addressee's interfaces. The one by which the last packet came is where the addressee
// is now; what another one brought later than grace after the first by that one was
// misdelivered.
func Count(s *Stream, l Hearer, from int, ports map[int]string, grace time.Duration) Report {
	sent := s.Sent()
	r := Report{Address: s.To(), Sent: len(sent) - from, Ports: map[string]int{}}
	there := make([]int, len(sent))
	arrivals := slices.DeleteFunc(l.Arrivals(s.ID()), func(a Arrival) bool {
		return a.Number < uint64(from) || a.Number >= uint64(len(sent))
	})
	var now Arrival // the first by the port of the last
	for _, a := range slices.Backward(arrivals) {
		if now.Port == 0 || a.Port == now.Port {
			now = a
		}
	}
	for _, a := range arrivals {
		there[a.Number]++
		r.Ports[ports[a.Port]]++
		if a.Port != now.Port && a.At.Sub(now.At) > grace {
			r.Misdelivered++
		}
	}
	r.Port = ports[now.Port]
	r.judge(s, from, there)
	return r
}

// judge compares what was sent with what came there, and back.
func (r *Report) judge(s *Stream, from int, there []int) {
	gap, longest := 0, 0
	for number, back := range s.answers(len(there)) {
		if number < from {
			continue
		}
		if r.Answered == 0 && back == 0 {
			r.Before++
		}
		r.Arrived += min(there[number], 1)
		r.Answered += min(back, 1)
		r.Doubled += max(there[number]-1, 0) + max(back-max(there[number], 1), 0)
		if gap++; back > 0 {
			gap = 0
		}
		longest = max(longest, gap)
	}
	r.Gap, r.Dark = time.Duration(longest)*s.pace, time.Duration(r.Lost())*s.pace
}
