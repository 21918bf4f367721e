package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"heddle/lab/runner"
)

func labStatus(o *labOptions) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "status", Short: "Show racks, nodes, sessions, and what is missing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf(format, "table", "json"); err != nil {
				return err
			}
			lab, err := o.lab()
			if err != nil {
				return err
			}
			s, err := lab.Status(cmd.Context(), true)
			if err != nil {
				return err
			}
			if format == "json" {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(s)
			}
			fmt.Fprint(cmd.OutOrStdout(), runner.Picture(s))
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "`FORMAT`: table or json")
	return cmd
}

// oneOf refuses a format that there is not.
func oneOf(format string, known ...string) error {
	if slices.Contains(known, format) {
		return nil
	}
	return fmt.Errorf("output %q: want %s", format, strings.Join(known, " or "))
}

func labProbe(o *labOptions) *cobra.Command {
	order, more := runner.ProbeOrder{}, time.Duration(0)
	cmd := &cobra.Command{
		Use:   "probe FROM TO ADDRESS COMMAND [ARGUMENT...]",
		Short: "Count the packets that are lost while a command runs",
		Long: "Send numbered packets from one node to an address of another, which answers them, while a command runs on this machine;\n" +
			"then say how many were lost, doubled, or delivered where the address no longer was, and how long the longest gap was.",
		Example: "  heddle lab probe outside web11 10.1.0.1 heddle lab kill rr1",
		Args:    cobra.MinimumNArgs(4),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			lab, err := o.lab()
			if err != nil {
				return err
			}
			order.From, order.To = args[0], args[1]
			if order.Address, err = netip.ParseAddr(args[2]); err != nil {
				return err
			}
			command, err := after(args, 3)
			if err != nil {
				return err
			}
			report, err := lab.During(cmd.Context(), order, func() error {
				if err := runner.Here(cmd.Context(), command...); err != nil {
					return err
				}
				select { // what the command began may not be over with it
				case <-cmd.Context().Done():
				case <-time.After(more):
				}
				return nil
			})
			if report.Sent > 0 {
				fmt.Fprintln(cmd.OutOrStdout(), report)
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&order.Pace, "pace", time.Millisecond, "time between two packets")
	cmd.Flags().DurationVar(&more, "after", time.Second, "go on for so long after the command")
	cmd.Flags().SetInterspersed(false)
	return cmd
}
