package peering

import (
	"cmp"
	"time"

	"heddle/topology"
)

// BFD is how closely the path of a session is watched. The zero value: not at all.
type BFD struct {
	Interval   time.Duration // between packets, whole milliseconds
	Multiplier uint8         // packets in a row that are missed when the path is broken
}

// On says whether the path is watched.
func (b BFD) On() bool { return b.Interval != 0 }

// bfd is what becomes of the wishes of a session's ends and of the settings. Both ends
// come to the same:
//
//	either end says no    off
//	either end says yes   on, with the figures of first, else of second
//	neither               as the settings say
func bfd(first, second, settings topology.BFD) BFD {
	on := settings.On
	for _, end := range []topology.BFD{first, second} {
		if end.On == topology.No {
			return BFD{}
		}
		if end.On == topology.Yes {
			on = topology.Yes
		}
	}
	if on != topology.Yes {
		return BFD{}
	}
	return BFD{
		Interval:   cmp.Or(first.Interval, second.Interval, settings.Interval, topology.DefaultBFDInterval),
		Multiplier: cmp.Or(first.Multiplier, second.Multiplier, settings.Multiplier, topology.DefaultBFDMultiplier),
	}
}
