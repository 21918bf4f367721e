package session

import (
	"sync/atomic"
	"time"
)

// moment is when something last happened, for timers: written by one goroutine and read by
// another. It is no time of the wall clock, which is set back and forth, most of all where
// a machine has just started: a session must neither end of that nor fall silent.
type moment struct{ since atomic.Int64 }

// began is what moments are counted from; it has a monotonic reading, and so have they.
var began = time.Now()

// note has it be now.
func (m *moment) note() { m.since.Store(int64(time.Since(began))) }

// ago is how long ago that is.
func (m *moment) ago() time.Duration { return time.Since(began) - time.Duration(m.since.Load()) }
