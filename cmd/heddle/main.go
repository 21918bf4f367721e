// Command heddle is the reflector and the tools around it.
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
		fmt.Fprintln(os.Stderr, "heddle:", err)
		stop()
		os.Exit(1)
	}
}

// root is the command with all its subcommands.
func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "heddle",
		Short:         "BGP route reflector for layer-3 data centres",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(
		reflectorCommand(),
		applyCommand(), getCommand(), deleteCommand(), checkCommand(), diffCommand(), acceptCommand(), rejectCommand(),
		showCommand(), explainCommand(), labCommand(), benchCommand(), command.Version("heddle"),
	)
	return cmd
}
