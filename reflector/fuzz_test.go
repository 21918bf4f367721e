package reflector

import (
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
)

// Stories of restarts, with what fuzzing finds instead of chance: sessions that are lost
// and come back, say some of what they said, end it or ask again, and time. In the end
// everybody holds what who joins would be sent, and when all time is over nothing is
// stale.
func FuzzRestarts(f *testing.F) {
	for seed := range byte(8) {
		story := make([]byte, 16<<10)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(story)
		f.Add(story)
	}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		c := newChance(t)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			c.restarts()
		}
		for range 10 { // the long time begins, and ends, when somebody looks; what is due is done after
			c.happens("pass 4096s")
		}
		c.settle()
		for _, m := range c.r.members {
			for _, family := range bgp.Families {
				if held := c.r.rib.Held(m.id, family); held.Stale != 0 {
					t.Fatalf("%s holds %d stale routes for ever", m.arrival.spec.Name, held.Stale)
				}
			}
		}
	}))
}

// restarts is an event of a session's end, its return, and what lies between.
func (c *chance) restarts() {
	peer := rapid.SampledFrom(chanceCast).Draw(c.rapid, "peer")
	name := peer[0]
	switch what := c.pick("event", "session", "session", "session", "say", "say", "eor", "ask", "pass", "pace"); {
	case what == "session":
		c.session(name, peer[1])
	case what == "pass":
		c.happens("pass " + c.pick("time", "1s", "31s", "119s", "121s", "400s"))
	case what == "pace":
		c.happens(c.pick("pace", "slow ", "read ") + name)
	case c.away[name]:
	case what == "say":
		c.says(name)
	case what == "eor":
		c.happens(strings.Join([]string{"eor", name, c.pick("family", "ipv4", "ipv6")}, " "))
	default:
		c.happens(strings.Join([]string{c.pick("ask", "refresh", "begin-refresh", "end-refresh"), name, c.pick("family", "ipv4", "ipv6")}, " "))
	}
}
