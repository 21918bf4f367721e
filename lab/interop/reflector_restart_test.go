package interop

import (
	"fmt"
	"maps"
	"slices"
	"syscall"
	"testing"
)

// twins is two reflectors with the same clients. The fabric's own is the one that
// stays; the other has a tap of its own.
//
//	stays ════ goes
//	  │ ╲    ╱ │
//	  │   ╳    │
//	bird, frr, gobgpd, openbgpd
type twins struct {
	*fabric
	goes     *reflector
	far      *tap
	reachers []reacher
}

func newTwins(t *testing.T, name string, flags ...string) *twins {
	t.Helper()
	f := emptyFabric(t, name)
	inventory := clients(v4Of) + document("router", "stays", "role: reflector\n", v4Of(1)) + document("router", "goes", "role: reflector\n", v4Of(2))
	f.self = f.reflector("stays", 1, inventory)
	f.listen()
	tw := &twins{fabric: f, goes: f.reflector("goes", 2, inventory, flags...)}
	far, err := listen(tw.goes.space, "eth0", tw.goes.v4, tw.goes.v6)
	f.must(err)
	t.Cleanup(far.close)
	tw.far = far
	f.self.start()
	tw.goes.start()
	both := []neighbor{{address: f.self.v4}, {address: tw.goes.v4}}
	tw.reachers = []reacher{f.bird(nBird, both...), f.frr(nFRR, both...), f.gobgp(nGoBGPD, both...), f.openbgpd(nOpenBGPD, both...)}
	return tw
}

func (tw *twins) speakers() []speaker {
	var list []speaker
	for _, r := range tw.reachers {
		list = append(list, r)
	}
	return list
}

// begin starts the clients and waits until they have heard all from both.
func (tw *twins) begin() {
	tw.t.Helper()
	tw.startWith(tw.speakers(), plain)
	tw.agree()
	tw.whole()
}

// whole waits until every client has a session with the one that goes, on which it was
// told everything.
func (tw *twins) whole() {
	tw.t.Helper()
	tw.until("every client to be told everything by both reflectors", func() string {
		tw.must(tw.far.failed())
		return tw.each(func(s speaker) string {
			text := "has no session with the other reflector\n"
			tw.far.session(s.who().address(), func(w *wire) {
				text = ""
				for _, p := range tw.others(tw.speakers()...)(s.(reacher)) {
					if _, told := w.out.routes[p]; !told {
						text += fmt.Sprintf("was not told %s by the other reflector\n", p)
					}
				}
				text += w.unended()
			})
			return text
		})
	})
}

// alone waits until no client has a session with the one that goes.
func (tw *twins) alone() {
	tw.t.Helper()
	tw.until("all sessions with the other reflector to be over", func() string {
		return tw.each(func(s speaker) string {
			return missing("the end of its session", !tw.far.session(s.who().address(), func(*wire) {}))
		})
	})
}

func TestOneOfTwoReflectorsIsKilledAndNoClientLosesARoute(t *testing.T) {
	t.Parallel()
	tw := newTwins(t, "twins")
	tw.step("clients hear everything twice", tw.begin)
	tw.step("one is killed and comes back: nobody is without a route, and the other says nothing about it", func() {
		w := tw.witness(tw.others(tw.speakers()...), tw.reachers...)
		tw.undisturbed(tw.speakers(), func() {
			tw.goes.kill()
			tw.alone()
			w.seen()
			tw.goes.start()
			tw.whole()
		})
		w.saw()
		tw.agree()
	})
	tw.step("nobody was ever told that a route is gone", func() { noWithdrawals(tw.fabric, tw.tap, tw.far) })
}

// noWithdrawals fails if a peer was told that anything is gone.
func noWithdrawals(f *fabric, taps ...*tap) {
	f.t.Helper()
	for _, t := range taps {
		t.wiresOf(func(w *wire) {
			if len(w.out.withdrawn) > 0 {
				f.t.Errorf("%s was told that these are gone: %v", w.peer.Addr(), w.out.withdrawn)
			}
		})
	}
}

// wiresOf calls f with every connection there was, while nothing moves.
func (t *tap) wiresOf(f func(*wire)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.wires {
		f(w)
	}
}

// A reflector that nobody stands in for is ended and started: by a crash, or as an
// upgrade does. Its clients keep what it said (RFC 4724 §4.1), and what is not so any
// more is gone afterwards, though the reflector that said it is no more either.
func TestALoneReflectorThatRestartsIsNotNoticedByItsClients(t *testing.T) {
	for _, c := range []struct {
		name, lab string
		end       func(*reflector)
	}{
		{"killed", "lonekill", func(r *reflector) { r.kill() }},
		{"upgraded", "loneterm", func(r *reflector) {
			r.f.must(r.cmd.Process.Signal(syscall.SIGTERM))
			<-r.ended
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFabric(t, c.lab, clientsBut("gobgp3"), "--defer", "40")
			gobgp := f.gobgp(nGoBGPD)
			gobgp.graceful = true
			stay := []reacher{f.bird(nBird), f.frr(nFRR), gobgp, f.openbgpd(nOpenBGPD)}
			loneRestarts(f, stay, f.probe("probe", nProbe), c.end)
		})
	}
}

// clientsBut is clients without some.
func clientsBut(left ...string) string {
	text := document("node", "probe", "", v4Of(nProbe))
	for name, n := range daemons {
		if !slices.Contains(left, name) {
			text += document("node", name, "", v4Of(n))
		}
	}
	return text
}

func loneRestarts(f *fabric, stay []reacher, leaves *probe, end func(*reflector)) {
	var staying []speaker
	for _, s := range stay {
		staying = append(staying, s)
	}
	f.step("all have routes", func() {
		f.startWith(append([]speaker{leaves}, staying...), plain)
		f.agree()
	})
	f.step("it ends, a host goes away meanwhile, and it comes back: no client loses a route", func() {
		w := f.witness(f.others(staying...), stay...)
		end(f.self)
		f.until("all sessions to be over", func() string {
			return f.each(func(s speaker) string { return missing("its end", !f.tap.session(s.who().v4, func(*wire) {})) })
		})
		f.ended(leaves)
		w.seen()
		f.self.start()
		for _, s := range staying {
			s.who().starts++
		}
		f.agree()
		w.saw()
	})
	f.step("each was told everything before End-of-RIB, and never that something is gone", func() {
		noWithdrawals(f, f.tap)
		m := f.model()
		for _, s := range staying {
			f.tap.session(s.who().v4, func(w *wire) {
				for p := range m.Expected(s.who().name) {
					if ended := w.out.ended[map[bool]int{true: 0, false: 1}[p.Addr().Is4()]]; !ended[p] {
						f.t.Errorf("%s was told End-of-RIB before %s: it knew of %v then", s.who().name, p, slices.Collect(maps.Keys(ended)))
					}
				}
			})
		}
	})
	f.step("no client holds a route of the host that went away", func() {
		for _, s := range stay {
			f.untilUnreached(s, leaves.v4Route(1), leaves.v6Route(1))
		}
	})
}
