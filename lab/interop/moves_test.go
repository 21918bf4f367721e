package interop

import (
	"net/netip"
	"testing"
)

// A prefix moves between hosts that run real daemons. On the way it is never gone
// where it is heard, and whom it moved to no longer holds what it was told of the
// one before.
func TestAPrefixThatMovesBetweenDaemonsLeavesNoGhost(t *testing.T) {
	t.Parallel()
	f := newFabric(t, "moves", clients(v4Of))
	movers := []speaker{f.bird(nBird), f.frr(nFRR), f.probe("probe", nProbe)}
	watchers := []speaker{f.gobgp(nGoBGPD), f.server(nServer), f.openbgpd(nOpenBGPD)}
	moving := []netip.Prefix{netip.MustParsePrefix("10.99.0.1/32"), netip.MustParsePrefix("fd99::1/128")}
	announce := func(s speaker, localPref uint32) {
		for _, p := range moving {
			f.announce(s, offer{prefix: p, localPref: localPref})
		}
	}
	f.step("the first has it", func() {
		f.startWith(append(movers, watchers...), plain)
		f.agree()
		announce(movers[0], 100)
		f.agree()
	})
	for i := range 6 {
		from, to := movers[i%3], movers[(i+1)%3]
		f.step("it moves from "+from.who().name+" to "+to.who().name, func() {
			announce(to, uint32(101+i))
			f.agree()
			f.withdraw(from, moving...)
			f.agree()
		})
	}
	f.step("in all this time nobody who only listens was told that it is gone", func() {
		for _, s := range watchers {
			f.tap.session(s.who().address(), func(w *wire) {
				for _, p := range moving {
					if n := w.out.withdrawn[p]; n > 0 {
						t.Errorf("%s was told %d times that %s is gone", s.who().name, n, p)
					}
				}
			})
		}
	})
	f.step("withdrawn before it is announced elsewhere, it ends up there all the same", func() {
		f.withdraw(movers[0], moving...)
		announce(movers[1], 100)
		f.agree()
	})
	f.step("two announce it, both withdraw: nobody holds it", func() {
		announce(movers[2], 100)
		f.agree()
		f.withdraw(movers[1], moving...)
		f.withdraw(movers[2], moving...)
		f.agree()
	})
}
