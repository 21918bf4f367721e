package api

import (
	"context"
	"math"
	"net/netip"
	"time"

	"heddle/reflector"
)

// Rack is one rack as /api/v1/racks has it. Counts are of routes of both families.
type Rack struct {
	Name          string  `json:"name"`
	Hosts         int     `json:"hosts"`  // nodes of the inventory
	InRack        int     `json:"inRack"` // at home there, and there
	Summarized    int     `json:"summarized"`
	Summaries     int     `json:"summaries"`
	ExceptionsIn  int     `json:"exceptionsIn"`  // living there, at home elsewhere or nowhere
	ExceptionsOut int     `json:"exceptionsOut"` // at home there, living elsewhere or nobody knows where
	ToldOn        int     `json:"toldOn"`        // that its ToRs tell the fabric
	Compression   float64 `json:"compression"`   // routes that live there, for each that is told on
	ToRs          []ToR   `json:"tors"`          // with a session
	Budget        int     `json:"budget"`        // routes each ToR has room for; 0: not stated
	Held          int     `json:"held"`          // by the fullest ToR
	Growth        Growth  `json:"growth"`
}

// ToR is a ToR and how many routes it is sent.
type ToR struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"`
	Held    int        `json:"held"`
}

// Growth is how a rack's routes became more over at most an hour.
type Growth struct {
	Seconds int    `json:"seconds"` // that were looked at
	Routes  int    `json:"routes"`  // that the fullest ToR holds more
	Most    string `json:"most"`    // what grew most: in-rack, exceptions in, exceptions out
	By      int    `json:"by"`
	// FullIn is in how many seconds the budget is used up at this rate; 0: it is not.
	FullIn int `json:"fullIn"`
}

func racks(ctx context.Context, s State) ([]Rack, error) {
	report, err := s.Tables.Report(ctx)
	if err != nil {
		return nil, err
	}
	var list []Rack
	for i := range report.Racks {
		list = append(list, rackOf(&report.Racks[i]))
	}
	return list, nil
}

func rackOf(r *reflector.Rack) Rack {
	shown := Rack{
		Name: r.Name, Hosts: r.Hosts, InRack: r.InRack, Summarized: r.Summarized, Summaries: r.Summaries,
		ExceptionsIn: r.ExceptionsIn, ExceptionsOut: r.ExceptionsOut, ToldOn: r.ToldOn(), ToRs: []ToR{}, Budget: r.Budget, Held: r.Held(),
		Growth: Growth{
			Seconds: seconds(r.Growth.Over), Routes: r.Growth.Routes, Most: r.Growth.Most, By: r.Growth.By, FullIn: seconds(r.Growth.Full),
		},
	}
	if shown.ToldOn > 0 {
		shown.Compression = math.Round(100*float64(r.InRack+r.ExceptionsIn)/float64(shown.ToldOn)) / 100
	}
	for _, tor := range r.ToRs {
		shown.ToRs = append(shown.ToRs, ToR(tor))
	}
	return shown
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// Summary is the summary of one pool as /api/v1/summaries has it.
type Summary struct {
	Pool       string       `json:"pool"`
	Prefix     netip.Prefix `json:"prefix"`
	Rack       string       `json:"rack"` // its home; empty: it has none
	Public     bool         `json:"public"`
	Anycast    bool         `json:"anycast"`
	Summarized bool         `json:"summarized"` // it is to be summarised, and can be
	Live       bool         `json:"live"`       // the summary exists
	Routes     int          `json:"routes"`     // that keep it alive
	Since      *time.Time   `json:"since,omitempty"`
	Until      *time.Time   `json:"until,omitempty"` // it ceases then unless a route comes
}

func summaries(ctx context.Context, s State) ([]Summary, error) {
	found, err := s.Tables.Summaries(ctx)
	if err != nil {
		return nil, err
	}
	var list []Summary
	for i := range found {
		list = append(list, summaryOf(&found[i]))
	}
	return list, nil
}

func summaryOf(f *reflector.SummaryState) Summary {
	return Summary{
		Pool: f.Pool, Prefix: f.Prefix, Rack: f.Rack, Public: f.Public, Anycast: f.Anycast, Summarized: f.Summarized,
		Live: f.Live, Routes: f.Routes, Since: momentOf(f.Since), Until: momentOf(f.Until),
	}
}

// momentOf is a time as it is shown, nil for none.
func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	shown := moment(t)
	return &shown
}
