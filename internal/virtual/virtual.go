package virtual

import (
	"runtime"
	"testing"
	"testing/synctest"
)

// Test runs a test in a bubble, whose clock stands still while anything in it runs. Under
// the race detector it runs on one processor: all that fires the timers of a bubble does
// so in one context of the detector, which does not survive two at a time (golang/go
// issue 78156: segmentation fault, or CHECK failed). Races are found all the same, by who
// waited for whom; for tests that run in parallel this is no place.
func Test(t *testing.T, story func(t *testing.T)) {
	t.Helper()
	if raceDetector {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	synctest.Test(t, story)
}
