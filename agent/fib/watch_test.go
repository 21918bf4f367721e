package fib

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ear is what Watch said.
type ear struct {
	mu   sync.Mutex
	list []string
}

func (e *ear) hear(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text := [...]string{"invalid", "lost", "underlay", "links", "overrun"}[event.Kind]
	if event.Prefix.IsValid() {
		text += " " + event.Prefix.String()
	}
	e.list = append(e.list, text)
}

func (e *ear) heard(want ...string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range want {
		if !slices.Contains(e.list, w) {
			return false
		}
	}
	return true
}

func (e *ear) forget() (was []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	was, e.list = e.list, nil
	return was
}

func watched(t *testing.T) (*host, *ear) {
	t.Parallel()
	h, e := newHost(t), &ear{}
	// What the kernel itself does to new interfaces shall be over.
	eventually(t, "interfaces to be ready", func() bool {
		return strings.Count(h.ip("-o link show up"), "state UP") == 4 && !strings.Contains(h.ip("-6 addr show"), "tentative")
	})
	ctx, cancel := context.WithCancel(t.Context())
	must(t, h.Watch(ctx, e.hear))
	t.Cleanup(func() {
		cancel()
		eventually(t, "Watch to end", func() bool { return !h.watching.Load() })
	})
	// It tells of a carrier once more, up to a second after it is there.
	quiet := time.Now()
	eventually(t, "the kernel to be silent", func() bool {
		if len(e.forget()) > 0 {
			quiet = time.Now()
		}
		return time.Since(quiet) > 1500*time.Millisecond
	})
	return h, e
}

// mark makes the kernel say something that was not said, so that all before it has
// been heard when it is.
func (h *host) mark(e *ear) {
	h.t.Helper()
	h.ip("route add 10.254.254.254/32 dev tap2 proto 72 metric 2048", "route del 10.254.254.254/32 dev tap2 metric 2048")
	eventually(h.t, "the mark", func() bool { return e.heard("lost 10.254.254.254/32") })
}

func TestWatchTellsWhatOthersDid(t *testing.T) {
	for _, c := range []struct {
		name     string
		commands []string
		want     []string // and no other kind
	}{
		{"a route of ours removed", []string{"route del 10.0.0.1/32 metric 2048"}, []string{"lost 10.0.0.1/32"}},
		{"a route of ours removed, IPv6", []string{"-6 route del 2001:db8:ff00::1/128 metric 2048"}, []string{"lost 2001:db8:ff00::1/128"}},
		{"a route of ours replaced by a stranger's", []string{"route replace 10.0.0.1/32 dev tap2 metric 2048"}, []string{"lost 10.0.0.1/32", "underlay"}},
		{"a route of ours replaced by a stranger's, IPv6", []string{"-6 route replace 2001:db8:ff00::1/128 dev tap2 metric 2048"}, []string{"lost 2001:db8:ff00::1/128", "underlay"}},
		{"a route with our mark changed", []string{"route replace 10.0.0.1/32 dev tap2 metric 2048 proto 72"}, []string{"lost 10.0.0.1/32"}},
		{"a route with another metric", []string{"route add 10.0.0.1/32 dev tap2 metric 5 proto 72"}, []string{"underlay"}},
		{"a route of others, IPv6", []string{"-6 route add 2001:db8:ff00::1/128 dev tap2 metric 5"}, []string{"underlay"}},
		{"a stranger's route with our metric", []string{"route add 10.0.0.9/32 dev tap2 metric 2048"}, []string{"underlay"}},
		{"a route of another table", []string{"route add 10.0.0.1/32 dev tap2 metric 2048 table 99"}, nil},
		{"an address of a host's", []string{"addr add 203.0.113.7/32 dev eth1"}, []string{"links"}},
		{"a neighbour", []string{"neigh add 192.0.2.77 lladdr 02:00:00:00:00:01 dev eth0"}, nil},
		{"an interface renamed", []string{"link set tap2 down", "link set tap2 name tap7", "link set tap7 name tap2", "link set tap2 up"}, []string{"links"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, e := watched(t)
			h.Replace(Route{Prefix: nth(1), Hops: []Hop{{Link: h.index("tap1")}}})
			h.Replace(Route{Prefix: nth6(1), Hops: []Hop{{Link: h.index("tap1")}}})
			h.flushed()
			h.ip(c.commands...)
			eventually(t, fmt.Sprint(c.want), func() bool { return e.heard(c.want...) })
			if strings.HasPrefix(c.commands[0], "link set tap2 down") {
				return // IPv6 says more, and later
			}
			h.mark(e)
			for _, got := range e.forget() {
				if got != "lost 10.254.254.254/32" && !slices.Contains(c.want, got) {
					t.Errorf("heard %q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestWatchIsDeafToWhatWeDo(t *testing.T) {
	h, e := watched(t)
	tap, eth := h.index("tap1"), h.index("eth0")
	for i := range 100_000 {
		h.Replace(Route{Prefix: nth(i), Hops: []Hop{{Link: tap}}})
	}
	for i := range 1000 {
		h.Replace(Route{Prefix: nth6(i), Hops: []Hop{{Link: tap}, {Via: netip.MustParseAddr("2001:db8::1"), Link: eth}}})
		h.Remove(nth(i))
		h.Replace(Route{Prefix: nth6(i), Hops: []Hop{{Via: netip.MustParseAddr("2001:db8::1"), Link: eth}}})
		h.Remove(nth6(i))
	}
	h.flushed()
	h.mark(e)
	for _, got := range e.forget() {
		if got != "lost 10.254.254.254/32" {
			t.Errorf("heard %q", got)
		}
	}
}

// A consumer that is too slow is told that it missed something.
func TestTooMuchAtOnceIsAnOverrun(t *testing.T) {
	h := newHost(t)
	raw, err := h.news.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) }))
	must(t, err)
	e, busy, free := &ear{}, make(chan struct{}, 1), make(chan struct{})
	must(t, h.Watch(t.Context(), func(event Event) {
		select {
		case busy <- struct{}{}:
			<-free // the first time only
		default:
		}
		e.hear(event)
	}))
	h.ip("route add 10.0.0.1/32 dev tap1")
	eventually(t, "the consumer to be busy", func() bool { return len(busy) == 1 })
	for i := range 50 {
		h.ip(fmt.Sprintf("route add 10.1.0.%d/32 dev tap1", i))
	}
	close(free)
	eventually(t, "Overrun", func() bool { return e.heard("overrun") })
	e.forget()
	h.ip("route add 10.2.0.1/32 dev tap1")
	eventually(t, "hearing to go on", func() bool { return e.heard("underlay") })
}

func TestAnInterfaceThatGoesDownTakesItsRoutesAndIsHeardOf(t *testing.T) {
	h, e := watched(t)
	tap := h.index("tap1")
	h.Replace(Route{Prefix: nth(1), Hops: []Hop{{Link: tap}}})
	h.Replace(Route{Prefix: nth6(1), Hops: []Hop{{Link: tap}}})
	h.flushed()
	must(t, h.space.Down("tap1"))
	eventually(t, "Links", func() bool { return e.heard("links") })
	eventually(t, "no route", func() bool { return h.show() == "" })
	for _, l := range mustLinks(t, h) {
		if l.Index == tap && l.Up {
			t.Error("tap1 is up")
		}
	}
	// Without IPv6 nothing but the interface itself is spoken of.
	h.sysctl("ipv6/conf/tap2/disable_ipv6", "1")
	h.mark(e)
	e.forget()
	must(t, h.space.Down("tap2"))
	eventually(t, "Links", func() bool { return e.heard("links") })
	h.Replace(Route{Prefix: nth(1), Hops: []Hop{{Link: tap}}})
	if failed := h.Flush(); failures(failed) != "[10.0.0.1/32 ENETDOWN]" {
		t.Errorf("a route over it: %v", failed)
	}
}

func mustLinks(t testing.TB, h *host) []Link {
	t.Helper()
	links, err := h.Links()
	must(t, err)
	return links
}

func TestWatchEndsWithItsContextAndMayBeginAgain(t *testing.T) {
	h := newHost(t)
	e := &ear{}
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		must(t, h.Watch(ctx, e.hear))
		if err := h.Watch(ctx, e.hear); err == nil {
			t.Error("it is watched twice")
		}
		h.mark(e)
		cancel()
		eventually(t, "Watch to end", func() bool { return !h.watching.Load() })
		e.forget()
		h.ip("route add 10.0.0.1/32 dev tap1", "route del 10.0.0.1/32 dev tap1")
	}
	must(t, h.Watch(t.Context(), e.hear))
	h.mark(e)
	if e.heard("underlay") {
		t.Error("what happened when nobody watched was heard")
	}
}

func TestLinksAreThoseOfTheHost(t *testing.T) {
	h := newHost(t)
	h.ip("link set eth1 down", "addr add 203.0.113.1 peer 203.0.113.2/31 dev eth0")
	byName := map[string]Link{}
	for _, l := range mustLinks(t, h) {
		byName[l.Name] = l
	}
	if lo := byName["lo"]; !lo.Loopback || !lo.Up || lo.MAC != [6]byte{} || !slices.Contains(lo.Addresses, netip.MustParsePrefix("127.0.0.1/8")) {
		t.Errorf("lo is %+v", lo)
	}
	eth0 := byName["eth0"]
	for _, want := range []string{"192.0.2.11/24", "2001:db8::11/64", "203.0.113.1/31"} {
		if !slices.Contains(eth0.Addresses, netip.MustParsePrefix(want)) {
			t.Errorf("eth0 lacks %s: %v", want, eth0.Addresses)
		}
	}
	if eth0.Loopback || !eth0.Up || eth0.MAC == [6]byte{} || byName["eth1"].Up || len(byName) != 5 {
		t.Errorf("interfaces are %+v", byName)
	}
}
