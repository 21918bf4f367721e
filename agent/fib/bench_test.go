package fib

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"heddle/bgp"
)

const many = 500_000

// nth is one of 16 million host prefixes.
func nth(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
}

func nth6(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 0xff, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}), 128)
}

func BenchmarkReplace(b *testing.B) {
	for _, c := range []struct {
		name    string
		nth     func(int) netip.Prefix
		gateway string
		count   int
	}{
		{"500k IPv4 routes via a gateway", nth, "192.0.2.1", many},
		{"100k IPv6 routes via a gateway", nth6, "2001:db8::1", many / 5},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := newHost(b)
			hops := []Hop{{Via: netip.MustParseAddr(c.gateway), Link: h.index("eth0")}}
			b.ReportAllocs()
			for b.Loop() {
				for i := range c.count {
					h.Replace(Route{Prefix: c.nth(i), Hops: hops})
				}
				h.flushed()
				b.StopTimer()
				for i := range c.count {
					h.Remove(c.nth(i))
				}
				h.flushed()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.N*c.count)/b.Elapsed().Seconds(), "routes/s")
		})
	}
}

// What there was before us.
func BenchmarkIPBatch(b *testing.B) {
	h := newHost(b)
	var lines bytes.Buffer
	for i := range many {
		fmt.Fprintf(&lines, "route replace %s via 192.0.2.1 dev eth0 proto 72 metric 2048\n", nth(i))
	}
	file := filepath.Join(b.TempDir(), "batch")
	must(b, os.WriteFile(file, lines.Bytes(), 0o600))
	for b.Loop() {
		_, err := h.space.Output(exec.Command("ip", "-batch", file))
		must(b, err)
		b.StopTimer()
		h.ip("route flush proto 72")
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N*many)/b.Elapsed().Seconds(), "routes/s")
}

func BenchmarkDump(b *testing.B) {
	h := newHost(b)
	hops := []Hop{{Via: netip.MustParseAddr("192.0.2.1"), Link: h.index("eth0")}}
	for i := range many {
		h.Replace(Route{Prefix: nth(i), Hops: hops})
	}
	h.flushed()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	for b.Loop() {
		own := 0
		must(b, h.Dump(bgp.IPv4Unicast, func(f *Found) bool {
			if f.Own {
				own++
			}
			return true
		}))
		if own != many {
			b.Fatalf("there are %d of %d", own, many)
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N), "B/dump")
	b.ReportMetric(float64(b.N*many)/b.Elapsed().Seconds(), "routes/s")
}
