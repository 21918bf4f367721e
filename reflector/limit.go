package reflector

import (
	"fmt"

	"heddle/bgp"
)

// limitRoutes ends the session of a router that announced more than it may (RFC 4486
// §4), and warns of one that soon will. What it had before a restart is not what it
// announces.
func (r *Reflector) limitRoutes(m *member) {
	spec := &m.arrival.spec
	if spec.MaxRoutes == 0 {
		return
	}
	for _, f := range bgp.Families {
		switch n := r.announced(m, f); {
		case n > int(spec.MaxRoutes):
			r.slog.Error("session ended: too many routes", "peer", spec.Name, "address", m.key,
				"family", f, "limit", spec.MaxRoutes, "again in", spec.MaxRoutesRestart)
			m.arrival.outlet.EndFor(bgp.MaxPrefixes(f, spec.MaxRoutes), spec.MaxRoutesRestart)
			return
		case crowded(n, spec.MaxRoutes) && !m.warned.Has(f):
			m.warned |= bgp.FamiliesOf(f)
			r.slog.Warn("soon too many routes", "peer", spec.Name, "address", m.key, "family", f, "routes", n, "limit", spec.MaxRoutes)
		case !crowded(n, spec.MaxRoutes):
			m.warned &^= bgp.FamiliesOf(f)
		}
	}
}

func (r *Reflector) announced(m *member, f bgp.Family) int {
	held := r.rib.Held(m.id, f)
	return held.Received - held.Stale
}

// crowded: more than three quarters of a limit.
func crowded(n int, limit uint32) bool { return limit > 0 && 4*uint64(n) > 3*uint64(limit) }

// crowds are the routers that are near their limit.
func (r *Reflector) crowds() (list []Problem) {
	for _, m := range r.members {
		spec := &m.arrival.spec
		for _, f := range bgp.Families {
			if n := r.announced(m, f); m.up && crowded(n, spec.MaxRoutes) {
				list = append(list, Problem{spec.Name, fmt.Sprintf(
					"announces %d routes of %s and may announce %d: beyond that its session ends for %s; see what it announces, or raise its maxRoutes",
					n, f, spec.MaxRoutes, spec.MaxRoutesRestart)})
			}
		}
	}
	return list
}
