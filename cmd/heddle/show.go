package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

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
		s.command("withheld", "What etcd has otherwise and that is not carried out yet, or not before you say so", showWithheld),
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
