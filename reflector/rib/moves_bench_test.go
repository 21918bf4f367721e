package rib_test

import (
	"strconv"
	"testing"
	"time"

	"heddle/bgp"
	"heddle/peering/wire"
	"heddle/topology"
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

// Ownership comes to be enforced where nobody owns anything: what one path costs must
// not depend on how many there are.
func BenchmarkDisown(b *testing.B) {
	for _, n := range []int{10_000, 40_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			maps := map[string]*topology.Snapshot{}
			for _, mode := range []string{"off", "enforce"} {
				var inventory topology.Inventory
				inventory.Apply(1, []topology.Change{
					{Path: topology.Prefix + "settings", Value: []byte(`{"ownership":"` + mode + `"}`)},
					{Path: topology.Prefix + "pools/p", Value: []byte(`{"prefix":"10.0.0.0/8"}`)},
				})
				maps[mode] = inventory.Snapshot()
			}
			for range b.N {
				b.StopTimer()
				l := newLoad(b, bgp.IPv4Unicast, 10, n/10)
				l.rib.Tick(time.Unix(1_700_000_000, 0))
				l.rib.Follow(l.rib.Compile(maps["off"]), nil)
				for h := range l.batches {
					l.announce(h)
				}
				l.rib.Flush(nil)
				next := l.rib.Compile(maps["enforce"])
				b.StartTimer()
				l.rib.Follow(next, nil)
				l.rib.Tick(time.Unix(1_700_000_060, 0))
				l.rib.Flush(nil)
				if held := l.rib.Held(l.sources[0], bgp.IPv4Unicast); held.Accepted > 0 {
					b.Fatalf("after the grace %+v", held)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/path")
		})
	}
}
