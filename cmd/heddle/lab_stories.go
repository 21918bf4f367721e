package main

import (
	"cmp"
	"context"
	"encoding/json"
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
	var folder, publish, format string
	cmd := &cobra.Command{
		Use:   "test [WORD...]",
		Short: "Bring a lab of its own up, and tell what it lives through, in packets",
		Long: "Bring a lab of its own up, tell the topology's stories whose names contain the words, count the packets, and take\n" +
			"the lab down. A topology without stories of its own must have the nodes of Heddle's own containerlab.yml.",
		RunE: func(cmd *cobra.Command, words []string) (err error) {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			program, err := os.Executable()
			if err != nil {
				return err
			}
			topology, err := (&labOptions{file: o.file}).named()
			if err != nil {
				return err
			}
			chosen, err := choose(stories.Of(topology), words)
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
			prose := cmd.OutOrStdout()
			if format == "json" {
				prose = cmd.ErrOrStderr()
			}
			fmt.Fprintf(prose, "lab %s is ready after %.1f s\n", name, time.Since(began).Seconds())
			if folder == "" {
				folder = scripts(o.file)
			}
			proof := stories.Proof{Topology: topology, File: o.file, Machine: stories.Machine(ctx, lab), Figures: []stories.Figure{}}
			err = tell(cmd, stories.Stage{Lab: lab, Program: program, Folder: folder, Out: prose}, chosen, &proof)
			if format == "json" {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				err = errors.Join(err, out.Encode(proof))
			}
			if publish != "" {
				err = errors.Join(err, proof.Publish(publish))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&publish, "publish", "", "write the figures into this `PAGE`, between its marks of the topology, if all goes well")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "`FORMAT`: text or json")
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

// choose gives the stories that are meant, and knows before a lab is up that none is.
func choose(all []stories.Story, words []string) ([]stories.Story, error) {
	var chosen []stories.Story
	var names strings.Builder
	for _, s := range all {
		fmt.Fprintf(&names, "\n  %s", s.Name)
		if meant(s, words) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no story has a name with %q; there are:%s", words, names.String())
	}
	return chosen, nil
}

// tell tells the stories that are meant, all of them, whatever becomes of one.
func tell(cmd *cobra.Command, stage stories.Stage, chosen []stories.Story, proof *stories.Proof) error {
	wrong := 0
	stage.Note = func(f stories.Figure) { proof.Figures = append(proof.Figures, f) }
	for _, s := range chosen {
		if cmd.Context().Err() != nil {
			break
		}
		fmt.Fprintln(stage.Out, s.Name)
		began := time.Now()
		err := stage.Tell(cmd.Context(), s)
		told := stories.Told{Name: s.Name, Took: time.Since(began)}
		if err != nil {
			wrong++
			told.Wrong = err.Error()
			fmt.Fprintf(stage.Out, "  WRONG: %v\n", err)
		} else {
			fmt.Fprintf(stage.Out, "  well, after %.1f s\n", told.Took.Seconds())
		}
		proof.Stories = append(proof.Stories, told)
	}
	switch {
	case cmd.Context().Err() != nil:
		return context.Cause(cmd.Context())
	case wrong > 0:
		return fmt.Errorf("%d of %d stories went wrong", wrong, len(proof.Stories))
	}
	return nil
}

// meant says whether a story's name has all of the words.
func meant(s stories.Story, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s.Name, w) {
			return false
		}
	}
	return true
}
