package api

import (
	"context"
	"fmt"
	"time"

	"heddle/reflector"
)

// The areas a problem can be of: who noticed it.
const (
	AreaInventory = "inventory" // values, by themselves and seen together
	AreaPlanning  = "planning"  // sessions that the inventory asks for and that can't be
	AreaSessions  = "sessions"  // sessions that can't be held, and strangers
	AreaRoutes    = "routes"    // what hosts announce, and what becomes too much
	AreaEtcd      = "etcd"      // the way to the datastore
)

// Problem is something that a person should mend.
type Problem struct {
	Area   string `json:"area"`
	Object string `json:"object"`
	Text   string `json:"text"`
}

// Areas lists every area, in the order of Problems.
func Areas() []string {
	return []string{AreaEtcd, AreaInventory, AreaPlanning, AreaSessions, AreaRoutes}
}

// Problems lists what is known to be wrong, nearest to the cause first.
// Those of routes are from a report of the tables.
func Problems(s State, routes []reflector.Problem) []Problem {
	list := etcdProblems(s)
	for _, p := range s.Doubts {
		list = append(list, Problem{AreaInventory, p.Object, p.Text})
	}
	for _, p := range s.Snapshot.Problems() {
		list = append(list, Problem{AreaInventory, p.Object, p.Text})
	}
	for _, p := range s.Planning {
		list = append(list, Problem{AreaPlanning, p.Object, p.Text})
	}
	if s.Sessions != nil {
		for _, p := range s.Sessions.Problems() {
			list = append(list, Problem{AreaSessions, p.Object, p.Text})
		}
	}
	for _, p := range routes {
		list = append(list, Problem{AreaRoutes, p.Object, p.Text})
	}
	return list
}

func problems(ctx context.Context, s State) ([]Problem, error) {
	report, err := s.Tables.Report(ctx)
	return Problems(s, report.Problems), err
}

func etcdProblems(s State) []Problem {
	if s.Datastore == nil {
		return nil
	}
	var list []Problem
	add := func(format string, args ...any) {
		list = append(list, Problem{AreaEtcd, "etcd", fmt.Sprintf(format, args...)})
	}
	d := s.Datastore
	switch {
	case d.Connected:
	case !s.Saved.IsZero():
		add("has not answered since the start, and the inventory is the one that was kept on disk at %s, %s ago: %s",
			s.Saved.UTC().Format(time.RFC3339), time.Since(s.Saved).Round(time.Second), reasonOf(d.LastError))
	case d.LastContact.IsZero():
		add("has never been reached: %s", reasonOf(d.LastError))
	default:
		add("is not followed, last heard of at %s, and the inventory stays as it was at revision %d: %s",
			d.LastContact.UTC().Format(time.RFC3339), d.Revision, reasonOf(d.LastError))
	}
	if d.Mismatches > 0 {
		add("told of changes other than those it made, %d times so far: compare its members (`etcdctl endpoint hashkv --cluster`) and replace the one that differs",
			d.Mismatches)
	}
	return list
}

func reasonOf(lastError string) string {
	if lastError == "" {
		return "see whether it runs and whether --etcd names it"
	}
	return lastError
}
