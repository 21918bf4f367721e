package reflector

import (
	"testing"

	"heddle/reflector/rib"
)

// follower is a feed that stands at the beginning of a log of so many chunks.
func follower(chunks int) (f *feed, start *link) {
	l := newLog(0)
	start = l.last
	for range chunks {
		l.append([]*rib.Chunk{rib.NewChunk(make([]byte, 4096))})
	}
	f = &feed{hunger: func() {}}
	f.join(start, 0, nil)
	return f, start
}

func TestAFeedAllocatesNothing(t *testing.T) {
	f, start := follower(32)
	octets := make([][]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		f.at = start
		octets, _ = f.Next(octets[:0], 1<<20)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if len(octets) != 32 {
		t.Errorf("%d chunks of 32", len(octets))
	}
}

// BenchmarkFeed is what a peer costs per chunk, apart from the socket.
func BenchmarkFeed(b *testing.B) {
	f, start := follower(32)
	octets := make([][]byte, 0, 64)
	for range b.N {
		f.at = start
		octets, _ = f.Next(octets[:0], 1<<20)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/chunk")
}
