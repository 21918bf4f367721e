package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"heddle/internal/api"
)

func explainCommand() *cobra.Command {
	s, to := newShow(), ""
	cmd := &cobra.Command{
		Use:   "explain PREFIX [--to PEER]",
		Short: "Say why a route is where it is, and why it is not where it is not",
		Long: "Say why a route is where it is, and why it is not where it is not: what the inventory says of it, what became of each\n" +
			"path on the way in, which one won and why the others lost, its pool's summary, and who hears what.",
		Example: "  heddle explain 10.1.0.5\n  heddle explain 10.1.0.5 --to tor1\n  heddle explain 10.1.0.0/16 -o json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("want one prefix or address, such as 10.1.0.5")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			prefix, err := api.ParsePrefix(args[0])
			if err != nil {
				return err
			}
			query := url.Values{"prefix": {prefix.String()}}
			if to != "" {
				query.Set("to", to)
			}
			return s.run(cmd.Context(), cmd.OutOrStdout(), "explain", query, printExplanation)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "name or address of a `PEER`: what this one hears")
	s.flags(cmd.Flags())
	return cmd
}

func printExplanation(w io.Writer, body io.Reader) error {
	var e api.Explanation
	if err := json.NewDecoder(body).Decode(&e); err != nil {
		return fmt.Errorf("the answer breaks off: %w", err)
	}
	p := &steps{}
	p.inventory(&e)
	p.imports(&e)
	p.decision(&e)
	p.summary(&e)
	p.exports(&e)
	_, err := fmt.Fprintf(w, "%s\n\n%s", e.Prefix, p.text.String())
	return err
}

// steps writes one step of the way of a route after the other.
type steps struct{ text strings.Builder }

// step writes lines under a heading.
func (p *steps) step(heading string, lines ...string) {
	for i, line := range lines {
		if i > 0 {
			heading = ""
		}
		fmt.Fprintf(&p.text, "%-10s %s\n", heading, line)
	}
}

func (p *steps) inventory(e *api.Explanation) {
	var lines []string
	switch s := e.Summary; {
	case s == nil:
		lines = append(lines, "in no pool, so that its home is unknown: an exception")
	case s.Rack == "":
		lines = append(lines, fmt.Sprintf("in pool %s (%s), which has no home: an exception", s.Pool, s.Prefix))
	default:
		lines = append(lines, fmt.Sprintf("in pool %s (%s), at home in rack %s", s.Pool, s.Prefix, s.Rack))
	}
	for _, w := range e.Workloads {
		lines = append(lines, fmt.Sprintf("workload %s/%s, %s%s", w.Node, w.Name, w.State, tagged(w.Tags)))
	}
	if len(e.Workloads) == 0 && e.Prefix.IsSingleIP() {
		lines = append(lines, "no workload has the address")
	}
	p.step("inventory", lines...)
}

func tagged(tags []string) string {
	if len(tags) == 0 {
		return ""
	}
	return ", tagged " + strings.Join(tags, ", ")
}

func (p *steps) imports(e *api.Explanation) {
	var lines []string
	for _, path := range e.Paths {
		lines = append(lines, fmt.Sprintf("from %s, next hop %s: %s", path.From, path.NextHop, imported(e, path)))
	}
	if len(lines) == 0 {
		lines = append(lines, "nobody announces it")
	}
	p.step("import", lines...)
}

// imported says what became of a path on the way in, and where it leads.
func imported(e *api.Explanation, path api.Path) string {
	text := "accepted"
	switch {
	case path.Refused:
		text = path.Reason
	case path.Ghost:
		text = fmt.Sprintf("accepted, though the inventory has no such workload on its node (ownership is %q)", e.Ownership)
	}
	if path.Stale {
		text += ", stale: its session is gone and may come back"
	}
	switch path.Kind {
	case "in-rack":
		text += fmt.Sprintf("; in rack %s, at home", path.Now)
	case "exception":
		text += fmt.Sprintf("; an exception: home %s, now %s", orUnknown(path.Home), orUnknown(path.Now))
	default:
		text += "; " + path.Kind
	}
	return text + tagged(path.Tags)
}

func orUnknown(rack string) string {
	if rack == "" {
		return "unknown"
	}
	return rack
}

func (p *steps) decision(e *api.Explanation) {
	var lines []string
	for _, path := range e.Paths {
		switch {
		case path.Best:
			lines = append([]string{fmt.Sprintf("%s's path is best", path.From)}, lines...)
		case !path.Refused:
			lines = append(lines, fmt.Sprintf("%s's path loses: %s", path.From, path.Reason))
		}
	}
	if s := e.Summary; s != nil && s.Anycast {
		lines = append(lines, fmt.Sprintf("the pool is anycast: of %d paths, peers that can hear several hear all", len(e.Paths)))
	}
	if e.Disputed {
		lines = append(lines, "disputed: neither the inventory nor a migration says which host is right")
	}
	if len(lines) == 0 {
		lines = append(lines, "no path may be used")
	}
	p.step("decision", lines...)
}

func (p *steps) summary(e *api.Explanation) {
	if e.Summary == nil {
		return
	}
	s := *e.Summary
	text := fmt.Sprintf("%s: %s", s.Prefix, summaryState(s))
	if s.Live {
		text += fmt.Sprintf(", kept alive by %d routes", s.Routes)
	}
	p.step("summary", text)
}

func (p *steps) exports(e *api.Explanation) {
	var lines []string
	for _, x := range e.Exports {
		to := x.Group
		if x.Peer != "" {
			to = fmt.Sprintf("%s %s (%s)", x.Peer, x.Address, x.Group)
		}
		said := "not told"
		if x.Heard {
			said = "told " + x.Path + "'s"
		}
		lines = append(lines, fmt.Sprintf("to %s: %s: %s", to, said, x.Reason))
	}
	if len(lines) == 0 {
		lines = append(lines, "no session is established")
	}
	p.step("export", lines...)
}
