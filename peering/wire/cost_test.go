package wire_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

// hosts is so many host routes of one family, as one peer announces them: NLRI
// that fit in a message, and the body of that UPDATE.
func hosts(family bgp.Family, n int) (wire.NLRI, []byte) {
	var nlri wire.NLRI
	for i := range n {
		if family == bgp.IPv4Unicast {
			nlri = binary.BigEndian.AppendUint32(append(nlri, 32), 0x0a000000+uint32(i))
			continue
		}
		nlri = binary.BigEndian.AppendUint64(append(nlri, 128), 0xfd<<56)
		nlri = binary.BigEndian.AppendUint64(nlri, uint64(i))
	}
	l := plain().with(attr(optionalPassed, bgp.AttrCommunities, 252, 0, 0, 1)).with(attr(optionalPassed, bgp.AttrLargeCommunities, make([]byte, 24)...))
	if family == bgp.IPv4Unicast {
		return nlri, update(nil, l.octets(), nlri)
	}
	mp := attr(optional, bgp.AttrMPReach, reach(2, 1, ip("2001:db8::9"), nlri)...)
	return nlri, update(nil, append(mp, l.without(bgp.AttrNextHop).octets()...), nil)
}

// The promise of the package: decoding allocates nothing per route, and nothing at
// all once the batch is warm.
func TestDecodingAllocatesNothing(t *testing.T) {
	_, four := hosts(bgp.IPv4Unicast, 200)
	_, six := hosts(bgp.IPv6Unicast, 200)
	odd := update(nil, append(plain().without(bgp.AttrLocalPref).octets(), attr(wellKnown, bgp.AttrAtomicAggregate)...), run("10.0.0.0/24"))
	backwards := update(nil, list{plain()[3], plain()[2], plain()[1], plain()[0]}.octets(), run("10.0.0.0/24"))
	spoiled := update(nil, plain().with(attr(wellKnown, bgp.AttrOrigin, 9)).octets(), run("10.0.0.0/24"))
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"200 IPv4 routes", four},
		{"200 IPv6 routes", six},
		{"withdrawals", update(run("10.0.0.0/24"), nil, nil)},
		{"End-of-RIB", update(nil, nil, nil)},
		{"attributes without LOCAL_PREF", odd},
		{"attributes in another order", backwards},
		{"a route treated as withdrawn", spoiled},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decoder(true)
			var batch wire.Batch
			if n := testing.AllocsPerRun(100, func() {
				batch.Reset()
				d.Update(c.body, &batch)
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if len(batch.Items) == 0 {
				t.Error("nothing was decoded")
			}
		})
	}
}

func TestPackingAllocatesNothing(t *testing.T) {
	for _, family := range bgp.Families {
		t.Run(family.String(), func(t *testing.T) {
			attrs := plain().octets()
			p := wire.Packer{Limit: wire.MaxMessage}
			if n := testing.AllocsPerRun(100, func() {
				p.Octets = p.Octets[:0]
				p.Announce(family, attrs, hop6)
				for i := range 1000 {
					if family == bgp.IPv4Unicast {
						p.Add4(uint32(i), 32)
					} else {
						p.Add6(0xfd<<56, uint64(i), 128)
					}
				}
				p.Close()
				p.Withdraw(family)
				for i := range 1000 {
					if family == bgp.IPv4Unicast {
						p.Add4(uint32(i)<<8, 24)
					} else {
						p.Add6(uint64(i), 0, 64)
					}
				}
				p.Close()
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, family := range bgp.Families {
		for _, n := range []int{1, 200} {
			b.Run(fmt.Sprintf("%s/%d", family, n), func(b *testing.B) {
				_, body := hosts(family, n)
				d := decoder(true)
				var batch wire.Batch
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					batch.Reset()
					d.Update(body, &batch)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/NLRI")
			})
		}
	}
}

func BenchmarkPack(b *testing.B) {
	for _, family := range bgp.Families {
		b.Run(family.String(), func(b *testing.B) {
			const n = 1000
			attrs := plain().octets()
			p := wire.Packer{Limit: wire.MaxMessage}
			b.ReportAllocs()
			for b.Loop() {
				p.Octets = p.Octets[:0]
				p.Announce(family, attrs, hop6)
				for i := range n {
					if family == bgp.IPv4Unicast {
						p.Add4(uint32(i), 32)
					} else {
						p.Add6(0xfd<<56, uint64(i), 128)
					}
				}
				p.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/prefix")
		})
	}
}
