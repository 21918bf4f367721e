package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"heddle/internal/api"
	"heddle/internal/command"
)

// showRoutes prints routes by prefix, or the sentence that there are none.
func showRoutes(w io.Writer, body io.Reader, none string) error {
	var routes []api.Route
	if err := command.Each(body, func(r api.Route) { routes = append(routes, r) }); err != nil {
		return err
	}
	if len(routes) == 0 {
		_, err := fmt.Fprintln(w, none)
		return err
	}
	slices.SortFunc(routes, func(a, b api.Route) int { return a.Prefix.Compare(b.Prefix) })
	var rows [][]string
	for _, r := range routes {
		for _, p := range r.Paths {
			rows = append(rows, pathRow(r, p))
		}
	}
	return command.WriteTable(w, []string{"", "PREFIX", "FROM", "NEXT HOP", "KIND", "PREF", "AS PATH", "TAGS", "WHY NOT BEST"}, rows)
}

func pathRow(r api.Route, p api.Path) []string {
	mark, why := "", p.Reason
	if p.Best {
		mark, why = "*", ""
	}
	if p.Stale {
		why = strings.TrimPrefix(why+", stale", ", ")
	}
	return []string{
		mark, r.Prefix.String(), p.From, p.NextHop.String(), p.Kind, fmt.Sprint(p.LocalPref), p.ASPath, strings.Join(p.Tags, ","), why,
	}
}
