package command

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Release is set by the build.
var Release = "dev"

// Version is the command that says what program this is.
func Version(program string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), VersionLine(program))
		},
	}
}

// VersionLine is all of it in one line.
func VersionLine(program string) string {
	return fmt.Sprintf("%s %s, commit %s, %s %s", program, Release, Commit(), runtime.Version(), Platform())
}

// Platform is what the program was built for.
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// Commit is what the build was made from.
func Commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return fmt.Sprintf("%.12s", s.Value)
			}
		}
	}
	return "unknown"
}
