package runner_test

import (
	"strings"
	"testing"
	"time"

	"heddle/lab/runner"
)

func TestThePictureShowsWhatRunsWhereAndWhatDoesNot(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	got := runner.Picture(runner.Status{
		Name: "small",
		Nodes: []runner.Node{
			{Name: "spine", Process: 5},
			{Name: "tor2", Rack: "r2", Process: 9},
			{Name: "tor1", Rack: "r1", Process: 6},
			{Name: "rr1", Rack: "r1", Process: 7},
			{Name: "host11", Rack: "r1", Since: noon},
		},
		Sessions: []runner.Session{
			{Reflector: "rr1", Peer: "tor1", State: "Established"},
			{Reflector: "rr1", Peer: "tor2", State: "Established"},
			{Reflector: "rr1", Peer: "host11", State: "Idle"},
		},
		Missing: []string{"host11 does not run: signal: killed"},
	})
	want := `lab small

  ● spine

 ┌ rack r1 ───────────────────┐ ┌ rack r2 ───────────────────┐
 │ ● tor1     1 of 1 sessions │ │ ● tor2     1 of 1 sessions │
 │ ● rr1      2 of 3 sessions │ └────────────────────────────┘
 │ ✗ host11   ended 12:00:00  │
 └────────────────────────────┘

missing:
  host11 does not run: signal: killed
`
	if got != want {
		t.Errorf("the picture is\n%s\nwant\n%s", got, want)
	}
}

func TestThePictureSaysWhyALabCouldNotBegin(t *testing.T) {
	got := runner.Picture(runner.Status{
		Name: "small", Phase: "configuring nodes", Failed: "a: false: exit status 1\nb: true",
		Nodes: []runner.Node{{Name: "a", Process: 5, Doing: []string{"sleep 9"}}},
	})
	for _, want := range []string{"lab small: configuring nodes has failed:\n  a: false: exit status 1\n  b: true\n", "● a", "missing:\n  a: this runs still: sleep 9\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the picture is\n%s\nwant %q in it", got, want)
		}
	}
}
