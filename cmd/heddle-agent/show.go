package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"heddle/internal/command"
	"heddle/internal/hostapi"
	"heddle/topology"
)

// show is what the commands that ask a running agent share.
type show struct {
	client command.Client
	format string
}

func newShow() *show { return &show{client: command.Client{Daemon: "agent"}} }

func (s *show) flags(f *pflag.FlagSet) {
	f.StringVar(&s.client.Address, "http", defaultHTTP, "`ADDR:PORT` of the agent's --http")
	f.StringVarP(&s.format, "output", "o", "table", "`FORMAT`: table or json")
}

func showCommand() *cobra.Command {
	s := newShow()
	cmd := &cobra.Command{
		Use: "show", Short: "Show what the agent on this host knows", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	s.flags(cmd.PersistentFlags())
	cmd.AddCommand(
		s.command("workloads", "Workloads of this host, and what each waits for", showWorkloads),
		s.routes(),
		s.command("policy", "Chains and rules, as derived from workloads and policies", showPolicy),
		s.command("peers", "Sessions with reflectors", showPeers),
		s.command("problems", "What a person should mend", showProblems),
	)
	return cmd
}

func (s *show) command(list, short string, table func(io.Writer, io.Reader) error) *cobra.Command {
	return &cobra.Command{
		Use: list, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), cmd.OutOrStdout(), list, nil, table)
		},
	}
}

func (s *show) routes() *cobra.Command {
	return &cobra.Command{
		Use: "routes [ADDRESS]", Short: "Routes: where each prefix leads, and why one is not in the kernel", Args: cobra.MaximumNArgs(1),
		Example: "  heddle-agent show routes\n  heddle-agent show routes 10.1.0.5 -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{}
			if len(args) == 1 {
				query.Set("address", args[0])
			}
			return s.run(cmd.Context(), cmd.OutOrStdout(), "routes", query, showRoutes)
		},
	}
}

// run asks and prints: JSON as it is served, or a table.
func (s *show) run(ctx context.Context, w io.Writer, list string, query url.Values, table func(io.Writer, io.Reader) error) error {
	if s.format != "table" && s.format != "json" {
		return fmt.Errorf("-o %s: want table or json", s.format)
	}
	body, err := s.client.Get(ctx, list, query)
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

func showWorkloads(w io.Writer, body io.Reader) error {
	var rows [][]string
	err := command.Each(body, func(x hostapi.Workload) {
		status := "announced"
		if x.Waits != "" {
			status = "waits: " + x.Waits
			if x.Announced {
				status = "announced in part: " + x.Waits
			}
		}
		rows = append(rows, []string{x.Name, strings.Join(x.Addresses, " "), x.Interface, strings.Join(x.Tags, " "), status})
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no workloads: the inventory has none for this node")
		return err
	}
	return command.WriteTable(w, []string{"WORKLOAD", "ADDRESSES", "INTERFACE", "TAGS", "STATUS"}, rows)
}

func showRoutes(w io.Writer, body io.Reader) error {
	var rows [][]string
	err := command.Each(body, func(x hostapi.Route) {
		var ways []string
		for _, way := range x.Ways {
			ways = append(ways, strings.TrimSpace(way.Via+" "+way.Interface))
		}
		host := ""
		for _, p := range x.Paths {
			if p.Best {
				host = p.NextHop
			}
		}
		status := "installed"
		switch {
		case x.Why != "":
			status = x.Why
		case x.Workload != "":
			status = "workload " + x.Workload
		case x.Stale:
			status = "installed, stale"
		}
		rows = append(rows, []string{x.Prefix, host, strings.Join(ways, ", "), strings.Join(x.Tags, " "), status})
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no routes")
		return err
	}
	return command.WriteTable(w, []string{"PREFIX", "HOST", "WAYS", "TAGS", "STATUS"}, rows)
}

func showPolicy(w io.Writer, body io.Reader) error {
	last := ""
	var failed error
	err := command.Each(body, func(r hostapi.Rule) {
		if failed != nil {
			return
		}
		if head := r.Family + " " + r.Table + " " + r.Chain; head != last {
			last = head
			_, failed = fmt.Fprintln(w, head)
		}
		line := fmt.Sprintf("  %3d  %s", r.Rule, r.Text)
		if r.Note != "" {
			line += "   # " + r.Note
		}
		_, failed = fmt.Fprintln(w, line)
	})
	if err != nil {
		return err
	}
	return failed
}

func showPeers(w io.Writer, body io.Reader) error {
	var rows [][]string
	err := command.Each(body, func(p hostapi.Peer) {
		rows = append(rows, []string{p.Name, p.Address, p.State, command.Span(time.Since(p.Since)), p.LastError})
	})
	if err != nil {
		return err
	}
	return command.WriteTable(w, []string{"PEER", "ADDRESS", "STATE", "SINCE", "LAST ERROR"}, rows)
}

func showProblems(w io.Writer, body io.Reader) error {
	var rows [][]string
	if err := command.Each(body, func(p hostapi.Problem) { rows = append(rows, []string{p.Object, p.Text}) }); err != nil {
		return err
	}
	lines := []string{"no problems"}
	if len(rows) > 0 {
		lines, _ = command.Align([]string{"OBJECT", "PROBLEM"}, rows)
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func explainCommand() *cobra.Command {
	s := newShow()
	protocol, icmpType := "tcp", 8
	cmd := &cobra.Command{
		Use:   "explain SOURCE DESTINATION [PORT]",
		Short: "Say what becomes of a packet that starts a flow, rule by rule",
		Example: "  heddle-agent explain 10.1.0.5 10.2.0.7 443\n  heddle-agent explain 10.1.0.5 10.2.0.7 53 --protocol udp\n" +
			"  heddle-agent explain fd00:1::5 fd00:2::7 --protocol icmpv6 --icmp-type 128",
		Args: cobra.RangeArgs(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			query, err := packet(args, protocol, icmpType, cmd.Flags().Changed("icmp-type"))
			if err != nil {
				return err
			}
			return s.run(cmd.Context(), cmd.OutOrStdout(), "explain", query, showExplanation)
		},
	}
	s.flags(cmd.Flags())
	cmd.Flags().StringVar(&protocol, "protocol", "tcp", "tcp, udp, sctp, icmp, icmpv6 or a number")
	cmd.Flags().IntVar(&icmpType, "icmp-type", 8, "type of ICMP message (default: echo request)")
	return cmd
}

// packet is the question as the agent takes it.
func packet(args []string, protocol string, icmpType int, typed bool) (url.Values, error) {
	number := -1
	for _, p := range []topology.Protocol{topology.TCP, topology.UDP, topology.SCTP, topology.ICMP, topology.ICMPv6} {
		if protocol == p.String() {
			number = int(p)
		}
	}
	if n, err := strconv.ParseUint(protocol, 10, 8); err == nil {
		number = int(n)
	}
	if number < 0 {
		return nil, fmt.Errorf("--protocol %s: want tcp, udp, sctp, icmp, icmpv6 or a number", protocol)
	}
	query := url.Values{"source": {args[0]}, "destination": {args[1]}, "protocol": {strconv.Itoa(number)}}
	switch p := topology.Protocol(number); {
	case p == topology.ICMPv6 && !typed:
		query.Set("icmpType", "128")
	case p == topology.ICMP || p == topology.ICMPv6:
		query.Set("icmpType", strconv.Itoa(icmpType))
	case p.HasPorts() && len(args) < 3:
		return nil, fmt.Errorf("no port: heddle-agent explain %s %s PORT", args[0], args[1])
	case len(args) == 3:
		query.Set("port", args[2])
	}
	for _, text := range args[:2] {
		if _, err := netip.ParseAddr(text); err != nil {
			return nil, fmt.Errorf("%q: want an address such as 10.1.0.5", text)
		}
	}
	return query, nil
}

func showExplanation(w io.Writer, body io.Reader) error {
	var x hostapi.Explanation
	if err := json.NewDecoder(body).Decode(&x); err != nil {
		return fmt.Errorf("the answer breaks off: %w", err)
	}
	lines := x.Path
	for _, s := range x.Steps {
		line := fmt.Sprintf("  %s %s rule %d: %s", s.Table, s.Chain, s.Rule, s.Text)
		if s.Note != "" {
			line += "   # " + s.Note
		}
		lines = append(lines, line)
	}
	_, err := fmt.Fprintln(w, strings.Join(append(lines, x.Verdict), "\n"))
	return err
}
