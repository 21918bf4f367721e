package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"heddle/internal/command"
	"heddle/peering"
	"heddle/topology"
	"heddle/topology/etcd"
)

func checkCommand() *cobra.Command {
	var o etcdClient
	var files []string
	cmd := &cobra.Command{
		Use:   "check [-f FILE...]",
		Short: "Say what is wrong with fabric objects",
		Long: "Say what is wrong with the objects of files, without any datastore; without -f, with those in etcd.\n" +
			"The exit status is 1 if anything is.",
		Example: "  heddle check -f fabric.yaml\n  heddle check",
		Args:    onlyFiles,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(files) > 0 {
				objects, err := readObjects(cmd.InOrStdin(), files)
				if err != nil {
					return err
				}
				return judge(cmd.OutOrStdout(), snapshotOf(objects), len(objects))
			}
			return o.with(cmd.Context(), 0, func(ctx context.Context, c *etcd.Client) error {
				snapshot, err := c.Snapshot(ctx)
				if err != nil {
					return err
				}
				return judge(cmd.OutOrStdout(), snapshot, count(snapshot))
			})
		},
	}
	filesFlag(cmd, &files)
	o.clientFlags(cmd.Flags())
	return cmd
}

// snapshotOf is the fabric that applying the objects to an empty datastore makes.
func snapshotOf(objects []topology.Object) *topology.Snapshot {
	var inventory topology.Inventory
	inventory.Apply(0, topology.ChangesOf(slices.Values(append(objects, command.Unnumbered(objects)...))))
	return inventory.Snapshot()
}

func count(s *topology.Snapshot) int {
	n := 0
	for range s.Objects() {
		n++
	}
	return n
}

// judge prints every problem of a fabric; an error says how many there are.
func judge(w io.Writer, s *topology.Snapshot, objects int) error {
	problems := append(slices.Clone(s.Problems()), planProblems(s)...)
	slices.SortStableFunc(problems, topology.Problem.Compare)
	problems = slices.Compact(problems)
	for _, p := range problems {
		fmt.Fprintln(w, p)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%s", several(len(problems), "problem"))
	}
	_, err := fmt.Fprintf(w, "%s, no problems\n", several(objects, "object"))
	return err
}

// planProblems are those that the reflectors of the fabric would have with it.
func planProblems(s *topology.Snapshot) []topology.Problem {
	self := peering.Self{ASN: s.Settings().ASN}
	if self.ASN == 0 {
		self.ASN = defaultASN
	}
	var problems []topology.Problem
	for r := range s.Routers() {
		if r.Role != topology.Reflector {
			continue
		}
		self.Name = r.Name
		_, found := peering.For(s, self, peering.SourceEtcd)
		for _, p := range found {
			problems = append(problems, topology.Problem(p))
		}
	}
	return problems
}
