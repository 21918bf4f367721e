package bfd

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever is wanted of a session, and whatever becomes of the path and of packets that
// strangers make up: when all is well again, it comes up, and closely watched.
func TestASessionComesUpWhateverWasBefore(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			pair(t, func(t *testing.T, c *cable, a, b *end) { havoc(t, rand.New(rand.NewPCG(seed, 0)), c, a, b) })
		})
	}
}

func havoc(t *testing.T, r *rand.Rand, c *cable, a, b *end) {
	for range 60 {
		disturb(r, c, a, b)
		time.Sleep(time.Duration(max(0, r.IntN(3000)-1000)) * time.Millisecond)
	}
	c.set(func() { c.cut, c.deaf, c.hops = false, false, 0 })
	a.Set(there, usual, a.changed)
	b.Set(here, usual, b.changed)
	time.Sleep(10 * time.Second)
	synctest.Wait()
	for _, s := range []Status{a.Status(there), b.Status(here)} {
		if s.State != Up || s.Interval != usual.Interval || s.Detection != 3*usual.Interval {
			t.Errorf("in the end the session is %+v", s)
		}
	}
	if len(a.queue) > 1 || len(a.mine) != len(a.sessions) {
		t.Errorf("%d are waited for, of %d sessions and %d discriminators", len(a.queue), len(a.sessions), len(a.mine))
	}
}

func disturb(r *rand.Rand, c *cable, a, b *end) {
	on, peer := a, there
	if r.IntN(2) == 0 {
		on, peer = b, here
	}
	switch r.IntN(9) {
	case 0:
		on.Set(peer, Want{}, nil)
	case 1:
		on.End(peer)
	case 2, 3:
		on.Set(peer, usual, on.changed)
	case 4:
		want := usual
		want.Interval, want.Multiplier = time.Duration(50+r.IntN(3000))*time.Millisecond, uint8(1+r.IntN(10))
		on.Set(peer, want, on.changed)
	case 5:
		c.set(func() { c.cut = r.IntN(2) == 0 })
	case 6:
		c.set(func() { c.deaf = r.IntN(4) == 0 })
	case 7:
		c.set(func() { c.hops = r.IntN(2) })
	case 8:
		forge(r, on, peer)
	}
}

// forge has packets arrive that the peer did not send. What they say of it is believed until
// they must have been followed by others: these say so little that it is soon.
func forge(r *rand.Rand, at *end, peer netip.Addr) {
	at.Server.mu.Lock()
	defer at.Server.mu.Unlock()
	for range 5 {
		p := Packet{
			State: State(r.IntN(4)), Poll: r.IntN(2) == 0, Final: r.IntN(4) == 0, Demand: r.IntN(4) == 0, Multiplier: uint8(1 + r.IntN(3)),
			My: 1 + r.Uint32N(100), DesiredMinTx: time.Duration(r.IntN(1_000_000)) * time.Microsecond, RequiredMinRx: time.Duration(r.IntN(2)*r.IntN(5_000_000)) * time.Microsecond,
		}
		if have := at.sessions[peer]; have != nil && r.IntN(2) == 0 {
			p.Your = have.machine.mine
		}
		q, err := Parse(p.Append(nil))
		if err != nil {
			continue
		}
		at.arrive(q, arrival{from: peer, to: here, port: []uint16{SinglePort, MultihopPort}[r.IntN(2)], ttl: 255 - r.IntN(3)}, time.Now())
	}
}
