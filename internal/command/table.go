package command

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"
)

const (
	// columns is how wide a table may get before its last column is cut: what it says
	// in full stands in the JSON.
	columns = 120
	// remark is what the last column has in any case.
	remark = 60
)

// WriteTable aligns rows under a head and cuts their last cells to fit.
func WriteTable(w io.Writer, head []string, rows [][]string) error {
	lines, last := Align(head, rows)
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, cut(line, max(columns, last+remark))); err != nil {
			return err
		}
	}
	return nil
}

// Align gives the lines of a table, and where their last cells begin. An empty cell
// in the middle becomes a dash, so that columns can be counted.
func Align(head []string, rows [][]string) (lines []string, last int) {
	var text bytes.Buffer
	tw := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row[:len(row)-1] {
			if cell == "" && i > 0 {
				row[i] = "-"
			}
		}
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	_ = tw.Flush() // to a buffer
	for line := range strings.Lines(text.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return lines, len(lines[0]) - len(head[len(head)-1])
}

func cut(line string, most int) string {
	if utf8.RuneCountInString(line) <= most {
		return line
	}
	return string([]rune(line)[:most-1]) + "…"
}

// Span is a duration in the two units that matter.
func Span(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}
