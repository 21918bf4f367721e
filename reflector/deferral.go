package reflector

import (
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
	"heddle/reflector/rib"
)

// A reflector that starts knows nothing, and its peers may have kept what one before it
// told them (RFC 4724 §4.1). It tells them what it learns as it learns it, but not that
// this is all there is, which would have them drop the rest: End-of-RIB waits until the
// hosts that the plan expects have said all they have, or for Config.Defer. Routers are
// never waited for: what they know is not what hosts need of each other.

// deferring says whether End-of-RIB is withheld.
func (r *Reflector) deferring(now time.Time) bool {
	if r.deferred {
		return false
	}
	if r.started.IsZero() {
		r.started = now
	}
	r.deferred = now.Sub(r.started) >= r.deferral || (r.heard && r.complete())
	r.heard = false
	return !r.deferred
}

// complete says whether every host of the plan is back and has said all, from whichever
// of its addresses it comes.
func (r *Reflector) complete() bool {
	if r.plan == nil {
		return false
	}
	hosts := map[string]bool{} // by name: whether it has
	for i := range r.plan.Sessions {
		spec := &r.plan.Sessions[i]
		if spec.Kind != peering.Client {
			continue
		}
		m := r.members[spec.Remote]
		said := m != nil && m.up && m.said&m.arrival.negotiated.Families == m.arrival.negotiated.Families
		hosts[spec.Name] = hosts[spec.Name] || said
	}
	for _, said := range hosts {
		if !said {
			return false
		}
	}
	return true
}

// pay tells End-of-RIB to those who wait for it, after everything they are told before.
func (r *Reflector) pay(now time.Time) {
	if len(r.owing) == 0 || r.deferring(now) {
		return
	}
	r.flush(now, true)
	r.woken = r.woken[:0]
	for m := range r.owing {
		if m.up && m.walk != nil {
			continue // it has not been told all yet
		}
		delete(r.owing, m)
		if m.up {
			m.feed.refresh(m.group.log.last, bgp.FamilyInvalid, endings(m.group.view.Families))
			r.woken = append(r.woken, m.arrival.session)
		}
	}
	r.sessions.Wake(r.woken)
}

// owe notes that a member is to be told End-of-RIB.
func (r *Reflector) owe(m *member) { r.owing[m] = struct{}{} }

// endings is End-of-RIB of each family.
func endings(families bgp.FamilySet) (chunks []*rib.Chunk) {
	for _, f := range bgp.Families {
		if families.Has(f) {
			chunks = append(chunks, rib.NewChunk(wire.AppendEndOfRIB(nil, f)))
		}
	}
	return chunks
}
