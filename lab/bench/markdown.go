package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// page is docs/BENCHMARKS.md being written: what is measured in it. What people
// write stands around it and stays.
type page struct {
	res      *Results
	speakers []speaker
	b        strings.Builder
}

// measured is what stands between the marks of the page.
func (res *Results) measured(plot string) string {
	p := &page{res: res}
	for _, s := range allSpeakers() {
		if res.Versions[s.name] != "" {
			p.speakers = append(p.speakers, s)
		}
	}
	p.machine()
	p.table()
	p.marginal()
	p.growth(plot)
	return p.b.String()
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n", args...) }

func (p *page) machine() {
	m := p.res.Machine
	p.line("%d cores of %s, %s of memory, %s, Linux %s, built with %s, on %s.", m.Cores, m.CPU, mega(m.Memory), m.System, m.Kernel, m.Go,
		p.res.Begun.Format("2 January 2006"))
	var versions []string
	for _, s := range p.speakers {
		if s.name != "hub" {
			versions = append(versions, s.label+" "+p.res.Versions[s.name])
		}
	}
	p.line("Speakers: %s, and the hub. Every row was run %d times, and the\nmedian counts, of two the cheaper; what took longer than %s, once. The load generator ran on the same cores.", strings.Join(versions, ", "), max(1, p.res.Repeat), seconds(longRun.Seconds()))
	p.line("`> x`: time was up after that. `–`: not tried, or not possible.\n")
}

// cells writes a row of a table.
func (p *page) cells(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

func (p *page) header(cells ...string) {
	p.cells(cells...)
	p.cells(slices.Repeat([]string{"---"}, len(cells))...)
}

// table has a line per figure: every speaker, the goal, and Heddle's ratios.
func (p *page) table() {
	header := []string{"Work", "Goal"}
	for _, s := range p.speakers {
		header = append(header, s.label)
	}
	for _, s := range p.others() {
		header = append(header, "÷ "+s.label)
	}
	p.header(header...)
	for _, r := range rows() {
		if p.res.Reports[r.id] == nil {
			continue
		}
		for _, f := range r.figures {
			p.figure(r, f)
		}
		if r.id == rowStalled {
			p.unstalled()
		}
	}
	p.line("")
}

// others are those Heddle is compared with.
func (p *page) others() []speaker {
	return slices.DeleteFunc(slices.Clone(p.speakers), func(s speaker) bool { return s.name == "heddle" })
}

func (p *page) figure(r row, f figure) {
	cells := []string{f.work, p.goal(r, f)}
	for _, s := range p.speakers {
		cells = append(cells, p.cell(r, f, s))
	}
	own, report, ok := p.res.middle(r.id, "heddle", f.of)
	for _, s := range p.others() {
		other, its, both := p.res.middle(r.id, s.name, f.of)
		cells = append(cells, ratio(own, report, other, its, ok && both))
	}
	p.cells(cells...)
}

// ratio compares two figures: below 1, Heddle's is less.
func ratio(own float64, ours *Report, other float64, its *Report, ok bool) string {
	if !ok || other == 0 || ours.Failure != "" || its.Failure != "" && !its.Late {
		return "–"
	}
	if its.Late {
		return "< " + number(own/other)
	}
	return number(own / other)
}

// cell is a speaker's figure.
func (p *page) cell(r row, f figure, s speaker) string {
	x, report, ok := p.res.middle(r.id, s.name, f.of)
	switch {
	case !ok:
		return "–"
	case report.Late && report.Wall == 0:
		return "> " + seconds(p.res.Deadline) // before the measured phase
	case report.Late && (f.unit == inSeconds || f.unit == inCoreSeconds):
		return "> " + f.unit.format(x)
	case report.Failure != "" || x == 0:
		return "–"
	}
	text := f.unit.format(x)
	if s.name == "heddle" {
		text = "**" + text + "**"
	}
	return text
}

// goal is what Heddle was to reach, and whether it did.
func (p *page) goal(r row, f figure) string {
	own, report, ok := p.res.middle(r.id, "heddle", f.of)
	limit, text := f.goal, f.unit.format(f.goal)
	if f.hubGoal > 0 {
		hub, _, there := p.res.middle(r.id, "hub", f.of)
		limit, text, ok = f.hubGoal*hub, number(f.hubGoal)+" × hub", ok && there
	}
	switch {
	case limit == 0:
		return ""
	case !ok:
		return "≤ " + text
	}
	return "≤ " + text + verdict(own <= limit && report.Failure == "")
}

func verdict(reached bool) string {
	if reached {
		return " ✓"
	}
	return " ✗"
}

// unstalled compares the load with stalled clients to the one without.
func (p *page) unstalled() {
	for _, f := range []struct {
		work string
		goal string
		of   func(stalled, not float64) (string, bool)
		x    func(*Report) float64
	}{
		{"the same, against nobody stalled: wall", "≤ 1.20 ×", func(s, n float64) (string, bool) { return number(s/n) + " ×", s <= 1.2*n }, wall},
		{"the same: more RSS", "≤ 64 MB", func(s, n float64) (string, bool) { return signed(s - n), s-n <= 64*mb }, rss},
	} {
		cells, goal := []string{f.work}, f.goal
		var texts []string
		for _, s := range p.speakers {
			stalled, a, ok := p.res.middle(rowStalled, s.name, f.x)
			not, b, both := p.res.middle(rowBig, s.name, f.x)
			if !ok || !both || a.Failure != "" || b.Failure != "" {
				texts = append(texts, "–")
				continue
			}
			text, reached := f.of(stalled, not)
			if s.name == "heddle" {
				goal += verdict(reached)
			}
			texts = append(texts, text)
		}
		cells = append(append(cells, goal), texts...)
		p.cells(append(cells, slices.Repeat([]string{""}, len(p.others()))...)...)
	}
}

func signed(octets float64) string {
	if octets < 0 {
		return "−" + mega(int(-octets))
	}
	return "+" + mega(int(octets))
}

// marginal has a line per thing that takes memory.
func (p *page) marginal() {
	if p.res.Quick {
		return
	}
	p.line("### Memory at the margin\n")
	header := []string{"RSS for", "Goal"}
	for _, s := range p.speakers {
		if s.name != "hub" {
			header = append(header, s.label)
		}
	}
	p.header(header...)
	for _, m := range marginals() {
		cells, goal := []string{m.what}, "≤ "+inOctetsEach.format(m.goal)
		var texts []string
		for _, s := range p.speakers {
			if s.name == "hub" {
				continue
			}
			each, ok := p.res.each(m, s.name)
			if !ok {
				texts = append(texts, "–")
				continue
			}
			if s.name == "heddle" {
				goal += verdict(each <= m.goal)
			}
			texts = append(texts, inOctetsEach.format(each))
		}
		p.cells(append(append(cells, goal), texts...)...)
	}
	p.line("")
}

// each is what one more of something takes.
func (res *Results) each(m marginal, speaker string) (octets float64, ok bool) {
	less, a, ok1 := res.middle(m.less, speaker, rss)
	more, b, ok2 := res.middle(m.more, speaker, rss)
	if !ok1 || !ok2 || a.Failure != "" || b.Failure != "" {
		return 0, false
	}
	return max(0, more-less) / float64(m.units(a, b)), true
}

// growth has a line per size, and the exponents.
func (p *page) growth(plot string) {
	if p.res.Quick {
		return
	}
	p.line("### Growth\n")
	p.line("![Core-seconds and memory against routes and clients](%s)\n", plot)
	byRoutes, byClients := growthRows()
	p.grown("20 clients, routes", byRoutes, func(r *Report) float64 { return float64(r.Routes) })
	p.grown("100k routes of 10 feeders, clients", byClients, func(r *Report) float64 { return float64(r.Clients) })
}

func (p *page) grown(title string, list []row, x func(*Report) float64) {
	var with []speaker
	for _, s := range p.speakers {
		if slices.ContainsFunc(list, func(r row) bool { return p.res.Reports[r.id][s.name] != nil }) {
			with = append(with, s)
		}
	}
	header := []string{title}
	for _, s := range with {
		header = append(header, s.label+" core-s", s.label+" RSS")
	}
	p.header(header...)
	for _, r := range list {
		cells := []string{""}
		for _, s := range with {
			cells = append(cells, p.cell(r, figure{unit: inCoreSeconds, of: core}, s), p.cell(r, figure{unit: inOctets, of: rss}, s))
			if report := median(p.res.Reports[r.id][s.name]); report != nil {
				cells[0] = fmt.Sprintf("%.0f", x(report))
			}
		}
		p.cells(cells...)
	}
	cells := []string{"exponent"}
	cores, memory := p.res.grown(list, x, core), p.res.grown(list, x, rss)
	for _, s := range with {
		cells = append(cells, exponentOf(cores, s.label), exponentOf(memory, s.label))
	}
	p.cells(cells...)
	p.line("")
}

func exponentOf(all []growth, label string) string {
	for _, g := range all {
		if g.speaker == label {
			if b, ok := exponent(g.points); ok {
				return fmt.Sprintf("%.2f", b)
			}
		}
	}
	return "–"
}

// plot draws the growth.
func (res *Results) plot(w io.Writer) error {
	byRoutes, byClients := growthRows()
	routes := func(r *Report) float64 { return float64(r.Routes) }
	clients := func(r *Report) float64 { return float64(r.Clients) }
	megabytes := func(r *Report) float64 { return float64(r.RSS) / mb }
	return writeSVG(w, []panel{
		{"Computing, 20 clients", "routes", "core-seconds", res.grown(byRoutes, routes, core)},
		{"Memory, 20 clients", "routes", "RSS, MB", res.grown(byRoutes, routes, megabytes)},
		{"Computing, 100k routes", "clients", "core-seconds", res.grown(byClients, clients, core)},
		{"Memory, 100k routes", "clients", "RSS, MB", res.grown(byClients, clients, megabytes)},
	})
}
