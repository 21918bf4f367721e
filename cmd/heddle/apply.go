package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"heddle/topology/etcd"
)

func applyCommand() *cobra.Command {
	var o etcdClient
	var files []string
	cmd := &cobra.Command{
		Use:   "apply -f FILE...",
		Short: "Write fabric objects into etcd",
		Long: "Write the objects of files into etcd. An object takes the place of the one with its name, with all its fields;\n" +
			"objects that are not in the files stay. Nothing is written if any file has a fault.",
		Example: "  heddle apply -f racks.yaml -f hosts.yaml\n  our-inventory --as-yaml | heddle apply -f -",
		Args:    onlyFiles,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(files) == 0 {
				return errors.New("nothing to apply: give -f FILE, or -f - for standard input")
			}
			objects, err := readObjects(cmd.InOrStdin(), files)
			if err != nil {
				return fmt.Errorf("nothing applied: %w", err)
			}
			return o.with(cmd.Context(), len(objects), func(ctx context.Context, c *etcd.Client) error {
				results, err := c.Apply(ctx, objects)
				for _, r := range results {
					fmt.Fprintln(cmd.OutOrStdout(), r.Outcome, r.Object.Key())
				}
				if len(objects) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "no objects")
				}
				return err
			})
		},
	}
	filesFlag(cmd, &files)
	o.clientFlags(cmd.Flags())
	return cmd
}
