package telemetry

import (
	"time"

	"heddle/bgp"
	"heddle/internal/api"
	"heddle/reflector"
)

func (e *emitter) tables(r reflector.Report) {
	for i, f := range bgp.Families {
		e.add("heddle_table_prefixes", float64(r.RIB.Prefixes[i]), familyName(f))
		e.add("heddle_table_paths", float64(r.RIB.Paths[i]), familyName(f))
	}
	e.add("heddle_table_tombstones", float64(r.RIB.Tombstones))
	e.add("heddle_table_attribute_sets", float64(r.RIB.Sets))
	e.count("heddle_table_version", r.RIB.Version)
	e.count("heddle_overflow_withdrawals_total", r.RIB.Overflow)
	e.count("heddle_flushes_total", r.Stats.Flushes)
	e.count("heddle_snapshots_total", r.Stats.Snapshots)
	e.count("heddle_log_falls_total", r.Stats.Falls)
	e.count("heddle_walk_steps_total", r.Stats.Steps)
	e.count("heddle_refreshes_answered_total", r.Stats.Refreshes)
	e.add("heddle_update_groups", float64(len(r.Groups)))
	for _, g := range r.Groups {
		e.group(g)
	}
}

func (e *emitter) group(g reflector.GroupStats) {
	e.add("heddle_update_group_members", float64(len(g.Members)), g.Name)
	e.add("heddle_update_group_walking_members", float64(g.Walking), g.Name)
	e.add("heddle_update_group_log_bytes", float64(g.LogOctets), g.Name)
	for _, f := range bgp.Families {
		e.add("heddle_update_group_routes", float64(g.Advertised[f]), g.Name, familyName(f))
	}
}

// racks emits what the tables hold by rack.
func (e *emitter) racks(r reflector.Report) {
	ghosts := 0
	for _, n := range r.RIB.Ghosts {
		ghosts += n
	}
	e.add("heddle_ghost_routes", float64(ghosts))
	e.add("heddle_black_holes", float64(r.BlackHoles))
	e.add("heddle_disputed_addresses", float64(r.Disputed))
	for i := range r.Racks {
		rack := &r.Racks[i]
		e.add("heddle_rack_routes", float64(rack.InRack), rack.Name, "in-rack")
		e.add("heddle_rack_routes", float64(rack.ExceptionsIn), rack.Name, "exception-in")
		e.add("heddle_rack_routes", float64(rack.ExceptionsOut), rack.Name, "exception-out")
		e.add("heddle_rack_told_on", float64(rack.ToldOn()), rack.Name)
		e.add("heddle_rack_summaries", float64(rack.Summaries), rack.Name)
		if rack.Budget > 0 {
			e.add("heddle_rack_route_budget", float64(rack.Budget), rack.Name)
		}
		for _, tor := range rack.ToRs {
			e.add("heddle_tor_routes", float64(tor.Held), rack.Name, tor.Address.String())
		}
	}
}

func (e *emitter) inventory(s api.State, routes []reflector.Problem, now time.Time) {
	if s.Complete {
		e.add("heddle_inventory_revision", float64(s.Snapshot.Revision()))
	}
	e.add("heddle_inventory_withheld", float64(len(s.Withheld)))
	e.flag("heddle_inventory_frozen", s.Frozen != "")
	if !s.Saved.IsZero() {
		e.add("heddle_inventory_saved_age_seconds", now.Sub(s.Saved).Seconds())
	}
	problems := map[string]int{}
	for _, p := range api.Problems(s, routes) {
		problems[p.Area]++
	}
	for _, area := range api.Areas() {
		e.add("heddle_problems", float64(problems[area]), area)
	}
	d := s.Datastore
	if d == nil {
		return
	}
	e.flag("heddle_etcd_connected", d.Connected)
	if !d.LastContact.IsZero() {
		e.add("heddle_etcd_last_contact_age_seconds", now.Sub(d.LastContact).Seconds())
	}
	e.add("heddle_etcd_keys", float64(d.Keys))
	e.count("heddle_etcd_relists_total", d.Relists)
	e.count("heddle_etcd_errors_total", d.Errors)
	e.count("heddle_etcd_mismatches_total", d.Mismatches)
}
