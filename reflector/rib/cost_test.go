package rib_test

import (
	"runtime"
	"testing"

	"heddle/bgp"
	"heddle/reflector/rib"
)

// heap is what is alive, in octets.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// A route has a budget, attributes and its share of the index included. The
// records alone are 32 and 48 octets; the index takes 5.7 to 8.6 more, depending
// on how long ago it grew.
func TestARouteKeepsToItsBudget(t *testing.T) {
	const hosts, each = 100, 2000
	for _, c := range []struct {
		family      bgp.Family
		first, more float64
	}{
		{bgp.IPv4Unicast, 48, 40},
		{bgp.IPv6Unicast, 64, 56},
	} {
		t.Run(c.family.String(), func(t *testing.T) {
			l := newLoad(t, c.family, hosts, each)
			start := heap()
			for h := range l.batches {
				l.announce(h)
				l.rib.Flush(nil)
			}
			one := heap()
			if got := (one - start) / (hosts * each); got > c.first {
				t.Errorf("a route takes %.1f octets, more than %v", got, c.first)
			}
			// Every host announces what its neighbour does.
			for h := range l.batches {
				l.batches[h], l.batches[(h+1)%hosts] = l.batches[(h+1)%hosts], l.batches[h]
				l.announce(h)
				l.rib.Flush(nil)
			}
			two := heap()
			if got := (two - one) / (hosts * each); got > c.more {
				t.Errorf("a further path takes %.1f octets, more than %v", got, c.more)
			}
			runtime.KeepAlive(l)
		})
	}
}

// What happens per route or per peer must not allocate: a thousand peers make a
// million of it.
func TestHotFunctionsAllocateNothing(t *testing.T) {
	l := newLoad(t, bgp.IPv4Unicast, 20, 100)
	var chunk *rib.Chunk
	for h := range l.batches {
		l.announce(h)
	}
	chunk = l.rib.Flush(clients)[0][0]
	octets := make([][]byte, 0, 64)
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"a host repeats its routes", func() { l.announce(3) }},
		{"a peer gathers a chunk without its own part", func() {
			octets, _ = chunk.Gather(octets[:0], rib.Receiver{ID: l.sources[7]})
		}},
		{"a peer asks for nothing new", func() { l.rib.Flush(clients) }},
	} {
		if n := testing.AllocsPerRun(100, c.do); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
	if len(octets) != 2 {
		t.Errorf("the chunk came in %d parts: without the peer's own part in the middle there are two", len(octets))
	}
}
