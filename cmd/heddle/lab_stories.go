package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"heddle/lab/runner"
	"heddle/lab/stories"
)

func labTest(o *labOptions) *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "test [WORD...]",
		Short: "Bring a lab of its own up, and tell what it lives through, in packets",
		Long: "Bring a lab of its own up, tell the topology's stories whose names contain the words, count the packets, and take\n" +
			"the lab down. A topology without stories of its own must have the nodes of Heddle's own containerlab.yml.",
		RunE: func(cmd *cobra.Command, words []string) (err error) {
			program, err := os.Executable()
			if err != nil {
				return err
			}
			topology, err := (&labOptions{file: o.file}).named()
			if err != nil {
				return err
			}
			name := fmt.Sprintf("%s-test-%d", cmp.Or(o.name, topology), os.Getpid())
			began := time.Now()
			lab, err := runner.Up(cmd.Context(), runner.Options{File: o.file, Name: name, Program: program, Attached: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, runner.Down(name)) }()
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), 2*time.Minute, errors.New("gave up after 2 minutes"))
			defer cancel()
			if err := lab.Ready(ctx, labProgress(cmd.ErrOrStderr())); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "lab %s is ready after %.1f s\n", name, time.Since(began).Seconds())
			if folder == "" {
				folder = scripts(o.file)
			}
			return tell(cmd, stories.Stage{Lab: lab, Program: program, Folder: folder, Out: cmd.OutOrStdout()}, stories.Of(topology), words)
		},
	}
	cmd.Flags().StringVar(&folder, "scripts", "", "`FOLDER` with move.sh (default: lab/topologies/default, from where the topology is)")
	return cmd
}

// scripts finds the folder with move.sh: from containerlab.yml, or from a folder of
// lab/topologies.
func scripts(file string) string {
	sibling := filepath.Join(filepath.Dir(file), "../default")
	if _, err := os.Stat(filepath.Join(sibling, "move.sh")); err == nil {
		return sibling
	}
	return filepath.Join(filepath.Dir(file), "lab/topologies/default")
}

// tell tells the stories that are meant, all of them, whatever becomes of one.
func tell(cmd *cobra.Command, stage stories.Stage, all []stories.Story, words []string) error {
	told, wrong := 0, 0
	for _, s := range all {
		meant := true
		for _, w := range words {
			meant = meant && strings.Contains(s.Name, w)
		}
		if !meant {
			continue
		}
		told++
		fmt.Fprintln(stage.Out, s.Name)
		began := time.Now()
		if err := stage.Tell(cmd.Context(), s); err != nil {
			wrong++
			fmt.Fprintf(stage.Out, "  WRONG: %v\n", err)
			continue
		}
		fmt.Fprintf(stage.Out, "  well, after %.1f s\n", time.Since(began).Seconds())
	}
	switch {
	case told == 0:
		return fmt.Errorf("no story has a name with %q", words)
	case wrong > 0:
		return fmt.Errorf("%d of %d stories went wrong", wrong, told)
	}
	return nil
}
