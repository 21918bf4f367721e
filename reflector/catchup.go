package reflector

import (
	"time"

	"heddle/bgp"
	"heddle/peering/session"
)

// overflow bounds a group's log: links up to seq go, and with them the place of
// the members that are still there. They walk the table from now on.
func (r *Reflector) overflow(g *group, seq uint64) {
	for _, m := range g.members {
		if m.feed.passed.Load() >= seq {
			continue
		}
		w, lost := m.feed.fall(seq)
		if w == nil {
			continue
		}
		m.walk = w
		r.walking[m] = struct{}{}
		for _, f := range lost {
			if f == bgp.FamilyInvalid {
				r.owe(m)
			} else {
				m.again |= bgp.FamiliesOf(f)
			}
		}
		r.stats.Falls++
	}
	g.log.trim(seq)
}

// hunger is called by a walking feed that is out of chunks.
func (r *Reflector) hunger() {
	select {
	case r.hungry <- struct{}{}:
	default:
	}
}

// walkers gives every walking member that wants it one step.
func (r *Reflector) walkers(now time.Time) {
	for m := range r.walking {
		if m.feed.wants() {
			r.step(m, now)
		}
	}
}

// step does one step of a member's walk. The walk ends level with the table, so
// nothing may be waiting to be flushed.
func (r *Reflector) step(m *member, now time.Time) {
	g := m.group
	r.flush(now, true)
	chunks, level := r.rib.Step(m.walk, g.view, m.feed.receiver())
	if level {
		m.feed.step(chunks, g.log.last, r.rib.Version())
		m.walk = nil
		delete(r.walking, m)
		if m.again != 0 {
			r.refresh[m] |= m.again
			m.again = 0
		}
		r.relocate(m)
	} else {
		m.feed.step(chunks, nil, m.walk.Since)
	}
	r.stats.Steps++
	r.sessions.Wake([]*session.Session{m.arrival.session})
}

// refreshPause gathers the refreshes of many peers, which come in storms, so that
// one snapshot serves them.
const refreshPause = 20 * time.Millisecond

// answerRefreshes answers what peers asked again, all with the table as it is now.
func (r *Reflector) answerRefreshes(now time.Time) {
	if len(r.refresh) == 0 || now.Sub(r.refreshed) < refreshPause {
		return
	}
	r.flush(now, true)
	r.woken = r.woken[:0]
	for m, families := range r.refresh {
		if !m.up {
			continue
		}
		if m.walk != nil {
			m.again |= families
			continue
		}
		s := r.current(m.group, now)
		for _, f := range bgp.Families {
			if families.Has(f) && !m.feed.refreshing(f) {
				m.feed.refresh(m.group.log.last, f, s.answer(f, m.arrival.negotiated.EnhancedRefresh))
				r.stats.Refreshes++
			}
		}
		r.woken = append(r.woken, m.arrival.session)
	}
	clear(r.refresh)
	r.refreshed = now
	r.sessions.Wake(r.woken)
}

// tidy forgets what no peer can need any more: links of the logs, snapshots that
// are too old to start from, tombstones.
func (r *Reflector) tidy(now time.Time) {
	for _, g := range r.groups {
		if g.outdated(now) {
			g.snapshot = nil
		}
		if g.log.first == nil {
			continue
		}
		passed := g.log.last.seq
		for _, m := range g.members {
			if m.walk == nil {
				passed = min(passed, m.feed.passed.Load())
			}
		}
		if g.snapshot != nil {
			passed = min(passed, g.snapshot.at.seq)
		}
		g.log.trim(passed)
	}
	if r.rib.Remembers() {
		r.rib.Reap(r.needed())
	}
	r.boundTombstones()
}

// needed is the version of the table up to which everything has been given to
// everybody: what went away before is not needed to be known.
func (r *Reflector) needed() uint64 {
	version := r.rib.Version()
	for _, g := range r.groups {
		if g.snapshot != nil {
			version = min(version, g.snapshot.version)
		}
		for _, m := range g.members {
			if m.walk != nil {
				version = min(version, m.walk.Needs())
			} else if m.feed.passed.Load() < g.log.last.seq {
				version = min(version, m.feed.seen.Load())
			}
		}
	}
	return version
}

// tombstonesLeast is how many prefixes that are gone are always remembered.
const tombstonesLeast = 1 << 18

// boundTombstones ends the sessions that keep more dead prefixes in memory than
// there are live ones: they have not taken anything for as long as it took the
// whole table to change.
func (r *Reflector) boundTombstones() {
	dead := r.rib.Tombstones()
	if dead <= max(tombstonesLeast, r.rib.Prefixes()) {
		return
	}
	oldest := r.needed()
	for _, g := range r.groups {
		for _, m := range g.members {
			if m.walk != nil && m.walk.Needs() <= oldest {
				r.slog.Warn("session ended: too far behind", "peer", m.arrival.spec.Name, "address", m.key, "tombstones", dead)
				m.arrival.outlet.End(bgp.Cease(bgp.CeaseOutOfResources, ""))
			}
		}
	}
}
