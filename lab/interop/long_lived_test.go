package interop

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// The communities of RFC 9494, and NO_EXPORT, as views print them.
const (
	llgrStale = "65535:6"
	noLLGR    = "65535:7"
	noExport  = "65535:65281"
)

// A daemon that asked for it is kept after its restart time, too, as the last resort: who
// knows what that is hears of it so marked, who does not, with LOCAL_PREF 0 and NO_EXPORT.
func TestADaemonThatStaysAwayIsKeptForLongIfItAskedForThat(t *testing.T) {
	for _, c := range []struct {
		name, lab string
		away      func(*fabric) speaker
	}{
		{"BIRD", "long1", func(f *fabric) speaker {
			b := f.bird(nBird)
			b.options = "graceful restart on; graceful restart time 3; long lived graceful restart on; long lived stale time 600;"
			b.flags = []string{"-R"}
			return b
		}},
		{"FRR", "long2", func(f *fabric) speaker {
			r := f.frr(nFRR)
			r.options = []string{"bgp graceful-restart", "bgp graceful-restart preserve-fw-state", "bgp graceful-restart restart-time 3", "bgp long-lived-graceful-restart stale-time 600"}
			return r
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFabric(t, c.lab, clients(v4Of, "witness"))
			away := c.away(f)
			informed := &bird{host: f.host("witness", nProbe+1)}
			informed.neighbors = []neighbor{informed.heddleOf()}
			staysAway(f, away, informed, f.openbgpd(nOpenBGPD))
		})
	}
}

func staysAway(f *fabric, away speaker, informed, ignorant reacher) {
	h := away.who()
	kept, gone, mortal := h.v4Route(1), h.v4Route(2), h.v4Route(3)
	others := []reacher{informed, ignorant}
	f.step("it has routes", func() {
		h.offers[gone], h.offers[mortal] = offer{prefix: gone}, offer{prefix: mortal, communities: []string{noLLGR}}
		f.startWith([]speaker{away, informed, ignorant}, plain)
		f.agree()
	})
	w := f.witness(func(reacher) []netip.Prefix { return []netip.Prefix{kept, h.v6Route(1)} }, others...)
	f.step("it is killed, and its restart time is over", func() {
		f.kill(away)
		f.until("others to hear that its routes are the last resort", func() string {
			return marked(f, informed, []netip.Prefix{kept, gone, h.v6Route(1)}, 100, llgrStale) +
				marked(f, ignorant, []netip.Prefix{kept, gone, h.v6Route(1)}, 0, llgrStale, noExport)
		})
		for _, s := range others {
			f.untilUnreached(s, mortal) // it was not to be kept for long
		}
	})
	f.step("it is back without one of its routes", func() {
		delete(h.offers, gone)
		f.start(away)
		f.agree()
		w.saw()
		for _, s := range others {
			f.tap.session(s.who().address(), func(w *wire) {
				for p, want := range map[netip.Prefix]int{kept: 0, h.v6Route(1): 0, gone: 1, mortal: 1} {
					if n := w.out.withdrawn[p]; n != want {
						f.t.Errorf("%s was told %d times that %s is gone, want %d", s.who().name, n, p, want)
					}
				}
			})
		}
	})
}

// marked says which of the routes that a peer was told last are not so marked.
func marked(f *fabric, s speaker, prefixes []netip.Prefix, localPref uint32, communities ...string) (text string) {
	f.tap.session(s.who().address(), func(w *wire) {
		for _, p := range prefixes {
			v := viewOf(w.out.routes[p])
			if v.LocalPref != localPref || !slices.Equal(v.Communities, communities) {
				text += fmt.Sprintf("%s was told %s as %s\n", s.who().name, p, v)
			}
		}
	})
	return text
}
