package topology

import (
	"fmt"
	"time"
)

// BFD is what an object says of BFD (RFC 5880): whether sessions have their path
// watched, and how closely. It is a yes or no, or an object, which is a yes:
//
//	"bfd":true
//	"bfd":{"interval":300,"multiplier":3}
type BFD struct {
	// On is left to the level above if the object has no such field.
	On Option
	// Interval between packets, in whole milliseconds from 300 to 60000; 0: that of
	// the level above.
	Interval time.Duration
	// Multiplier is how many packets in a row are missed when the path is held for
	// broken, from 3 to 255; 0: that of the level above.
	Multiplier uint8
}

// What holds where an object turns BFD on and says no more. They are the least, too:
// what watches more closely than a process is scheduled on a busy machine takes down
// what is well.
const (
	DefaultBFDInterval   = 300 * time.Millisecond
	DefaultBFDMultiplier = 3

	maxBFDInterval = 60_000 // ms
)

// value is a word where that says all: figures without a yes would say more.
func (b BFD) value() any {
	if b.Interval == 0 && b.Multiplier == 0 {
		return b.On.value()
	}
	return fields{
		{"interval", uint32(b.Interval / time.Millisecond)},
		{"multiplier", uint32(b.Multiplier)},
	}
}

func readBFD(r *reader) BFD {
	if _, nested := r.values["bfd"].(map[string]any); !nested {
		return BFD{On: one(r, "bfd", func(value any) (Option, error) {
			flag, err := parseFlag(value)
			if err != nil {
				return Inherit, fmt.Errorf(`want true, false or an object such as {"interval":300,"multiplier":3}, not %s`, describe(value))
			}
			return flag, nil
		})}
	}
	return object(r, "bfd", func(r *reader) BFD {
		return BFD{
			On:         Yes,
			Interval:   time.Duration(one(r, "interval", parseNumber(uint32(DefaultBFDInterval/time.Millisecond), maxBFDInterval))) * time.Millisecond,
			Multiplier: uint8(one(r, "multiplier", parseNumber(DefaultBFDMultiplier, 255))),
		}
	})
}
