package interop

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"heddle/lab/netns"
)

// lose ends everything on a host without that a word of it leaves, not even its kernel's.
func (h *host) lose() {
	h.f.t.Helper()
	h.f.must(h.space.Down("eth0"))
	h.f.must(h.space.Kill())
	h.running = false
}

// back has the host return with a kernel that knows of no connection.
func (h *host) back() {
	h.f.t.Helper()
	space, err := h.f.lab.Space(h.name + "2")
	h.f.must(err)
	h.space = space
	h.f.must(h.f.lab.Connect(netns.End{Space: h.f.sw}, netns.End{Space: space, Addresses: []netip.Prefix{netip.PrefixFrom(h.v4, 24), netip.PrefixFrom(h.v6, 64)}}))
}

// A host loses power: no FIN, no RST, no NOTIFICATION. When it is back, its session of
// before looks well still, until the hold time is over, or what is sent on it meets the new
// kernel. The first call of the new one must come through.
func TestAHostThatLosesPowerIsBackWithoutWaitingForTheHoldTime(t *testing.T) {
	for _, c := range []struct {
		name, lab string
		host      func(*fabric) speaker
	}{
		{"BIRD", "power1", func(f *fabric) speaker { return f.bird(nBird) }},
		{"BIRD that restarts gracefully", "power2", func(f *fabric) speaker {
			b := f.bird(nBird)
			b.options, b.flags = "graceful restart on; graceful restart time 120;", []string{"-R"}
			return b
		}},
		{"BIRD without graceful restart", "power3", func(f *fabric) speaker {
			b := f.bird(nBird)
			b.options = "graceful restart off;"
			return b
		}},
		{"FRR", "power4", func(f *fabric) speaker { return f.frr(nFRR) }},
		{"FRR without graceful restart", "power5", func(f *fabric) speaker {
			r := f.frr(nFRR)
			r.options = []string{"bgp graceful-restart-disable"}
			return r
		}},
		{"OpenBGPD", "power6", func(f *fabric) speaker { return f.openbgpd(nOpenBGPD) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFabric(t, c.lab, clients(v4Of))
			loseAndReturn(f, c.host(f), f.probe("probe", nProbe))
		})
	}
}

func loseAndReturn(f *fabric, s speaker, other *probe) {
	h := s.who()
	f.step("it has a session", func() {
		f.startWith([]speaker{s, other}, plain)
		f.agree()
	})
	f.step("it loses power, while there is something to tell it", func() {
		h.lose()
		before := f.self.counter("TCPTimeouts")
		f.announce(other, offer{prefix: other.v4Route(7)})
		f.until("the reflector to have tried again and again", func() string {
			if n := f.self.counter("TCPTimeouts") - before; n < 6 {
				return fmt.Sprintf("%d times yet", n)
			}
			return ""
		})
		if !f.tap.session(h.v4, func(*wire) {}) {
			f.t.Error("the reflector has noticed: there is nothing to prove")
		}
	})
	f.step("it is back", func() {
		h.back()
		began := time.Now()
		f.start(s)
		f.until("its second session", func() string {
			if _, sessions := f.tap.connections(h.v4); sessions < 2 {
				return fmt.Sprintf("%d sessions", sessions)
			}
			return ""
		})
		f.tap.wiresOf(func(w *wire) {
			// The reflector calls, too: one of the two calls is too many, and either may say so.
			if w.peer.Addr() == h.v4 && w.local.Port() == 179 && w.out.notification != nil {
				f.t.Errorf("its call from port %d was refused by NOTIFICATION % x", w.peer.Port(), w.out.notification)
			}
		})
		f.t.Logf("a session %s after its start", time.Since(began).Round(10*time.Millisecond))
		f.agree()
	})
}
