package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// PrintJSON writes reports as an array.
func PrintJSON(w io.Writer, reports []*Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(reports)
}

// PrintTable writes a line per report.
func PrintTable(w io.Writer, reports []*Report) error {
	var text bytes.Buffer
	tw := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SPEAKER\tSCENARIO\tCLIENTS\tROUTES\tCORE-S\tWALL\tIDLE\tRSS\tANON\tPEAK\tFIRST p50/p99/max\tLAST p50/p99/max\tEACH p50/p99/max\tRECEIVED\tUPDATES\tREMARK")
	for _, r := range reports {
		fmt.Fprintln(tw, strings.Join(r.cells(), "\t"))
	}
	_ = tw.Flush() // to a buffer
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) cells() []string {
	family := ""
	if r.Family != "ipv4" {
		family = " " + r.Family
	}
	return []string{
		r.Speaker, r.Scenario, fmt.Sprint(r.Clients), fmt.Sprint(r.Routes) + family,
		r.time(number(r.Core)), r.time(seconds(r.Wall)), mega(r.IdleRSS), mega(r.RSS), mega(r.Anon), mega(r.Peak),
		r.First.String(), r.Last.String(), r.Each.String(), mega(r.Octets), fmt.Sprint(r.Messages), r.remark(),
	}
}

// time is one of the figures that would have grown, had there been more time; there
// is none if what was to be measured never began.
func (r *Report) time(text string) string {
	switch {
	case r.Wall == 0:
		return "–"
	case r.Late:
		return "> " + text
	}
	return text
}

func (r *Report) remark() string {
	switch {
	case r.Failure != "" && !r.Late:
		return "FAILED: " + r.Failure
	case r.Late:
		return fmt.Sprintf("time was up: %s; %d (client, route) pairs missing", r.Failure, r.Missing)
	case r.Scenario == "strangers":
		return fmt.Sprintf("%d strangers at %d/s, %d told why; %d silent connections held; %d stalled clients closed; RSS grew by %s",
			r.Strangers, r.Rate, r.Told, r.Silent, r.Closed, mega(max(1, r.RSS-r.IdleRSS)))
	case r.Scenario == "soak":
		return fmt.Sprintf("verified; after the first quarter RSS grew by %+.2f MB/h; %d to %d goroutines", float64(r.Slope)/1e6, r.GoroutinesLeast, r.GoroutinesMost)
	case r.Scenario == "stalled":
		return fmt.Sprintf("%d stalled clients closed", r.Closed)
	}
	return "verified"
}

// String has the three times in the unit that suits the longest.
func (s Spread) String() string {
	if s.Max == 0 {
		return "–"
	}
	unit, factor := "s", 1.0
	switch {
	case s.Max < 1e-3:
		unit, factor = "µs", 1e6
	case s.Max < 1:
		unit, factor = "ms", 1e3
	}
	return fmt.Sprintf("%s/%s/%s %s", number(s.P50*factor), number(s.P99*factor), number(s.Max*factor), unit)
}

// seconds is a time for people.
func seconds(s float64) string {
	switch {
	case s < 1e-3:
		return number(s*1e6) + " µs"
	case s < 1:
		return number(s*1e3) + " ms"
	}
	return number(s) + " s"
}

// number has three digits that mean something.
func number(x float64) string {
	if x == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(x))))
	return fmt.Sprintf("%.*f", max(0, min(digits, 4)), x)
}

// mega is octets in millions; 0 is not known.
func mega(octets int) string {
	if octets == 0 {
		return "–"
	}
	return number(float64(octets)/1e6) + " MB"
}
