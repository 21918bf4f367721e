package bench

import "math"

// point is one measurement of a quantity that grows.
type point struct{ x, y float64 }

// exponent fits y = a·x^b and gives b: 1 is linear. It is the slope of the least
// squares line through the logarithms; ok is false for fewer than two points.
func exponent(points []point) (b float64, ok bool) {
	var n, sx, sy, sxx, sxy float64
	for _, p := range points {
		if p.x <= 0 || p.y <= 0 {
			continue
		}
		x, y := math.Log(p.x), math.Log(p.y)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	if d := n*sxx - sx*sx; n >= 2 && d > 0 {
		return (n*sxy - sx*sy) / d, true
	}
	return 0, false
}

// growth is a quantity of a speaker over routes or clients.
type growth struct {
	speaker string // label
	points  []point
	late    []point // where time was up: lower bounds
}

// grown gathers a figure of some rows for every speaker that was measured.
func (res *Results) grown(list []row, x, y func(*Report) float64) []growth {
	var all []growth
	for _, s := range allSpeakers() {
		g := growth{speaker: s.label}
		for _, r := range list {
			report := median(res.Reports[r.id][s.name])
			switch {
			case report == nil:
			case report.Late:
				g.late = append(g.late, point{x(report), y(report)})
			case report.Failure == "":
				g.points = append(g.points, point{x(report), y(report)})
			}
		}
		if len(g.points) > 0 {
			all = append(all, g)
		}
	}
	return all
}
