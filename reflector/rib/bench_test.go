package rib_test

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering/wire"
	"heddle/reflector/rib"
	"heddle/summarize"
)

// load is hosts that announce routes each, one UPDATE per host.
type load struct {
	rib     *rib.RIB
	sources []rib.SourceID
	batches []wire.Batch
}

func newLoad(b testing.TB, family bgp.Family, hosts, routes int) *load {
	b.Helper()
	l := &load{rib: rib.New(rib.Self{ASN: 64512, RouterID: 1, Cluster: 1}, rib.DefaultLimits())}
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: bgp.FamiliesOf(bgp.Families[:]...)}
	for h := range hosts {
		hop := netip.AddrFrom4([4]byte{172, 16, byte(h >> 8), byte(h)})
		if family == bgp.IPv6Unicast {
			hop = netip.AddrFrom16([16]byte{0xfd, 14: byte(h >> 8), 15: byte(h)})
		}
		id, ok := l.rib.AddSource(rib.Source{Speaker: summarize.Client, RouterID: bgp.RouterID(h + 10), Address: hop}, 0)
		if !ok {
			b.Fatal("no source id")
		}
		batch := wire.Batch{}
		for at := 0; at < routes; at += 200 {
			var prefixes []netip.Prefix
			for i := at; i < min(at+200, routes); i++ {
				prefixes = append(prefixes, hostRoute(family, h*routes+i))
			}
			if faults := d.Update(oracle.Announce(oracle.Plain(hop), prefixes...)[19:], &batch); len(faults) > 0 {
				b.Fatal(faults[0].Error())
			}
		}
		l.sources, l.batches = append(l.sources, id), append(l.batches, batch)
	}
	return l
}

func hostRoute(family bgp.Family, n int) netip.Prefix {
	if family == bgp.IPv4Unicast {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], 10<<24+uint32(n))
		return netip.PrefixFrom(netip.AddrFrom4(a), 32)
	}
	a := [16]byte{0xfd, 1}
	binary.BigEndian.PutUint32(a[12:], uint32(n))
	return netip.PrefixFrom(netip.AddrFrom16(a), 128)
}

func (l *load) announce(host int) {
	batch := &l.batches[host]
	for _, item := range batch.Items {
		l.rib.Announce(l.sources[host], item.Family, item.NLRI, &batch.Attrs[item.Attrs])
	}
}

var clients = []rib.View{{To: summarize.Listener{Speaker: summarize.Client}, Families: bgp.FamiliesOf(bgp.Families[:]...), FourOctetAS: true, MaxMessage: 4096}}

func BenchmarkLoad(b *testing.B) {
	for _, family := range bgp.Families {
		b.Run(family.String(), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				l := newLoad(b, family, 1000, 500)
				b.StartTimer()
				for h := range l.batches {
					l.announce(h)
					if l.rib.Dirty() > 16<<10 {
						l.rib.Flush(clients)
					}
				}
				l.rib.Flush(clients)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500_000, "ns/route")
		})
	}
}

func BenchmarkSnapshot(b *testing.B) {
	l := newLoad(b, bgp.IPv4Unicast, 1000, 500)
	for h := range l.batches {
		l.announce(h)
	}
	l.rib.Flush(clients)
	b.ResetTimer()
	for range b.N {
		l.rib.Snapshot(clients[0], bgp.IPv4Unicast)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500_000, "ns/route")
}

// BenchmarkMemory reports what a route costs, attributes and index included.
func BenchmarkMemory(b *testing.B) {
	for _, family := range bgp.Families {
		b.Run(family.String(), func(b *testing.B) {
			l := newLoad(b, family, 100, 5000)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for h := range l.batches {
				l.announce(h)
				l.rib.Flush(nil)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/500_000, "B/route")
			runtime.KeepAlive(l)
		})
	}
}
