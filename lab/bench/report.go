package bench

import (
	"slices"
	"time"
)

// Report is what a run has measured. Times are seconds and memory is octets, as
// Prometheus has it.
type Report struct {
	Scenario string `json:"scenario"`
	Speaker  string `json:"speaker"`
	Clients  int    `json:"clients"`
	Feeders  int    `json:"feeders"`
	Routes   int    `json:"routes"` // in the table
	Family   string `json:"family"`

	// Wall is from the first octet of what is measured until the last client holds
	// what it must; Core is what the speaker computed meanwhile, in core-seconds.
	Wall float64 `json:"wallSeconds"`
	Core float64 `json:"coreSeconds"`

	IdleRSS int `json:"idleRSSBytes"` // sessions up, no routes
	RSS     int `json:"rssBytes"`     // a second after the end
	Anon    int `json:"rssAnonBytes"` // of these, what is no file's
	Peak    int `json:"peakRSSBytes"`

	// First and Last are over the changes that were measured: until the first client
	// had one, and until all had. Each is over clients: when it was done.
	First Spread `json:"first"`
	Last  Spread `json:"last"`
	Each  Spread `json:"each"`

	SentOctets    int `json:"sentOctets"`    // by clients
	SentMessages  int `json:"sentMessages"`  //
	Octets        int `json:"octets"`        // received by clients
	Messages      int `json:"messages"`      // UPDATEs among these
	Announcements int `json:"announcements"` // NLRI in them, withdrawn ones too
	Changes       int `json:"changes"`       // that were measured

	Closed int `json:"closed,omitempty"` // stalled clients that the speaker closed

	Strangers int `json:"strangers,omitempty"`          // connects from addresses that are no client's
	Rate      int `json:"strangersPerSecond,omitempty"` // of them
	Told      int `json:"told,omitempty"`               // of them, those that were sent a NOTIFICATION
	Silent    int `json:"silent,omitempty"`             // connections that said nothing and were held

	Slope           int `json:"rssBytesPerHour,omitempty"` // of a soak, after its first quarter
	GoroutinesLeast int `json:"goroutinesLeast,omitempty"`
	GoroutinesMost  int `json:"goroutinesMost,omitempty"`

	Missing int    `json:"missing,omitempty"` // (client, route) pairs not as they must when time was up
	Failure string `json:"failure,omitempty"` // why there are no figures
	Late    bool   `json:"late,omitempty"`    // that was because time was up: Wall and Core are lower bounds
}

// Spread is of times, in seconds.
type Spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// spread sums up times; of none it is zero.
func spread(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(times))
	at := func(percent int) float64 {
		return sorted[(len(sorted)*percent+99)/100-1].Seconds() // the nearest rank
	}
	return Spread{at(50), at(99), at(100)}
}

// stopwatch gathers the times of single changes.
type stopwatch struct{ first, last []time.Duration }

func (s *stopwatch) add(times []time.Duration) {
	if len(times) > 0 {
		s.first = append(s.first, slices.Min(times))
		s.last = append(s.last, slices.Max(times))
	}
}
