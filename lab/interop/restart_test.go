package interop

import (
	"testing"
)

// A daemon is killed as by a loss of power, and comes back with fewer routes.
func TestADaemonThatIsKilledLosesItsRoutesUnlessItRestartsGracefully(t *testing.T) {
	for _, c := range []struct {
		name, lab string
		graceful  bool
	}{{"gracefully", "graceful", true}, {"otherwise", "abrupt", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFabric(t, c.lab, clients(v4Of))
			bird, frr, probe := f.bird(nBird), f.frr(nFRR), f.probe("probe", nProbe)
			bird.options = "graceful restart off;"
			if c.graceful {
				bird.options, bird.flags = "graceful restart on; graceful restart time 120;", []string{"-R"}
			}
			killAndRestart(f, bird, []speaker{frr, probe}, c.graceful)
		})
	}
}

func killAndRestart(f *fabric, bird *bird, others []speaker, graceful bool) {
	kept, lost := bird.v4Route(1), bird.v4Route(2)
	f.step("it has routes", func() {
		f.startWith(append(others, bird), func(h *host) []offer { return append(plain(h), offer{prefix: h.v4Route(2)}) })
		f.agree()
	})
	f.step("it is killed", func() {
		f.kill(bird)
		f.until("the session to be over", func() string {
			return missing("its end", !f.tap.session(bird.v4, func(*wire) {}))
		})
		if !graceful {
			f.agree()
		}
	})
	f.step("it is back, without one of its routes", func() {
		delete(bird.offers, lost)
		f.start(bird)
		f.agree()
	})
	f.step("others were told what they had to be, and no more", func() {
		for _, s := range others {
			f.tap.session(s.who().address(), func(w *wire) {
				if n := w.out.withdrawn[lost]; n != 1 {
					f.t.Errorf("%s was told %d times that %s is gone, want once", s.who().name, n, lost)
				}
				if n, want := w.out.withdrawn[kept], map[bool]int{true: 0, false: 1}[graceful]; n != want {
					f.t.Errorf("%s was told %d times that %s is gone, want %d", s.who().name, n, kept, want)
				}
			})
		}
	})
}
