package fib

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"heddle/bgp"
)

func TestDumpHasOneRoutePerPrefixAndMetricInIPv6(t *testing.T) {
	h := newHost(t)
	h.ip("-6 route add 2001:db8:b::/48 dev tap1 metric 7", "-6 route append 2001:db8:b::/48 dev tap2 metric 7",
		"-6 route add 2001:db8:b::/48 dev tap1 metric 8", "-6 route add unreachable 2001:db8:c::/48", "-6 route add prohibit 2001:db8:d::/48",
		"route add throw 10.9.0.0/16", "route add 10.8.0.0/16 via inet6 fe80::5 dev tap1", "route add broadcast 10.7.0.1 dev tap1", "route add local 10.6.0.0/16 dev lo table main")
	want := fmt.Sprintf("10.8.0.0/16 [{fe80::5 %[1]d false}] own=false dead=false metric=0 src=invalid IP\n"+
		"10.9.0.0/16 [] own=false dead=true metric=0 src=invalid IP\n"+
		"2001:db8:b::/48 [{invalid IP %[1]d false} {invalid IP %[2]d false}] own=false dead=false metric=7 src=invalid IP\n"+
		"2001:db8:b::/48 [{invalid IP %[1]d false}] own=false dead=false metric=8 src=invalid IP\n"+
		"2001:db8:c::/48 [] own=false dead=true metric=1024 src=invalid IP\n"+
		"2001:db8:d::/48 [] own=false dead=true metric=1024 src=invalid IP\n", h.index("tap1"), h.index("tap2"))
	if got := dumps(t, h.Kernel); got != want {
		t.Errorf("the dump is\n%swant\n%s", got, want)
	}
}

func TestDumpStopsWhenToldAndCanBeDoneAgain(t *testing.T) {
	h := newHost(t)
	tap := h.index("tap1")
	for i := range 10_000 {
		h.Replace(Route{Prefix: nth(i), Hops: []Hop{{Link: tap}}})
	}
	h.flushed()
	for _, want := range []int{1, 5000, 10_000} {
		got := 0
		must(t, h.Dump(bgp.IPv4Unicast, func(f *Found) bool {
			if f.Own {
				got++
			}
			return got < want
		}))
		if got != want {
			t.Errorf("yielded %d, want %d", got, want)
		}
	}
}

// Nobody else's table, and none of what each route costs.
func TestADumpTakesNoMemoryForItsRoutes(t *testing.T) {
	h := newHost(t)
	tap := h.index("tap1")
	for i := range 100_000 {
		h.Replace(Route{Prefix: nth(i), Hops: []Hop{{Link: tap}}})
	}
	h.flushed()
	h.ip("route add table 99 10.0.0.1/32 dev tap1 metric 2048 proto 72")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	count := 0
	must(t, h.Dump(bgp.IPv4Unicast, func(f *Found) bool {
		if f.Own {
			count++
		}
		return true
	}))
	runtime.ReadMemStats(&after)
	if octets := after.TotalAlloc - before.TotalAlloc; count != 100_000 || octets > 1<<20 {
		t.Errorf("%d routes took %d octets", count, octets)
	}
}

// The kernel says so when an interface comes while interfaces are listed. Nothing
// makes it do so when we like: the message is made by hand.
func TestADumpThatWasInterruptedSaysSo(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	must(t, err)
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	s := &socket{fd: fds[0], seq: 3}
	for _, kind := range []int{unix.RTM_NEWROUTE, unix.NLMSG_DONE} {
		b := begin(nil, kind, unix.NLM_F_MULTI|unix.NLM_F_DUMP_INTR, 3, 4)
		end(b, 0)
		_, err := unix.Write(fds[1], b)
		must(t, err)
	}
	heard := 0
	if err := s.answers(func(message) { heard++ }); err != ErrInterrupted || heard != 1 {
		t.Errorf("%v after %d messages", err, heard)
	}
}

// What the kernel says is well formed; what is not must not be our end.
func FuzzParse(f *testing.F) {
	r := Route{Prefix: netip.MustParsePrefix("2001:db8::/48"), Hops: []Hop{{Link: 1}, {Link: 2, Via: netip.MustParseAddr("fe80::1")}}}
	b := appendRoute(begin(nil, unix.RTM_NEWROUTE, 0, 1, routeSize), 0, unix.RTM_NEWROUTE, r)
	end(b, 0)
	f.Add(b)
	f.Add([]byte(strings.Repeat("\x14\x00\x00\x00\x02\x00\x00\x03", 9)))
	f.Fuzz(func(_ *testing.T, in []byte) {
		d, n := dumped{}, news{lost: map[netip.Prefix]struct{}{}}
		for m, rest, ok := cut(in); ok; m, rest, ok = cut(rest) {
			d.parse(m, unix.AF_INET6)
			d.parse(m, unix.AF_INET)
			n.note(m)
			_ = m.verdict()
			if len(m.payload) >= linkSize {
				linkFrom(m.payload)
				addressFrom(m.payload)
				neighborFrom(m.payload)
			}
		}
	})
}
