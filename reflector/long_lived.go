package reflector

import (
	"time"

	"heddle/bgp"
	"heddle/peering/session"
)

// When the restart time of a peer is over, what is kept of its families is removed, or,
// where it asked for that, kept on as the last resort (RFC 9494 §4.2):
//
//	session ─lost─► stale ─restart time─► long-lived stale ─its own time─► removed
//	   ▲              └──────────┬──────────────┘
//	   └─ back, F set, End-of-RIB ┘
//
// Only End-of-RIB ends the long time: not a session that comes and goes without it.

// longLived is the part of a member's stale families that is kept for long.
type longLived struct {
	families bgp.FamilySet
	until    [len(bgp.Families)]time.Time // by family
}

// over is the families whose time is over.
func (l *longLived) over(now time.Time) (families bgp.FamilySet) {
	for _, f := range bgp.Families {
		if l.families.Has(f) && !now.Before(l.until[f-1]) {
			families |= bgp.FamiliesOf(f)
		}
	}
	return families
}

// last is until when something of the stale families is kept, those that are not kept for
// long until ordinary.
func (l *longLived) last(stale bgp.FamilySet, ordinary time.Time) (at time.Time) {
	if stale&^l.families != 0 {
		at = ordinary
	}
	for _, f := range bgp.Families {
		if l.families.Has(f) && l.until[f-1].After(at) {
			at = l.until[f-1]
		}
	}
	return at
}

// forwarded is the families of some for which a peer that is back says that it kept
// forwarding: each in the capability that it is kept by (RFC 4724 §4.2, RFC 9494 §4.2).
func (l *longLived) forwarded(stale bgp.FamilySet, n *session.Negotiated) bgp.FamilySet {
	return stale&^l.families&n.Forwarding | stale&l.families&n.LongLivedForwarding
}

// longLive begins the long time of a member's families whose restart time is over, or who
// never had one.
func (r *Reflector) longLive(m *member, now time.Time) {
	n := &m.arrival.negotiated
	for _, f := range bgp.Families {
		ripe := !now.Before(m.staleUntil) || !n.RestartFamilies.Has(f)
		if !ripe || !m.stale.Has(f) || m.longLived.families.Has(f) || n.LongLivedTime(f) == 0 {
			continue
		}
		m.longLived.families |= bgp.FamiliesOf(f)
		m.longLived.until[f-1] = now.Add(n.LongLivedTime(f))
		m.drops = append(m.drops, drop{family: f, longLive: true})
		r.dropping[m] = struct{}{}
	}
}

// stayLongLived has what a peer said in a session without End-of-RIB share the fate of
// what it had not repeated yet: the long time goes on (RFC 9494 §4.2).
func (r *Reflector) stayLongLived(m *member) {
	m.longLived.families &= m.stale
	for _, f := range bgp.Families {
		if m.longLived.families.Has(f) {
			m.drops = append(m.drops, drop{family: f, longLive: true})
		}
	}
}
