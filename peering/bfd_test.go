package peering_test

import (
	"maps"
	"testing"
	"time"

	"heddle/peering"
)

const ms = time.Millisecond

// Both ends of a session come to the same.
func TestWhoseBFDCounts(t *testing.T) {
	off, usual := peering.BFD{}, peering.BFD{Interval: 300 * ms, Multiplier: 3}
	for _, c := range []struct {
		name                      string
		settings, host, reflector string
		want                      peering.BFD
	}{
		{"nobody says anything: off", "", "", "", off},
		{"the settings say yes", "true", "", "", usual},
		{"the settings say how", `{"interval":1000,"multiplier":5}`, "", "", peering.BFD{Interval: time.Second, Multiplier: 5}},
		{"the host says no", "true", "false", "", off},
		{"the reflector says no", "true", "", "false", off},
		{"the host says yes", "", "true", "", usual},
		{"the reflector says yes", "false", "", "true", usual},
		{"yes and no: no", "true", "true", "false", off},
		{"the host says how, as far as it does", `{"interval":1000,"multiplier":5}`, `{"multiplier":9}`, "", peering.BFD{Interval: time.Second, Multiplier: 9}},
		{"host before reflector before settings", `{"interval":1000}`, `{"interval":400}`, `{"interval":500,"multiplier":4}`, peering.BFD{Interval: 400 * ms, Multiplier: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			field := func(value string) string {
				if value == "" {
					return ""
				}
				return `,"bfd":` + value
			}
			values := maps.Clone(fabric)
			values["settings"] = `{"asn":64512` + field(c.settings) + `}`
			values["nodes/h2"] = `{"addresses":["192.0.2.12"],"rack":"r2"` + field(c.host) + `}`
			values["routers/rr1"] = `{"role":"reflector","serves":["r2"],"addresses":["192.0.2.251"]` + field(c.reflector) + `}`
			s := snapshot(t, values)
			plan, _ := peering.For(s, self("rr1"), peering.SourceEtcd)
			hosts, _ := peering.ForHost(s, "h2", 64512, time.Minute, peering.SourceEtcd)
			for end, of := range map[string]struct {
				plan *peering.Plan
				peer string
			}{"reflector": {plan, "h2"}, "host": {hosts, "rr1"}} {
				for _, session := range of.plan.Sessions {
					if session.Name == of.peer && session.BFD != c.want {
						t.Errorf("the %s watches by %+v, want %+v", end, session.BFD, c.want)
					}
				}
			}
		})
	}
}

func TestBFDIsNotWorthASession(t *testing.T) {
	s := peering.Session{Kind: peering.Client, BFD: peering.BFD{Interval: 300 * ms, Multiplier: 3}}
	if !s.SameWire(peering.Session{Kind: peering.Client}) {
		t.Error("a session is reset for the sake of BFD")
	}
}
