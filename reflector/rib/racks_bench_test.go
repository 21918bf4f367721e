package rib_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering/wire"
	"heddle/reflector/rib"
	"heddle/summarize"
	"heddle/topology"
)

// The fabric of the published figures: 100 racks of 40 hosts with 25 workloads each,
// 2 % of them away from home, in the rack after theirs.
const (
	benchRacks = 100
	benchHosts = 40
	benchEach  = 25
	benchAway  = 50 // one in so many
)

// racked is that fabric, ready to be announced.
type racked struct {
	*load
	views []rib.View
}

func benchHop(host int) netip.Addr {
	return netip.AddrFrom4([4]byte{172, 16, byte(host >> 8), byte(host)})
}

// benchHome is the rack that a workload is at home in: that of its host, unless it is
// one of those away.
func benchHome(host, w int) int {
	rack := host / benchHosts
	if (host*benchEach+w)%benchAway == 0 {
		return (rack + 1) % benchRacks
	}
	return rack
}

func benchAddress(host, w int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(benchHome(host, w)), byte(4*(host%benchHosts) + w/250), byte(w % 250)})
}

// benchFabric is the inventory; with tags, every workload bears one of so many sets.
func benchFabric(ownership string, tags int) *topology.Snapshot {
	var changes []topology.Change
	put := func(path, format string, args ...any) {
		changes = append(changes, topology.Change{Path: topology.Prefix + path, Value: fmt.Appendf(nil, format, args...)})
	}
	put("settings", `{"discard":["192.0.2.254"],"ownership":%q}`, ownership)
	for t := range tags {
		put(fmt.Sprintf("tags/t%d", t), `{"id":%d}`, t+1)
	}
	for rack := range benchRacks {
		put(fmt.Sprintf("pools/p%d", rack), `{"prefix":"10.%d.0.0/16","rack":"r%d"}`, rack, rack)
	}
	for host := range benchRacks * benchHosts {
		put(fmt.Sprintf("nodes/h%d", host), `{"addresses":[%q],"rack":"r%d"}`, benchHop(host), host/benchHosts)
		for w := range benchEach {
			if ownership == "off" && tags == 0 {
				break
			}
			set := ""
			if tags > 0 {
				set = fmt.Sprintf(`,"tags":["t%d"]`, w%tags)
			}
			put(fmt.Sprintf("workloads/h%d/w%d", host, w), `{"addresses":[%q]%s}`, benchAddress(host, w), set)
		}
	}
	var inventory topology.Inventory
	inventory.Apply(1, changes)
	return inventory.Snapshot()
}

func newRacked(b testing.TB, s *topology.Snapshot) *racked {
	r := &racked{load: &load{rib: rib.New(rib.Self{ASN: 64512, RouterID: 1, Cluster: 1}, rib.DefaultLimits())}, views: clients}
	r.rib.Tick(time.Unix(1_700_000_000, 0))
	r.rib.Follow(r.rib.Compile(s), nil)
	for rack := range benchRacks {
		to := summarize.Listener{Speaker: summarize.ToR, Rack: r.rib.Rack(fmt.Sprintf("r%d", rack))}
		r.views = append(r.views, rib.View{To: to, Families: bgp.FamiliesOf(bgp.Families[:]...), FourOctetAS: true, MaxMessage: 4096})
	}
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: bgp.FamiliesOf(bgp.Families[:]...)}
	for host := range benchRacks * benchHosts {
		id, ok := r.rib.AddSource(rib.Source{Speaker: summarize.Client, RouterID: bgp.RouterID(host + 10), Address: benchHop(host)}, 0)
		if !ok {
			b.Fatal("no source id")
		}
		var prefixes []netip.Prefix
		for w := range benchEach {
			prefixes = append(prefixes, netip.PrefixFrom(benchAddress(host, w), 32))
		}
		var batch wire.Batch
		if faults := d.Update(oracle.Announce(oracle.Plain(benchHop(host)), prefixes...)[19:], &batch); len(faults) > 0 {
			b.Fatal(faults[0].Error())
		}
		r.sources, r.batches = append(r.sources, id), append(r.batches, batch)
	}
	return r
}

// octets sums what the views are sent.
func octets(chunks [][]*rib.Chunk) (clients, tors int) {
	for i, list := range chunks {
		for _, c := range list {
			if i == 0 {
				clients += len(c.Octets)
			} else {
				tors += len(c.Octets)
			}
		}
	}
	return clients, tors
}

func core() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// From an empty table to all that 4,000 clients and 100 racks' ToRs are to hear.
func BenchmarkRacksFromCold(b *testing.B) {
	for _, c := range []struct {
		name, ownership string
		tags            int
	}{{"plain", "off", 0}, {"ownership", "warn", 0}, {"20 tag sets per host", "warn", 20}} {
		b.Run(c.name, func(b *testing.B) {
			s := benchFabric(c.ownership, c.tags)
			var used time.Duration
			var toClients, toTors int
			for range b.N {
				b.StopTimer()
				r := newRacked(b, s)
				runtime.GC()
				b.StartTimer()
				began := core()
				toClients, toTors = 0, 0
				for h := range r.batches {
					r.announce(h)
					if r.rib.Dirty() > 16<<10 {
						a, t := octets(r.rib.Flush(r.views))
						toClients, toTors = toClients+a, toTors+t
					}
				}
				a, t := octets(r.rib.Flush(r.views))
				toClients, toTors = toClients+a, toTors+t
				used += core() - began
			}
			b.ReportMetric(used.Seconds()/float64(b.N), "core-s")
			b.ReportMetric(float64(toClients)/1e6, "MB/client")
			b.ReportMetric(float64(toTors)/1e6, "MB/tors")
		})
	}
}

// One workload moves to a host of another rack and back: decision, summaries and all
// 101 views.
func BenchmarkRacksMove(b *testing.B) {
	r := newRacked(b, benchFabric("off", 0))
	for h := range r.batches {
		r.announce(h)
	}
	r.rib.Flush(r.views)
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: bgp.FamiliesOf(bgp.Families[:]...)}
	decode := func(message []byte) (*wire.Batch, wire.Item) {
		batch := &wire.Batch{}
		if faults := d.Update(message[19:], batch); len(faults) > 0 {
			b.Fatal(faults[0].Error())
		}
		return batch, batch.Items[0]
	}
	prefix := netip.PrefixFrom(benchAddress(3, 7), 32)
	high := oracle.Attr{Flags: 0x40, Type: 5, Value: oracle.Number(2147483135)}
	there, announced := decode(oracle.Announce(oracle.Plain(benchHop(50)).With(high), prefix))
	_, withdrawn := decode(oracle.Withdraw(prefix))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		r.rib.Announce(r.sources[50], announced.Family, announced.NLRI, &there.Attrs[announced.Attrs])
		r.rib.Flush(r.views)
		r.rib.Withdraw(r.sources[50], withdrawn.Family, withdrawn.NLRI)
		r.rib.Flush(r.views)
		r.rib.Reap(r.rib.Version())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2, "ns/move")
}

// What a contributing route costs in memory beyond what a route costs anyway.
func BenchmarkRacksMemory(b *testing.B) {
	measure := func(s *topology.Snapshot) float64 {
		r := newRacked(b, s)
		before := heap()
		for h := range r.batches {
			r.announce(h)
			if h%100 == 0 {
				r.rib.Flush(nil)
			}
		}
		r.rib.Flush(nil)
		after := heap()
		runtime.KeepAlive(r)
		return (after - before) / (benchRacks * benchHosts * benchEach)
	}
	var blank topology.Inventory
	plain, contributing := measure(blank.Snapshot()), measure(benchFabric("off", 0))
	b.ReportMetric(plain, "B/route")
	b.ReportMetric(contributing, "B/contributing-route")
}
