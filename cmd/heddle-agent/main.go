// Command heddle-agent makes a host a part of the fabric: it routes to the host's
// workloads and to those of others, guards them, and announces them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"heddle/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "heddle-agent:", err)
		stop()
		os.Exit(1)
	}
}

// root is the agent itself, with the commands that ask it.
func root() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "heddle-agent",
		Short: "Host agent: kernel routes, anti-spoofing and policy",
		Long: "Run the host agent: take this host's workloads and the policies from etcd and routes from the reflectors, keep the\n" +
			"kernel's routes and chains as they say, and announce the workloads that can carry traffic. Every flag is also a\n" +
			"key of the file given with --config. When it ends, everything stays in place; heddle-agent purge removes it.",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := command.Load(o.config, cmd.Flags()); err != nil {
				return err
			}
			log, err := command.Logger(o.logLevel)
			if err != nil {
				return err
			}
			d := &daemon{options: &o, log: log, asnGiven: cmd.Flags().Changed("asn")}
			return d.run(cmd.Context())
		},
	}
	o.flags(cmd.Flags())
	cmd.AddCommand(showCommand(), explainCommand(), purgeCommand(), command.Version("heddle-agent"))
	return cmd
}
