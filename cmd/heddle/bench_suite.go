package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"heddle/internal/command"
	"heddle/lab/bench"
)

func benchSuite() *cobra.Command {
	var (
		suite bench.Suite
		docs  string
		again bool
	)
	cmd := &cobra.Command{
		Use:   "suite",
		Short: "Measure everything that is published, with all speakers that are installed, and write the page",
		Long: "Measure everything that is published, with all speakers that are installed, one after the other, and print the tables.\n" +
			"With --write, BENCHMARKS.md and what belongs to it are written below a directory; text around the tables stays.",
		Example: "  heddle bench suite --quick\n  heddle bench suite --start heddle,hub\n  heddle bench suite --repeat 3 --write docs",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			results, err := suiteResults(cmd, &suite, docs, again)
			if err != nil {
				return err
			}
			if docs != "" {
				if err := results.Publish(docs); err != nil {
					return err
				}
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), results.Summary())
			return err
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&suite.Speakers, "start", nil, "measure these `SPEAKERS` (default: all that are installed)")
	f.BoolVar(&suite.Quick, "quick", false, "the short rows only, with a short deadline")
	f.IntVar(&suite.Repeat, "repeat", 1, "play each row this often; the median counts")
	f.StringVar(&docs, "write", "", "write the page, the plot and the data below this `DIRECTORY`")
	f.BoolVar(&again, "again", false, "measure nothing: write the page again from the data there")
	return cmd
}

// suiteResults measures, or reads what was measured.
func suiteResults(cmd *cobra.Command, suite *bench.Suite, docs string, again bool) (*bench.Results, error) {
	if again {
		return bench.Stored(docs)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	bar := newBar(cmd.ErrOrStderr())
	suite.Program, suite.Version, suite.ASN = program, command.Release, defaultASN
	suite.Progress = bar.progress("")
	suite.Line = func(line string) {
		bar.clear()
		fmt.Fprintln(cmd.ErrOrStderr(), line)
	}
	return suite.Run(cmd.Context())
}
