package topology_test

import (
	"fmt"
	"runtime"
	"testing"

	"heddle/topology"
)

func manyWorkloads(nodes, each int) []topology.Change {
	var out []topology.Change
	for n := range nodes {
		out = append(out, topology.Change{
			Path:  fmt.Sprintf("%snodes/h%d", topology.Prefix, n),
			Value: fmt.Appendf(nil, `{"addresses":["192.0.%d.%d","2001:db8::%x"],"rack":"r%d"}`, n/250, n%250+1, n+1, n/20),
		})
		for w := range each {
			out = append(out, topology.Change{
				Path: fmt.Sprintf("%sworkloads/h%d/w%d", topology.Prefix, n, w),
				Value: fmt.Appendf(nil, `{"addresses":["10.%d.%d.%d","fd00:%x::%x"],"mac":"02:00:0a:01:00:05","interface":"tap%d","tags":["web"],"state":"live"}`,
					n/250, n%250, w+1, n+1, w+1, w),
			})
		}
	}
	return out
}

// BenchmarkLoad reports what one workload costs to read and to hold.
func BenchmarkLoad(b *testing.B) {
	all := manyWorkloads(1000, 100)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	var inv topology.Inventory
	for range b.N {
		inv = topology.Inventory{}
		inv.Apply(1, all)
		inv.Snapshot()
	}
	b.StopTimer()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/100_000, "B/workload")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/workload")
	runtime.KeepAlive(&inv)
	runtime.KeepAlive(all)
}

// BenchmarkOnePool changes one of 10,000 pools, each in one of 500 racks, and
// takes a snapshot.
func BenchmarkOnePool(b *testing.B) {
	var all []topology.Change
	for i := range 10_000 {
		all = append(all, topology.Change{
			Path:  fmt.Sprintf("%spools/p%d", topology.Prefix, i),
			Value: fmt.Appendf(nil, `{"prefix":"10.%d.%d.0/24","rack":"r%d"}`, i/250, i%250, i/20),
		})
	}
	all = append(all, topology.Change{Path: topology.Prefix + "settings", Value: []byte(`{"discard":["192.0.2.254"]}`)})
	var inv topology.Inventory
	inv.Apply(1, all)
	inv.Snapshot()
	b.ResetTimer()
	for i := range b.N {
		inv.Apply(2, []topology.Change{{
			Path:  topology.Prefix + "pools/p7",
			Value: fmt.Appendf(nil, `{"prefix":"10.0.7.0/24","rack":"r%d"}`, i%2),
		}})
		inv.Snapshot()
	}
}

// BenchmarkOneWorkload changes one of 100,000 and takes a snapshot.
func BenchmarkOneWorkload(b *testing.B) {
	var inv topology.Inventory
	inv.Apply(1, manyWorkloads(1000, 100))
	inv.Snapshot()
	b.ResetTimer()
	b.ReportAllocs()
	for i := range b.N {
		inv.Apply(2, []topology.Change{{
			Path:  topology.Prefix + "workloads/h500/w50",
			Value: fmt.Appendf(nil, `{"addresses":["10.200.0.%d"]}`, i%250+1),
		}})
		inv.Snapshot()
	}
}

// BenchmarkDiff finds the one of 100,000 workloads on 4,000 nodes that changed.
func BenchmarkDiff(b *testing.B) {
	var inv topology.Inventory
	inv.Apply(1, manyWorkloads(4000, 25))
	old := inv.Snapshot()
	inv.Apply(2, []topology.Change{{
		Path: topology.Prefix + "workloads/h500/w20", Value: []byte(`{"addresses":["10.200.0.1"]}`),
	}})
	now := inv.Snapshot()
	b.ResetTimer()
	b.ReportAllocs()
	for range b.N {
		if d := now.Diff(old); len(d.Addresses) != 3 || d.Structure {
			b.Fatal(d)
		}
	}
}
