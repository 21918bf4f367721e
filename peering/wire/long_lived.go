package wire

import (
	gobgp "github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"heddle/bgp"
)

// LongLived is the long-lived graceful restart capability (RFC 9494 §3.1).
type LongLived struct {
	Offered    bool
	Families   bgp.FamilySet
	Forwarding bgp.FamilySet             // F: forwarding state was preserved
	Times      [len(bgp.Families)]uint32 // seconds the sender asks us to keep its stale routes, by family; 24 bits
}

// Time is how long routes of a family are to be kept, in seconds.
func (l *LongLived) Time(f bgp.Family) uint32 { return l.Times[f-1] }

func (l *LongLived) encode() gobgp.ParameterCapabilityInterface {
	var tuples []*gobgp.CapLongLivedGracefulRestartTuple
	for _, f := range bgp.Families {
		if l.Families.Has(f) {
			tuples = append(tuples, gobgp.NewCapLongLivedGracefulRestartTuple(routeFamily(f), l.Forwarding.Has(f), min(l.Time(f), 1<<24-1)))
		}
	}
	return gobgp.NewCapLongLivedGracefulRestart(tuples)
}

// take replaces an earlier instance: the last counts (RFC 9494 §3.1).
func (l *LongLived) take(v *gobgp.CapLongLivedGracefulRestart) {
	*l = LongLived{Offered: true}
	for _, t := range v.Tuples {
		f, ok := bgp.FamilyFrom(t.AFI, t.SAFI)
		if !ok {
			continue
		}
		one := bgp.FamiliesOf(f)
		l.Families |= one
		l.Times[f-1] = t.RestartTime
		l.Forwarding &^= one
		if t.Flags&restartFlagForwarding != 0 {
			l.Forwarding |= one
		}
	}
}
