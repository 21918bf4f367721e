package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/spf13/cobra"

	"heddle/agent/fib"
	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/internal/command"
)

func purgeCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "purge",
		Short: "Remove everything of the agent's from this host, and nothing else",
		Long: "Remove every route, chain, set, address and neighbour of the agent's from this host. Workloads are cut off by it, and\n" +
			"nothing guards them any more: stop the agent and move them first. Forwarding stays on: others may need it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if running(cmd.Context(), address) {
				return fmt.Errorf("an agent runs here and answers at %s: stop it first, since it would put everything back", address)
			}
			return purge(cmd.Context(), cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&address, "http", defaultHTTP, "`ADDR:PORT` of the agent's --http")
	return cmd
}

func running(ctx context.Context, address string) bool {
	body, err := command.Client{Address: address, Daemon: "agent"}.Get(ctx, "version", nil)
	if err != nil {
		return false
	}
	_ = body.Close()
	return true
}

// purge removes routes first: what is not reachable needs no guard.
func purge(ctx context.Context, w io.Writer) error {
	kernel, err := fib.Open()
	if err != nil {
		return err
	}
	defer kernel.Close()
	routes, err := purgeRoutes(kernel)
	if err != nil {
		return err
	}
	ports, err := purgePorts(kernel)
	if err != nil {
		return err
	}
	filter, err := firewall.Open("auto")
	if err != nil {
		return err
	}
	defer filter.Close()
	if err := filter.Purge(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "removed %d routes, %d ports, and every chain and set that begins with %s\n", routes, ports, firewall.Prefix)
	return err
}

func purgeRoutes(kernel *fib.Kernel) (int, error) {
	count := 0
	for _, f := range bgp.Families {
		var own []netip.Prefix
		err := kernel.Dump(f, func(r *fib.Found) bool {
			if r.Own {
				own = append(own, r.Prefix)
			}
			return true
		})
		if err != nil {
			return count, err
		}
		for _, p := range own {
			kernel.Remove(p)
		}
		count += len(own)
	}
	var errs []error
	for _, failure := range kernel.Flush() {
		errs = append(errs, fmt.Errorf("route %s: %w", failure.Prefix, failure.Err))
	}
	return count, errors.Join(errs...)
}

// purgePorts undoes every interface that has a gateway's address.
func purgePorts(kernel *fib.Kernel) (int, error) {
	links, err := kernel.Links()
	if err != nil {
		return 0, err
	}
	count := 0
	for _, link := range links {
		for _, p := range link.Addresses {
			if p.Addr() != fib.Gateway4 && p.Addr() != fib.Gateway6 {
				continue
			}
			if err := kernel.Unport(link.Index, link.Name); err != nil {
				return count, err
			}
			count++
			break
		}
	}
	return count, nil
}
