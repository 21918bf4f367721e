package fib

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// wrong is every second of 4,000 routes, by a gateway that can't be reached.
func wrong(h *host) (want map[netip.Prefix]bool) {
	want = map[netip.Prefix]bool{}
	good := []Hop{{Via: netip.MustParseAddr("192.0.2.1"), Link: h.index("eth0")}}
	bad := []Hop{{Via: netip.MustParseAddr("203.0.113.1"), Link: h.index("eth0")}}
	for i := range 4000 {
		if i%2 == 0 {
			h.Replace(Route{Prefix: nth(i), Hops: good})
			continue
		}
		h.Replace(Route{Prefix: nth(i), Hops: bad})
		want[nth(i)] = true
	}
	return want
}

func TestEachOf2000FailuresIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		room func(t *testing.T, h *host)
	}{
		{"when there is room for their errors", func(*testing.T, *host) {}},
		{"when there is room for few errors, so that few are sent at a time", func(t *testing.T, h *host) {
			must(t, unix.SetsockoptInt(h.write.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 32<<10))
			h.batch.most = 64 << 10 / answerSize
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			c.room(t, h)
			want := wrong(h)
			for _, f := range h.Flush() {
				if !errors.Is(f.Err, unix.ENETUNREACH) || f.Err.Error() == unix.ENETUNREACH.Error() {
					t.Fatalf("%s: %v, want ENETUNREACH and the kernel's words", f.Prefix, f.Err)
				}
				if !want[f.Prefix] {
					t.Fatalf("%s failed, which is right, or is named twice", f.Prefix)
				}
				delete(want, f.Prefix)
			}
			if len(want) > 0 {
				t.Errorf("%d failures are not named", len(want))
			}
			if again := h.Flush(); again != nil {
				t.Errorf("the next Flush says %v", again)
			}
		})
	}
}

// Should the kernel have to drop errors in spite of all care, no failure goes by in
// silence: what is not known to be done counts as failed.
func TestWhenErrorsAreLostEveryRouteOfTheBatchFails(t *testing.T) {
	h := newHost(t)
	must(t, unix.SetsockoptInt(h.write.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 32<<10))
	want := wrong(h)
	for _, f := range h.Flush() {
		delete(want, f.Prefix)
	}
	if len(want) > 0 {
		t.Errorf("%d failures are not named", len(want))
	}
	h.Replace(Route{Prefix: nth(1), Hops: []Hop{{Link: h.index("tap1")}}})
	h.flushed()
}

func TestFailuresHaveNoEffectOnWhatComesBetween(t *testing.T) {
	h := newHost(t)
	h.Replace(Route{Prefix: nth(1), Hops: []Hop{{Link: 999}}})
	changed, err := h.Port(Port{Name: "tap1", Index: h.index("tap1")})
	if err != nil || !changed {
		t.Errorf("port: %t, %v", changed, err)
	}
	h.Replace(Route{Prefix: nth(2), Hops: []Hop{{Link: h.index("tap1")}}})
	h.Replace(Route{})
	h.Remove(netip.Prefix{})
	failed := h.Flush()
	if len(failed) != 3 || !errors.Is(failed[0].Err, unix.EINVAL) && !errors.Is(failed[2].Err, unix.ENODEV) {
		t.Errorf("failures are %v", failed)
	}
	if got, want := h.show(), "10.0.0.2 dev tap1 proto 72 scope link metric 2048\n"; got != want {
		t.Errorf("there is\n%swant\n%s", got, want)
	}
}
