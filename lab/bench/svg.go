package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// panel is one plot with logarithmic axes.
type panel struct {
	title  string
	x, y   string // what the axes are
	series []growth
}

// A drawing is panels in two columns, in points.
const (
	panelWidth  = 460
	panelHeight = 330
	left        = 62
	right       = 18
	top         = 34
	bottom      = 44
	legend      = 26 // above all panels
)

// colours of the speakers, distinct for the colour-blind, too (Okabe and Ito).
func colour(label string) string {
	return map[string]string{
		"Heddle": "#d55e00", "FRR": "#0072b2", "BIRD": "#009e73", "GoBGP": "#cc79a7", "hub": "#7f7f7f",
	}[label]
}

// writeSVG draws panels.
func writeSVG(w io.Writer, panels []panel) error {
	var b strings.Builder
	width, height := 2*panelWidth, (len(panels)+1)/2*panelHeight+legend
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	drawLegend(&b, panels)
	for i, p := range panels {
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", i%2*panelWidth, i/2*panelHeight+legend)
		p.draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func drawLegend(b *strings.Builder, panels []panel) {
	x, seen := left, map[string]bool{}
	for _, p := range panels {
		for _, s := range p.series {
			if seen[s.speaker] {
				continue
			}
			seen[s.speaker] = true
			fmt.Fprintf(b, `<circle cx="%d" cy="14" r="4" fill="%s"/><text x="%d" y="18">%s</text>`+"\n", x, colour(s.speaker), x+8, escape(s.speaker))
			x += 80
		}
	}
}

// axis maps values to places by their logarithms.
type axis struct{ low, high, from, to float64 }

// newAxis is an axis with a little room around the values.
func newAxis(values []float64, from, to float64) axis {
	a := axis{math.Inf(1), math.Inf(-1), from, to}
	for _, v := range values {
		if v > 0 {
			a.low, a.high = min(a.low, math.Log10(v)), max(a.high, math.Log10(v))
		}
	}
	if math.IsInf(a.low, 0) {
		a.low, a.high = 0, 1
	}
	room := max(0.06*(a.high-a.low), 0.1)
	a.low, a.high = a.low-room, a.high+room
	return a
}

// ticks are the values to mark: 1, 2 and 5 of every decade, or 1 alone where there
// are many.
func (a axis) ticks() (list []float64) {
	digits := []float64{1, 2, 5}
	if a.high-a.low > 2.5 {
		digits = digits[:1]
	}
	for decade := math.Floor(a.low); decade <= a.high; decade++ {
		for _, digit := range digits {
			v := digit * math.Pow(10, decade)
			if l := math.Log10(v); l >= a.low && l <= a.high {
				list = append(list, v)
			}
		}
	}
	return list
}

func (a axis) at(v float64) float64 {
	return a.from + (math.Log10(v)-a.low)/(a.high-a.low)*(a.to-a.from)
}

func (p *panel) draw(b *strings.Builder) {
	var xs, ys []float64
	for _, s := range p.series {
		for _, q := range append(append([]point(nil), s.points...), s.late...) {
			xs, ys = append(xs, q.x), append(ys, q.y)
		}
	}
	x := newAxis(xs, left, panelWidth-right)
	y := newAxis(ys, panelHeight-bottom, top)
	fmt.Fprintf(b, `<text x="%d" y="20" font-size="13" font-weight="bold">%s</text>`+"\n", left, escape(p.title))
	p.grid(b, x, y)
	for _, s := range p.series {
		s.draw(b, x, y)
	}
}

// grid draws a line per tick, and says what it is.
func (p *panel) grid(b *strings.Builder, x, y axis) {
	for _, v := range x.ticks() {
		at := x.at(v)
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#dddddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			at, top, at, panelHeight-bottom, at, panelHeight-bottom+15, short(v))
	}
	for _, v := range y.ticks() {
		at := y.at(v)
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, at, panelWidth-right, at, left-5, at+4, short(v))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (left+panelWidth-right)/2, panelHeight-bottom+32, escape(p.x))
	fmt.Fprintf(b, `<text transform="translate(14 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+panelHeight-bottom)/2, escape(p.y))
}

// draw draws a speaker: dots and lines, and rings where time was up.
func (g *growth) draw(b *strings.Builder, x, y axis) {
	var line []string
	for _, q := range g.points {
		if q.x > 0 && q.y > 0 {
			line = append(line, fmt.Sprintf("%.1f,%.1f", x.at(q.x), y.at(q.y)))
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x.at(q.x), y.at(q.y), colour(g.speaker))
		}
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(line, " "), colour(g.speaker))
	for _, q := range g.late {
		if q.x > 0 && q.y > 0 {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="none" stroke="%s"/>`+"\n", x.at(q.x), y.at(q.y), colour(g.speaker))
		}
	}
}

// short is a value at an axis.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.3gk", v/1e3)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
