package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"heddle/internal/api"
	"heddle/topology"
)

func diffCommand() *cobra.Command {
	s := newShow()
	var files []string
	cmd := &cobra.Command{
		Use:   "diff -f FILE...",
		Short: "Say what apply would change before it does",
		Long: "Say what `heddle apply` of the same files would change: objects, sessions, summaries, and what each kind of peer would\n" +
			"hear otherwise, by the routes that the reflector has now. Nothing changes.",
		Example: "  heddle diff -f racks.yaml",
		Args:    onlyFiles,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(files) == 0 {
				return errors.New("nothing to compare: give -f FILE, or -f - for standard input")
			}
			objects, err := readObjects(cmd.InOrStdin(), files)
			if err != nil {
				return err
			}
			return s.ask(cmd.OutOrStdout(), func() (io.ReadCloser, error) {
				return s.client.Post(cmd.Context(), "diff", wishesOf(objects))
			}, printDifference)
		},
	}
	filesFlag(cmd, &files)
	s.flags(cmd.Flags())
	return cmd
}

func wishesOf(objects []topology.Object) []api.Wish {
	var wishes []api.Wish
	for _, object := range objects {
		path, value := topology.Encode(object)
		wishes = append(wishes, api.Wish{Path: path, Value: json.RawMessage(value)})
	}
	return wishes
}

func printDifference(w io.Writer, body io.Reader) error {
	var d api.Difference
	if err := json.NewDecoder(body).Decode(&d); err != nil {
		return fmt.Errorf("the answer breaks off: %w", err)
	}
	if d.Unchanged {
		_, err := fmt.Fprintln(w, "nothing would change")
		return err
	}
	p := &steps{}
	p.objects(&d)
	p.step("sessions", sessionLines(d.Sessions)...)
	p.step("summaries", summaryLines(&d)...)
	p.step("routes", groupLines(d.Groups)...)
	p.step("problems", problemLines(&d)...)
	_, err := io.Copy(w, bytes.NewBufferString(p.text.String()))
	return err
}

func (p *steps) objects(d *api.Difference) {
	var lines []string
	for _, name := range d.Objects.Added {
		lines = append(lines, "added   "+name)
	}
	for _, name := range d.Objects.Changed {
		lines = append(lines, "changed "+name)
	}
	p.step("objects", shortened(lines)...)
}

// shortened keeps a list readable.
func shortened(lines []string) []string {
	const most = 20
	if len(lines) <= most {
		return lines
	}
	return append(lines[:most:most], fmt.Sprintf("… and %d more", len(lines)-most))
}

func sessionLines(sessions []api.SessionWish) []string {
	lines := []string{}
	for _, s := range sessions {
		lines = append(lines, fmt.Sprintf("%-8s%s %s", s.Change, s.Name, s.Address))
	}
	if len(lines) == 0 {
		return []string{"the same"}
	}
	return shortened(lines)
}

func summaryLines(d *api.Difference) []string {
	var lines []string
	for _, c := range []struct {
		what string
		list []netip.Prefix
	}{{"come: ", d.Up}, {"go: ", d.Down}} {
		if len(c.list) > 0 {
			lines = append(lines, c.what+joined(c.list))
		}
	}
	if len(lines) == 0 {
		return []string{"the same"}
	}
	return lines
}

func joined(list []netip.Prefix) string {
	var texts []string
	for _, p := range list {
		texts = append(texts, p.String())
	}
	return strings.Join(texts, " ")
}

func groupLines(groups []api.GroupChange) []string {
	var lines []string
	for _, g := range groups {
		lines = append(lines, fmt.Sprintf("to %s (%s): %d more, %d fewer, %d told otherwise",
			g.Group, several(g.Members, "peer"), g.Gained, g.Lost, g.Changed))
		for _, e := range g.Examples {
			lines = append(lines, fmt.Sprintf("   such as %s: now %s; then %s", e.Prefix, e.Now, e.Then))
		}
	}
	if len(lines) == 0 {
		return []string{"everybody hears the same"}
	}
	return lines
}

func problemLines(d *api.Difference) []string {
	var lines []string
	for _, p := range d.Problems {
		lines = append(lines, "new:    "+p.Object+": "+p.Text)
	}
	for _, p := range d.Mended {
		lines = append(lines, "mended: "+p.Object+": "+p.Text)
	}
	if len(lines) == 0 {
		return []string{"none new, none mended"}
	}
	return lines
}
