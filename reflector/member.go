package reflector

import (
	"net/netip"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/reflector/rib"
	"heddle/summarize"
)

// outlet is the session of a member as the loop uses it; none of it blocks.
type outlet interface {
	Attach(session.Stream)
	End(*bgp.Notification)
	EndFor(*bgp.Notification, time.Duration)
}

// arrival is a session that came up.
type arrival struct {
	outlet     outlet
	session    *session.Session // the same, for waking
	spec       peering.Session
	negotiated session.Negotiated
}

// member is a peer with something in the tables: it has a session, or had one and
// its routes are kept or being removed.
type member struct {
	key     netip.Addr
	id      rib.SourceID
	arrival arrival
	up      bool
	group   *group // nil without a session
	feed    *feed

	walk  *rib.Walk     // not nil while the feed is off the log
	again bgp.FamilySet // refreshes owed as soon as the feed is level

	said   bgp.FamilySet // families of which End-of-RIB was heard
	warned bgp.FamilySet // families of which it was said that it nears its limit

	stale      bgp.FamilySet // families kept over a restart (RFC 4724)
	staleUntil time.Time
	longLived  longLived
	drops      []drop // removals under way
}

// drop is a removal that is done in slices: of marked paths, or of all; or, of stale
// paths, that they become long-lived stale, which some are removed for.
type drop struct {
	family   bgp.Family
	mark     rib.Mark // 0 for all
	longLive bool
}

// dropSlice is how many routes one slice removes: about two milliseconds.
const dropSlice = 8 << 10

// arrive takes in a session that is Established.
func (r *Reflector) arrive(a arrival, now time.Time) {
	m := r.members[a.spec.Remote]
	if m != nil && m.up {
		// The session before was not reported down yet: its last words are void.
		r.depart(m, 0, now)
	}
	if m != nil {
		r.finishDrops(m)
		r.welcomeBack(m, &a, now)
		// What waits to be told is of the peer as it was. It may be forgotten with that.
		r.flush(now, true)
		m = r.members[a.spec.Remote]
	}
	if m == nil {
		m = &member{key: a.spec.Remote}
	}
	source := r.sourceOf(&a)
	if m.id == 0 {
		id, ok := r.rib.AddSource(source, r.needed())
		if !ok {
			r.slog.Error("session ended: there are as many peers as the tables can tell apart", "peer", a.spec.Name, "address", a.spec.Remote, "again in", crowdedPause)
			a.outlet.EndFor(bgp.Cease(bgp.CeaseOutOfResources, ""), crowdedPause)
			return
		}
		m.id = id
		r.members[m.key], r.byID[id] = m, m
	} else {
		r.rib.SetSource(m.id, source)
	}
	m.arrival, m.up, m.said = a, true, 0
	m.group = r.group(r.viewOf(&a))
	s := r.recent(m.group, now)
	m.feed = &feed{to: r.receiver(m), hunger: r.hunger}
	withheld := r.deferring(now)
	m.feed.join(s.at, s.version, s.initial(m.group.view, !withheld))
	if withheld {
		r.owe(m)
	}
	m.group.members = append(m.group.members, m)
	a.outlet.Attach(m.feed)
}

// crowdedPause keeps a peer away for which there is no room: it would only be sent away
// again.
const crowdedPause = time.Minute

// sourceOf is a peer as the decision sees it.
func (r *Reflector) sourceOf(a *arrival) rib.Source {
	return rib.Source{
		Speaker: summarize.SpeakerOf(a.spec), Rack: r.rib.Rack(a.spec.Rack), RouterID: a.negotiated.RouterID, Address: a.spec.Remote,
	}
}

// receiver is a peer as chunks see it.
func (r *Reflector) receiver(m *member) rib.Receiver {
	to := rib.Receiver{ID: m.id}
	switch summarize.SpeakerOf(m.arrival.spec) {
	case summarize.Client:
		to.Rack = r.rackOf(m)
		fallthrough
	case summarize.NonClient:
		to.RouterID = m.arrival.negotiated.RouterID
	}
	return to
}

// rackOf is the rack that a client stands in now: by the inventory, else as planned.
func (r *Reflector) rackOf(m *member) summarize.Rack {
	if host, ok := r.rib.Map().HostAt(m.key); ok {
		return host.Rack
	}
	return r.rib.Rack(m.arrival.spec.Rack)
}

// welcomeBack decides what of a peer's old routes outlives its return: those of
// families for which it says that it kept forwarding (RFC 4724 §4.2). Routes of
// what is another router now are not its own.
func (r *Reflector) welcomeBack(m *member, a *arrival, now time.Time) {
	keep := m.longLived.forwarded(m.stale, &a.negotiated)
	if a.negotiated.RouterID != m.arrival.negotiated.RouterID || !sameListener(a.spec, m.arrival.spec) {
		keep = 0
	}
	for _, f := range bgp.Families {
		if m.stale.Has(f) && !keep.Has(f) {
			m.drops = append(m.drops, drop{family: f})
		}
	}
	m.stale = keep
	m.longLived.families &= keep
	m.staleUntil = now.Add(staleTime)
	r.finishDrops(m)
}

// staleTime is how long a peer that is back may take to repeat its routes.
const staleTime = 6 * time.Minute

// depart takes in that a session is over. Routes of graceful families are kept and
// marked, the others go.
func (r *Reflector) depart(m *member, graceful bgp.FamilySet, now time.Time) {
	// What was not repeated since the restart before goes (RFC 4724 §4.2): else a host that
	// restarts again and again would attract traffic for what it lost. And a removal under
	// way takes what is marked: it must not take what is marked now.
	for _, f := range bgp.Families {
		if m.stale.Has(f) && !m.longLived.families.Has(f) {
			m.drops = append(m.drops, drop{family: f, mark: rib.Stale})
		}
	}
	r.finishDrops(m)
	r.leave(m)
	m.up = false
	if !r.wanted(m) {
		graceful = 0
	}
	m.stale = graceful
	m.staleUntil = now.Add(m.arrival.negotiated.RestartTime)
	for _, f := range bgp.Families {
		if graceful.Has(f) {
			r.rib.MarkAll(m.id, f, rib.Stale)
		} else {
			m.drops = append(m.drops, drop{family: f})
		}
	}
	r.stayLongLived(m)
	r.dropping[m] = struct{}{}
}

// endOfRIB takes in that a peer has said all there is of a family: what it did not
// repeat after a restart is gone.
func (r *Reflector) endOfRIB(m *member, f bgp.Family) {
	if !m.stale.Has(f) {
		return
	}
	r.dropStaleOf(m, bgp.FamiliesOf(f))
}

// expire ends the grace of peers that did not come back in time.
func (r *Reflector) expire(now time.Time) {
	for _, m := range r.members {
		if m.stale == 0 {
			continue
		}
		r.dropStaleOf(m, m.longLived.over(now))
		if !m.up {
			r.longLive(m, now)
		}
		if !now.Before(m.staleUntil) {
			r.dropStaleOf(m, m.stale&^m.longLived.families)
		}
	}
}

// dropStale has what of a member is kept over a restart removed.
func (r *Reflector) dropStale(m *member) { r.dropStaleOf(m, m.stale) }

// dropStaleOf is dropStale of some families.
func (r *Reflector) dropStaleOf(m *member, families bgp.FamilySet) {
	if families == 0 {
		return
	}
	for _, f := range bgp.Families {
		if families.Has(f) {
			m.drops = append(m.drops, drop{family: f, mark: rib.Stale})
		}
	}
	m.stale &^= families
	m.longLived.families &^= families
	r.dropping[m] = struct{}{}
}

// dropSome does a slice of the removals under way.
func (r *Reflector) dropSome() {
	for m := range r.dropping {
		for len(m.drops) > 0 {
			if r.dropSlice(m) {
				return
			}
		}
		r.dropped(m)
	}
}

// finishDrops completes a member's removals.
func (r *Reflector) finishDrops(m *member) {
	for len(m.drops) > 0 {
		r.dropSlice(m)
	}
	delete(r.dropping, m)
}

// dropSlice does a slice and says whether it was a full one.
func (r *Reflector) dropSlice(m *member) bool {
	d := m.drops[0]
	more := false
	switch {
	case d.longLive:
		more = r.rib.LongLive(m.id, d.family, dropSlice)
	case d.mark == 0:
		more = r.rib.DropAll(m.id, d.family, dropSlice)
	default:
		more = r.rib.DropMarked(m.id, d.family, d.mark, dropSlice)
	}
	if !more {
		m.drops = m.drops[1:]
	}
	return more
}

// dropped notes that a member's removals are done. One that has neither session
// nor routes left is forgotten after the next flush: until then, the changes that
// wait to be told name it.
func (r *Reflector) dropped(m *member) {
	delete(r.dropping, m)
	if !m.up && m.stale == 0 {
		r.leaving = append(r.leaving, m)
	}
}

// forget forgets the members that left; nothing may be waiting to be flushed.
func (r *Reflector) forget() {
	for _, m := range r.leaving {
		if !m.up && m.stale == 0 && len(m.drops) == 0 && r.members[m.key] == m {
			r.rib.RemoveSource(m.id)
			delete(r.members, m.key)
			delete(r.byID, m.id)
		}
	}
	r.leaving = r.leaving[:0]
}
