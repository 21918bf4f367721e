package session

import (
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
)

// longLivedMost is how long a peer's routes are kept at most, whatever it asks for: a
// day is long enough to mend what is broken, and what is wrong for longer should be seen.
const longLivedMost = 24 * time.Hour

// longLived is the capability that we offer with an OPEN: as a helper. We ask nobody to
// keep our own routes for long: those of hosts are theirs to say, and reflectors are two.
func (s *Server) longLived(spec peering.Session) wire.LongLived {
	if !s.lasting {
		return wire.LongLived{}
	}
	return wire.LongLived{Offered: true, Families: spec.Families}
}

// negotiateLongLived takes in what the peer asks for. It does not count without graceful
// restart (RFC 9494 §4.5).
func (n *Negotiated) negotiateLongLived(ours, theirs *wire.LongLived) {
	if !ours.Offered || !theirs.Offered {
		return
	}
	n.LongLived, n.LongLivedForwarding = true, theirs.Forwarding&n.Families
	for _, f := range bgp.Families {
		if n.Families.Has(f) && theirs.Families.Has(f) {
			n.LongLivedTimes[f-1] = min(time.Duration(theirs.Time(f))*time.Second, longLivedMost)
		}
	}
}

// LongLivedTime is how long routes of a family are kept after the restart time; 0: not.
func (n *Negotiated) LongLivedTime(f bgp.Family) time.Duration { return n.LongLivedTimes[f-1] }

// kept is the families whose routes outlive a session: for the restart time, for long, or
// for one after the other.
func (n *Negotiated) kept() (families bgp.FamilySet) {
	if n.RestartTime > 0 {
		families = n.RestartFamilies
	}
	for _, f := range bgp.Families {
		if n.LongLivedTime(f) > 0 {
			families |= bgp.FamiliesOf(f)
		}
	}
	return families
}
