package bfd_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heddle/peering/bfd"
)

// channel is two machines and a path that loses packets, in a time of its own.
type channel struct {
	ends [2]bfd.Machine
	now  time.Time
	// underway are packets to an end, in order of arrival.
	underway [2][]underway
	loses    func() bool
	chance   func() float64
	downs    int // times that an end left Up
}

type underway struct {
	at time.Time
	p  bfd.Packet
}

func (c *channel) count(change bfd.Change) {
	if change.From == bfd.Up && change.Happened() {
		c.downs++
	}
}

// run lets time pass; packets take 8 ms.
func (c *channel) run(t *rapid.T, d time.Duration) {
	for end := c.now.Add(d); c.now.Before(end); {
		for i := range c.ends {
			m := &c.ends[i]
			for len(c.underway[i]) > 0 && !c.underway[i][0].at.After(c.now) {
				c.count(m.Receive(c.underway[i][0].p, c.now))
				c.underway[i] = c.underway[i][1:]
			}
			c.count(m.Expire(c.now))
			for range 3 {
				p, ok := m.Transmit(c.now, c.chance())
				if !ok {
					break
				}
				octets := p.Append(nil)
				if p, err := bfd.Parse(octets); err != nil {
					t.Fatalf("sent % x: %v", octets, err)
				} else if !c.loses() {
					c.underway[1-i] = append(c.underway[1-i], underway{c.now.Add(8 * ms), p})
				}
			}
			if at, ok := m.Due(); ok && !at.After(c.now) {
				t.Fatalf("end %d in %s is due at %s, which is past, and has nothing to do", i, m.State(), at)
			}
		}
		c.now = c.now.Add(4 * ms)
	}
}

func (c *channel) up() bool { return c.ends[0].State() == bfd.Up && c.ends[1].State() == bfd.Up }

// Whatever was lost and however settings changed: once the path is whole, both ends come
// up, agree on the intervals, and stay up.
func TestTwoEndsAgreeOnceNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settings := rapid.Custom(func(t *rapid.T) bfd.Settings {
			return bfd.Settings{
				Interval: time.Duration(rapid.IntRange(100, 1500).Draw(t, "ms")) * ms, Multiplier: uint8(rapid.IntRange(2, 5).Draw(t, "multiplier")),
			}
		})
		last := [2]bfd.Settings{settings.Draw(t, "one"), settings.Draw(t, "other")}
		share := 0.0
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)) // thousands of throws are no tale that can be cut short
		c := &channel{now: noon, chance: dice.Float64, loses: func() bool { return dice.Float64() < share }}
		for i := range c.ends {
			c.ends[i] = bfd.NewMachine(last[i], uint32(i+1))
		}
		for range rapid.IntRange(0, 3).Draw(t, "phases") {
			share = rapid.SampledFrom([]float64{0, 0.3, 0.7, 1}).Draw(t, "lost")
			i := rapid.IntRange(0, 1).Draw(t, "end")
			last[i] = settings.Draw(t, "settings")
			c.ends[i].Configure(last[i])
			c.run(t, time.Duration(rapid.IntRange(0, 4000).Draw(t, "for"))*ms)
		}
		share = 0
		c.run(t, 12*time.Second)
		if !c.up() {
			t.Fatalf("they are %s and %s", c.ends[0].State(), c.ends[1].State())
		}
		interval := max(last[0].Interval, last[1].Interval)
		for i := range c.ends {
			if got := c.ends[i].Interval(); got != interval {
				t.Fatalf("end %d sends every %s, want %s", i, got, interval)
			}
			if got, want := c.ends[i].Detection(), interval*time.Duration(last[1-i].Multiplier); got != want {
				t.Fatalf("end %d waits %s, want %s", i, got, want)
			}
		}
		c.downs = 0
		c.run(t, 5*time.Second)
		if c.downs > 0 || !c.up() {
			t.Fatalf("%d times down without a loss", c.downs)
		}
		share = 1
		c.run(t, 10*time.Second)
		if c.ends[0].State() != bfd.Down || c.ends[1].State() != bfd.Down {
			t.Fatalf("on a path that is cut they are %s and %s", c.ends[0].State(), c.ends[1].State())
		}
	})
}
