package main

import (
	"fmt"
	"io"
	"strings"

	"heddle/internal/api"
	"heddle/internal/command"
)

func showGroups(w io.Writer, body io.Reader) error {
	var rows [][]string
	err := command.Each(body, func(g api.Group) {
		var members []string
		for _, m := range g.Members {
			members = append(members, m.Name)
		}
		rows = append(rows, []string{
			g.Name, fmt.Sprint(len(g.Members)), fmt.Sprint(g.Walking), octets(g.LogOctets),
			fmt.Sprint(g.Routes["ipv4"]), fmt.Sprint(g.Routes["ipv6"]), strings.Join(members, " "),
		})
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no groups: no session is established")
		return err
	}
	return command.WriteTable(w, []string{"GROUP", "PEERS", "WALKING", "LOG", "IPV4", "IPV6", "MEMBERS"}, rows)
}

// showProblems prints sentences, which are never cut: they say what to do.
func showProblems(w io.Writer, body io.Reader) error {
	var rows [][]string
	if err := command.Each(body, func(p api.Problem) { rows = append(rows, []string{p.Area, p.Object, p.Text}) }); err != nil {
		return err
	}
	lines := []string{"no problems"}
	if len(rows) > 0 {
		lines, _ = command.Align([]string{"AREA", "OBJECT", "PROBLEM"}, rows)
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// octets is an amount of memory to three digits.
func octets(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
