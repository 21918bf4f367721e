package runner

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Picture draws a lab for a terminal: what stands in no rack above, the racks below
// side by side, and what is missing.
//
//	outside ●   border ●   spine ●   etcd ●
//	┌ rack r1 ────────────┐ ┌ rack r2 ────────────┐
//	│ ● tor1    2 of 2    │ │ …                   │
//	└─────────────────────┘ └─────────────────────┘
func Picture(s Status) string {
	var out strings.Builder
	fmt.Fprintf(&out, "lab %s", s.Name)
	if s.Phase != "" {
		fmt.Fprintf(&out, ": %s", s.Phase)
	}
	if s.Failed != "" {
		fmt.Fprintf(&out, " has failed:\n  %s", strings.ReplaceAll(s.Failed, "\n", "\n  "))
	}
	out.WriteString("\n\n")
	racks := map[string][]string{}
	var order, free []string
	for _, n := range s.Nodes {
		line := mark(n) + " " + n.Name
		if n.Rack == "" {
			free = append(free, line)
			continue
		}
		if _, known := racks[n.Rack]; !known {
			order = append(order, n.Rack)
		}
		racks[n.Rack] = append(racks[n.Rack], fmt.Sprintf("%s %s", pad(line, 10), s.sessions(n)))
	}
	slices.Sort(order)
	if len(free) > 0 {
		fmt.Fprintf(&out, "  %s\n\n", strings.Join(free, "   "))
	}
	var boxes [][]string
	for _, name := range order {
		boxes = append(boxes, box("rack "+name, racks[name]))
	}
	out.WriteString(beside(boxes))
	missing := slices.Concat(s.Missing, s.doing())
	if len(missing) == 0 {
		out.WriteString("\nready: every session is Established, every workload announced by its host\n")
		return out.String()
	}
	out.WriteString("\nmissing:\n")
	for _, m := range missing {
		fmt.Fprintf(&out, "  %s\n", m)
	}
	return out.String()
}

// beside puts boxes side by side.
func beside(boxes [][]string) string {
	var out strings.Builder
	for i, more := 0, true; more; i++ {
		line := ""
		more = false
		for _, b := range boxes {
			if i < len(b) {
				line, more = line+" "+b[i], true
			} else {
				line += " " + strings.Repeat(" ", utf8.RuneCountInString(b[0]))
			}
		}
		if more {
			fmt.Fprintln(&out, strings.TrimRight(line, " "))
		}
	}
	return out.String()
}

func mark(n Node) string {
	if n.Process == 0 {
		return "✗"
	}
	return "●"
}

// sessions says how many of a node's sessions with reflectors are there.
func (s Status) sessions(n Node) string {
	if n.Process == 0 && s.Phase != "" {
		return "not begun"
	}
	if n.Process == 0 {
		return "ended " + n.Since.Format("15:04:05")
	}
	reflects := slices.ContainsFunc(s.Sessions, func(e Session) bool { return e.Reflector == n.Name })
	there, all := 0, 0
	for _, e := range s.Sessions {
		if reflects && e.Reflector != n.Name || !reflects && e.Peer != n.Name {
			continue
		}
		all++
		if e.State == established {
			there++
		}
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d sessions", there, all)
}

func box(title string, lines []string) []string {
	width := utf8.RuneCountInString(title) + 2
	for _, l := range lines {
		width = max(width, utf8.RuneCountInString(l))
	}
	out := []string{"┌ " + title + " " + strings.Repeat("─", width-utf8.RuneCountInString(title)) + "┐"}
	for _, l := range lines {
		out = append(out, "│ "+pad(l, width)+" │")
	}
	return append(out, "└"+strings.Repeat("─", width+2)+"┘")
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
