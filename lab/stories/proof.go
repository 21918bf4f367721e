package stories

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Proof is what a telling of stories has shown.
type Proof struct {
	Topology string   `json:"topology"`
	File     string   `json:"file"`    // of the topology
	Machine  []string `json:"machine"` // name: value
	Stories  []Told   `json:"stories"`
	Figures  []Figure `json:"figures"`
}

// Told is what became of a story.
type Told struct {
	Name  string        `json:"name"`
	Wrong string        `json:"wrong,omitempty"` // what went wrong
	Took  time.Duration `json:"took"`
}

// Publish writes the figures between a page's marks of the topology. Nothing is
// published of a telling in which something went wrong.
func (p Proof) Publish(file string) error {
	for _, s := range p.Stories {
		if s.Wrong != "" {
			return fmt.Errorf("%s stays as it is: %s: %s", file, s.Name, s.Wrong)
		}
	}
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := "<!-- told of "+p.Topology+": begin; `make proof` writes this part -->", "<!-- told of "+p.Topology+": end -->"
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s: the marks %q and %q are gone", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+"\n\n"+p.Markdown()+end+after), 0o644)
}

// Markdown is the proof as tables, a story each.
func (p Proof) Markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s.\n", strings.Join(p.Machine, "; "))
	for _, s := range p.Stories {
		var rows strings.Builder
		for _, f := range p.Figures {
			if f.Story == s.Name {
				rows.WriteString(f.row())
			}
		}
		fmt.Fprintf(&out, "\n### %s\n\n`bin/heddle lab test -t %s %q`, %.0f s", sentence(s.Name), p.File, s.Name, s.Took.Seconds())
		if rows.Len() == 0 {
			out.WriteString(": each step of it is waited for, and none was missing.\n")
			continue
		}
		out.WriteString("\n\n| | target | streams | sent | lost | doubled | misdelivered | longest gap | without a way |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n")
		out.WriteString(rows.String())
	}
	return out.String()
}

func sentence(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

func (f Figure) row() string {
	aim := f.Aim
	if f.Missed() {
		aim += ", **missed**"
	}
	if f.Took > 0 {
		return fmt.Sprintf("| %s: **%.1f s** | %s | | | | | | | |\n", f.What, f.Took.Seconds(), aim)
	}
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %d | %s | %s |\n",
		f.What, aim, f.Streams, f.Sent, f.Lost, f.Doubled, f.Misdelivered, span(f.Gap), span(f.Dark))
}

// span is a time in milliseconds, or seconds if it is long.
func span(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
