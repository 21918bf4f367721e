package rib_test

import (
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

// Every host's routes move to its neighbour, which announces them before the old host
// withdraws them.
func BenchmarkMoves(b *testing.B) {
	const hosts, each = 100, 200
	l := newLoad(b, bgp.IPv4Unicast, hosts, each)
	for h := range l.batches {
		l.announce(h)
	}
	l.rib.Flush(clients)
	b.ResetTimer()
	for n := range b.N {
		for h := range hosts {
			to := (h + n + 1) % hosts
			for _, item := range l.batches[h].Items {
				l.rib.Announce(l.sources[to], item.Family, item.NLRI, &l.batches[to].Attrs[0])
			}
			if h%10 == 9 {
				l.rib.Flush(clients)
			}
		}
		l.rib.Flush(clients)
		for h := range hosts {
			for _, item := range l.batches[h].Items {
				if item.Kind == wire.Announced {
					l.rib.Withdraw(l.sources[(h+n)%hosts], item.Family, item.NLRI)
				}
			}
		}
		l.rib.Flush(clients)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(hosts*each), "ns/move")
}
