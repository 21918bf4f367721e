package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"heddle/internal/api"
	"heddle/internal/command"
)

func showRacks(w io.Writer, body io.Reader) error {
	var rows [][]string
	err := command.Each(body, func(r api.Rack) {
		rows = append(rows, []string{
			r.Name, fmt.Sprint(r.Hosts), fmt.Sprint(r.InRack), fmt.Sprint(r.ExceptionsIn), fmt.Sprint(r.ExceptionsOut),
			fmt.Sprint(r.Summaries), fmt.Sprint(r.ToldOn), compression(r), budget(r), tors(r),
		})
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no racks: the inventory names none")
		return err
	}
	return command.WriteTable(w, []string{"RACK", "HOSTS", "IN RACK", "IN", "OUT", "SUMMARIES", "TOLD ON", "RATIO", "BUDGET", "TORS"}, rows)
}

// compression is how many routes of the rack stand behind one that is told on.
func compression(r api.Rack) string {
	if r.Compression == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", r.Compression)
}

func budget(r api.Rack) string {
	if r.Budget == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %d", r.Held, r.Budget)
	if r.Growth.FullIn > 0 {
		text += ", full in " + command.Span(time.Duration(r.Growth.FullIn)*time.Second)
	}
	return text
}

func tors(r api.Rack) string {
	var list []string
	for _, tor := range r.ToRs {
		list = append(list, fmt.Sprintf("%s (%d)", tor.Name, tor.Held))
	}
	return strings.Join(list, " ")
}

func showSummaries(w io.Writer, body io.Reader) error {
	var rows [][]string
	err := command.Each(body, func(s api.Summary) {
		rows = append(rows, []string{s.Prefix.String(), s.Pool, s.Rack, fmt.Sprint(s.Routes), summaryState(s), strings.Join(summaryMarks(s), ",")})
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no pools: the inventory names none")
		return err
	}
	return command.WriteTable(w, []string{"PREFIX", "POOL", "HOME", "ROUTES", "SUMMARY", ""}, rows)
}

// summaryState is whether the summary exists, and why not.
func summaryState(s api.Summary) string {
	switch {
	case s.Live && s.Until != nil:
		return "ends at " + clock(*s.Until) + " unless a route comes"
	case s.Live:
		return "since " + clock(*s.Since)
	case s.Rack == "":
		return "none: the pool has no home"
	case !s.Summarized:
		return "none: summaries are off for it, or see show problems"
	}
	return "none: no route keeps it alive"
}

func summaryMarks(s api.Summary) []string {
	var marks []string
	if s.Public {
		marks = append(marks, "public")
	}
	if s.Anycast {
		marks = append(marks, "anycast")
	}
	return marks
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func showExceptions(w io.Writer, body io.Reader) error {
	var rows [][]string
	err := command.Each(body, func(e api.ExceptionRoute) {
		since := ""
		if e.Since != nil {
			since = clock(*e.Since)
		}
		rows = append(rows, []string{e.Prefix.String(), e.Pool, e.Home, e.Now, since, e.NextHop.String(), e.From})
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no exceptions: every host route is at home")
		return err
	}
	return command.WriteTable(w, []string{"PREFIX", "POOL", "HOME", "NOW", "SINCE", "NEXT HOP", "FROM"}, rows)
}

func showGhosts(w io.Writer, body io.Reader) error {
	var rows [][]string
	err := command.Each(body, func(g api.Ghost) {
		state := "in use"
		if g.Refused {
			state = "refused"
		}
		rows = append(rows, []string{g.Prefix.String(), g.From, g.Node, g.NextHop.String(), state})
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no ghosts: every route inside a pool is of a workload of its node")
		return err
	}
	return command.WriteTable(w, []string{"PREFIX", "FROM", "NODE", "NEXT HOP", "STATE"}, rows)
}

func showBlackHoles(w io.Writer, body io.Reader) error {
	var rows [][]string
	err := command.Each(body, func(b api.BlackHole) {
		why := "the node has no session here"
		if b.Session {
			why = "the node has a session and does not announce it"
		}
		rows = append(rows, []string{b.Address.String(), b.Workload, b.Node, why})
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no black holes: every live workload is announced by its node")
		return err
	}
	return command.WriteTable(w, []string{"ADDRESS", "WORKLOAD", "NODE", "WHY"}, rows)
}
