package routes_test

import (
	"net/netip"
	"runtime"
	"testing"

	"heddle/agent/routes"
	"heddle/bgp"
	"heddle/peering/wire"
)

// full is a batch of host routes as a reflector packs them.
func full(first, count int, a attributes) *wire.Batch {
	b := &wire.Batch{Attrs: []bgp.Attrs{a.attrs()}}
	item := wire.Item{Kind: wire.Announced, Family: bgp.IPv4Unicast}
	for i := first; i < first+count; i++ {
		item.NLRI = append(item.NLRI, 32, 10, byte(i>>16), byte(i>>8), byte(i))
	}
	b.Items = []wire.Item{item}
	return b
}

func fill(table *routes.Table, peer routes.Peer, count int) {
	for i := 0; i < count; i += 500 {
		a := attributes{hop: netip.AddrFrom4([4]byte{192, 0, byte(i / 500 >> 8), byte(i / 500)}), pref: 100, tags: "\x07"}
		table.Take(peer, full(i, 500, a))
		table.Flush(func(routes.Change) {})
	}
}

// The budget of the agent: 80 MB with half a million routes, the runtime included.
func TestARouteCostsFewOctets(t *testing.T) {
	const count, budget = 500_000, 64
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table := routes.New(asn)
	peer, _ := table.Join(reflectors[0])
	fill(table, peer, count)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / count
	t.Logf("%.1f octets per route", each)
	if each > budget {
		t.Errorf("%.1f octets per route, want at most %d", each, budget)
	}
	if table.Routes(bgp.IPv4Unicast) != count {
		t.Errorf("%d routes", table.Routes(bgp.IPv4Unicast))
	}
}

func TestARepeatedRouteAllocatesNothing(t *testing.T) {
	table := routes.New(asn)
	peer, _ := table.Join(reflectors[0])
	b := full(0, 500, attributes{hop: netip.MustParseAddr("192.0.2.11"), pref: 100})
	table.Take(peer, b)
	table.Flush(func(routes.Change) {})
	if n := testing.AllocsPerRun(100, func() { table.Take(peer, b); table.Flush(func(routes.Change) {}) }); n > 4 {
		t.Errorf("%.0f allocations for 500 routes", n)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		table := routes.New(asn)
		peer, _ := table.Join(reflectors[0])
		fill(table, peer, 500_000)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500_000, "ns/route")
}
