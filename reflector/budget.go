package reflector

import (
	"fmt"
	"time"

	"heddle/topology"
)

// sampling is how often the racks are counted for the forecast, and samplesMost how
// many counts are kept: an hour's.
const (
	sampling    = time.Minute
	samplesMost = 60
)

// trend is the counts of one rack over the last hour, oldest first.
type trend struct {
	taken   []time.Time
	samples []Rack
}

func (t *trend) take(now time.Time, rack Rack) {
	if len(t.samples) == samplesMost {
		t.taken, t.samples = t.taken[1:], t.samples[1:]
	}
	t.taken, t.samples = append(t.taken, now), append(t.samples, rack)
}

// Held is the most that a ToR of the rack is sent.
func (r *Rack) Held() int {
	most := 0
	for _, tor := range r.ToRs {
		most = max(most, tor.Held)
	}
	return most
}

// Growth is how a rack changed over at most an hour.
type Growth struct {
	Over   time.Duration
	Routes int    // that its fullest ToR holds more
	Most   string // what grew most: in-rack, exceptions in, exceptions out; empty: nothing
	By     int    // by how many routes
	// Full is how long until the budget is used up if it goes on like that; 0: it does
	// not grow, or has no budget.
	Full time.Duration
}

// growth compares a rack with what it was an hour ago.
func (t *trend) growth(now time.Time, rack *Rack) Growth {
	if len(t.samples) == 0 {
		return Growth{}
	}
	was := &t.samples[0]
	g := Growth{Over: now.Sub(t.taken[0]), Routes: rack.Held() - was.Held()}
	for _, c := range []struct {
		what string
		by   int
	}{
		{"in-rack", rack.InRack - was.InRack},
		{"exceptions in", rack.ExceptionsIn - was.ExceptionsIn},
		{"exceptions out", rack.ExceptionsOut - was.ExceptionsOut},
	} {
		if c.by > g.By {
			g.Most, g.By = c.what, c.by
		}
	}
	if room := rack.Budget - rack.Held(); rack.Budget > 0 && g.Routes > 0 && room > 0 {
		g.Full = time.Duration(float64(g.Over) * float64(room) / float64(g.Routes))
	}
	return g
}

// sample counts the racks for the forecast, once a minute.
func (r *Reflector) sample(now time.Time) {
	if now.Sub(r.sampled) < sampling {
		return
	}
	r.sampled = now
	trends := map[string]*trend{}
	for _, rack := range r.racks() {
		t := r.trends[rack.Name]
		if t == nil {
			t = &trend{}
		}
		t.take(now, rack)
		trends[rack.Name] = t
	}
	r.trends = trends
}

// The alarm is raised when this much of a budget is used, or will be within a day.
const (
	budgetAlarm  = 0.8
	budgetNotice = 24 * time.Hour
)

// budgets lists the racks whose ToRs are or will be too full. Nothing is refused for
// it: a refused exception is a black hole.
func (r *Reflector) budgets() []Problem {
	var list []Problem
	for _, rack := range r.racks() {
		held, g := rack.Held(), rack.Growth
		if rack.Budget == 0 || (float64(held) < budgetAlarm*float64(rack.Budget) && (g.Full == 0 || g.Full > budgetNotice)) {
			continue
		}
		text := fmt.Sprintf("its ToRs hold %d routes of a budget of %d", held, rack.Budget)
		if g.Most != "" {
			text += fmt.Sprintf(", %d more than %s ago: mostly %s (%d more)", g.Routes, g.Over.Round(time.Minute), g.Most, g.By)
		}
		if g.Full > 0 {
			text += fmt.Sprintf("; at this rate it is used up in %s", g.Full.Round(time.Minute))
		}
		list = append(list, Problem{
			topology.Key{Kind: topology.KindRack, Name: rack.Name}.String(),
			text + ". Nothing is refused: summarise more of its pools, bring home what lives elsewhere, or raise routeBudget",
		})
	}
	return list
}
