package rib

import (
	"net/netip"

	"heddle/bgp"
	"heddle/summarize"
)

// Reason is the step of the decision at which a path lost, or why it was no
// candidate.
type Reason uint8

// The steps in order: the evidence of where an address lives (DESIGN §6), then RFC
// 4271 §9.1.1 and §9.1.2.2, with RFC 4456 §9. The metric to the next hop (step e) is
// left out: a reflector away from the forwarding path has none that would mean
// anything to its clients.
const (
	ReasonBest Reason = iota
	ReasonRefused
	ReasonLongLived
	ReasonDisowned
	ReasonMigrated
	ReasonOwner
	ReasonStale
	ReasonLocalPref
	ReasonASPath
	ReasonOrigin
	ReasonMED
	ReasonExternal
	ReasonRouterID
	ReasonClusterList
	ReasonAddress
)

// String is the reason in the words that show prints.
func (r Reason) String() string {
	switch r {
	case ReasonBest:
		return "best"
	case ReasonRefused:
		return "refused on import"
	case ReasonLongLived:
		return "long-lived stale: its host's session is gone, and its restart time is over"
	case ReasonDisowned:
		return "the inventory no longer has the workload there"
	case ReasonMigrated:
		return "another host has it by live migration"
	case ReasonOwner:
		return "the inventory has the workload on another host"
	case ReasonStale:
		return "stale: its host's session is gone"
	case ReasonLocalPref:
		return "lower LOCAL_PREF"
	case ReasonASPath:
		return "longer AS_PATH"
	case ReasonOrigin:
		return "higher ORIGIN"
	case ReasonMED:
		return "higher MED from the same AS"
	case ReasonExternal:
		return "iBGP loses to eBGP"
	case ReasonRouterID:
		return "higher router ID"
	case ReasonClusterList:
		return "longer CLUSTER_LIST"
	case ReasonAddress:
		return "higher peer address"
	}
	return "unknown"
}

// candidate is a path in contention, with all the decision asks.
type candidate struct {
	attrs    *bgp.Attrs
	rank     rank
	speaker  summarize.Speaker
	routerID bgp.RouterID // of the peer; ORIGINATOR_ID takes its place (RFC 4456 §9)
	address  netip.Addr   // of the peer
	source   SourceID
}

func (c *candidate) originator() bgp.RouterID {
	if c.attrs.Originator != 0 {
		return c.attrs.Originator
	}
	return c.routerID
}

// rank is what evidence says for a path; higher is better, the highest bit counts
// most. Where nobody contests a path it is not looked at.
type rank uint8

const (
	rankFresh    rank = 1 << iota // not kept over a restart only
	rankOwner                     // the inventory has the workload there
	rankMigrated                  // a live migration's path, from a node the workload is due at
	rankOwned                     // not about to be refused
	rankCurrent                   // not long-lived stale: what is loses to everything (RFC 9494 §4.4)
)

// lacks is the first evidence that the better of two ranks has and the worse lacks.
func (worse rank) lacks(better rank) Reason {
	switch missing := better &^ worse; {
	case missing&rankCurrent != 0:
		return ReasonLongLived
	case missing&rankOwned != 0:
		return ReasonDisowned
	case missing&rankMigrated != 0:
		return ReasonMigrated
	case missing&rankOwner != 0:
		return ReasonOwner
	}
	return ReasonStale
}

// compare says which of two paths is better: negative for a, positive for b. It
// never says that they are equal unless they come from the same peer. The reason
// is that of the loser. withMED is false between the winners of different
// neighbouring ASes.
func compare(a, b *candidate, withMED bool) (int, Reason) {
	x, y := a.attrs, b.attrs
	switch {
	case a.rank > b.rank:
		return -1, b.rank.lacks(a.rank)
	case a.rank < b.rank:
		return 1, a.rank.lacks(b.rank)
	case x.LocalPref != y.LocalPref:
		return order(x.LocalPref > y.LocalPref), ReasonLocalPref
	case x.ASPathLength != y.ASPathLength:
		return order(x.ASPathLength < y.ASPathLength), ReasonASPath
	case x.Origin != y.Origin:
		return order(x.Origin < y.Origin), ReasonOrigin
	case withMED && x.MED != y.MED:
		return order(x.MED < y.MED), ReasonMED
	case a.speaker.Internal() != b.speaker.Internal():
		return order(b.speaker.Internal()), ReasonExternal
	case a.originator() != b.originator():
		return order(a.originator() < b.originator()), ReasonRouterID
	case len(x.Clusters) != len(y.Clusters):
		return order(len(x.Clusters) < len(y.Clusters)), ReasonClusterList
	case a.address != b.address:
		return order(a.address.Less(b.address)), ReasonAddress
	}
	return order(a.source < b.source), ReasonAddress
}

func order(first bool) int {
	if first {
		return -1
	}
	return 1
}

// decide returns the index of the best of one or more candidates. MED makes the
// pairwise relation intransitive, so paths are first compared within each
// neighbouring AS and only the winners across: the result does not depend on the
// order of arrival ("deterministic MED").
func decide(paths []candidate) int {
	best := -1
	for i := range paths {
		if !wins(paths, i) {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		if c, _ := compare(&paths[i], &paths[best], false); c < 0 {
			best = i
		}
	}
	return best
}

// wins says whether a path is the best of its neighbouring AS.
func wins(paths []candidate, i int) bool {
	for j := range paths {
		if j == i || paths[j].attrs.NeighborAS != paths[i].attrs.NeighborAS {
			continue
		}
		if c, _ := compare(&paths[j], &paths[i], true); c < 0 {
			return false
		}
	}
	return true
}

// reasons says for each candidate why it is not best, and ReasonBest for the one
// that is.
func reasons(paths []candidate) []Reason {
	best := decide(paths)
	why := make([]Reason, len(paths))
	for i := range paths {
		if i == best {
			continue
		}
		same := paths[i].attrs.NeighborAS == paths[best].attrs.NeighborAS
		c, reason := compare(&paths[best], &paths[i], same)
		if c > 0 {
			// The best path of another AS would win pairwise, yet loses to one of its own
			// AS that has the lower MED.
			reason = ReasonMED
		}
		why[i] = reason
	}
	return why
}
