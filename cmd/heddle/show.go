package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"heddle/bgp"
	"heddle/internal/api"
	"heddle/internal/command"
)

// show is what the commands below `heddle show` share.
type show struct {
	client command.Client
	format string
}

func newShow() *show { return &show{client: command.Client{Daemon: "reflector"}} }

func showCommand() *cobra.Command {
	s := newShow()
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show what a running reflector knows",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	s.flags(cmd.PersistentFlags())
	cmd.AddCommand(
		s.command("peers", "Sessions: with whom, in which state, how many routes", showPeers),
		s.routesCommand(),
		s.command("groups", "Update groups: sets of peers that hear the same", showGroups),
		s.command("racks", "Racks: routes at home, exceptions in and out, what is told on, budgets", showRacks),
		s.command("summaries", "Pools, and the summaries that stand for their routes", showSummaries),
		s.command("exceptions", "Host routes that live away from home: where, and since when", showExceptions),
		s.command("ghosts", "Routes inside pools that no workload of the inventory stands for", showGhosts),
		s.command("blackholes", "Addresses of live workloads that nobody announces", showBlackHoles),
		s.command("problems", "What a person should mend", showProblems),
	)
	return cmd
}

// flags are those of everything that asks a running reflector.
func (s *show) flags(f *pflag.FlagSet) {
	f.StringVar(&s.client.Address, "http", "127.0.0.1:8179", "`ADDR:PORT` of the reflector's --http")
	f.StringVarP(&s.format, "output", "o", "table", "`FORMAT`: table or json")
}

// command shows one list without parameters.
func (s *show) command(list, short string, table func(io.Writer, io.Reader) error) *cobra.Command {
	return &cobra.Command{
		Use: list, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), cmd.OutOrStdout(), list, nil, table)
		},
	}
}

func (s *show) routesCommand() *cobra.Command {
	var family string
	cmd := &cobra.Command{
		Use:     "routes [PREFIX]",
		Short:   "Routes: every path, the best marked *, the others with the reason why not",
		Example: "  heddle show routes\n  heddle show routes 10.1.0.5\n  heddle show routes --family ipv6 -o json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query, none := url.Values{}, "no routes"
			if family != "" {
				if _, err := bgp.ParseFamily(family); err != nil {
					return err
				}
				query.Set("family", family)
			}
			if len(args) == 1 {
				prefix, err := api.ParsePrefix(args[0])
				if err != nil {
					return err
				}
				query.Set("prefix", prefix.String())
				none = fmt.Sprintf("no path for %s", prefix)
			}
			return s.run(cmd.Context(), cmd.OutOrStdout(), "routes", query, func(w io.Writer, body io.Reader) error {
				return showRoutes(w, body, none)
			})
		},
	}
	cmd.Flags().StringVar(&family, "family", "", "ipv4 or ipv6 (default: both)")
	return cmd
}

// run asks for a list and prints it: JSON as it is served, or a table.
func (s *show) run(ctx context.Context, w io.Writer, list string, query url.Values, table func(io.Writer, io.Reader) error) error {
	return s.ask(w, func() (io.ReadCloser, error) { return s.client.Get(ctx, list, query) }, table)
}

func (s *show) ask(w io.Writer, question func() (io.ReadCloser, error), table func(io.Writer, io.Reader) error) error {
	if s.format != "table" && s.format != "json" {
		return fmt.Errorf("-o %s: want table or json", s.format)
	}
	body, err := question()
	if err != nil {
		return err
	}
	defer body.Close()
	if s.format == "table" {
		return table(w, body)
	}
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("the answer breaks off: %w", err)
	}
	return nil
}

const (
	// columns is how wide a table may get before its last column is cut: what it says
	// in full stands in the JSON.
	columns = 120
	// remark is what the last column has in any case.
	remark = 60
)

// writeTable aligns rows under a head and cuts their last cells to fit.
func writeTable(w io.Writer, head []string, rows [][]string) error {
	lines, last := align(head, rows)
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, cut(line, max(columns, last+remark))); err != nil {
			return err
		}
	}
	return nil
}

// align gives the lines of a table, and where their last cells begin. An empty cell
// in the middle becomes a dash, so that columns can be counted.
func align(head []string, rows [][]string) (lines []string, last int) {
	var text bytes.Buffer
	tw := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row[:len(row)-1] {
			if cell == "" && i > 0 {
				row[i] = "-"
			}
		}
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	_ = tw.Flush() // to a buffer
	for line := range strings.Lines(text.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return lines, len(lines[0]) - len(head[len(head)-1])
}

func cut(line string, most int) string {
	if utf8.RuneCountInString(line) <= most {
		return line
	}
	return string([]rune(line)[:most-1]) + "…"
}

// span is a duration in the two units that matter.
func span(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}
