package interop

import (
	"syscall"
	"testing"
)

// notifies is the N bit of RFC 8538, beside a restart time.
const notifies = 0x4000

// RFC 8538: where both sides know of it, a NOTIFICATION is as graceful as a broken
// connection, but for one.
func TestANotificationTakesRoutesAlongUnlessThatWasAgreedOtherwise(t *testing.T) {
	for _, c := range []struct {
		name, lab string
		time      uint16
		body      []byte
		kept      bool
	}{
		{"administrative reset, with the N bit", "note1", notifies | 120, []byte{6, 4}, true},
		{"UPDATE error, with the N bit", "note2", notifies | 120, []byte{3, 1}, true},
		{"hard reset, with the N bit", "note3", notifies | 120, []byte{6, 9, 6, 4}, false},
		{"administrative reset, without it", "note4", 120, []byte{6, 4}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFabric(t, c.lab, clients(v4Of))
			bird, frr, probe := f.bird(nBird), f.frr(nFRR), f.probe("probe", nProbe)
			probe.hello.restart, probe.hello.restartTime = true, c.time
			others := []speaker{bird, frr}
			f.step("all have routes", func() {
				f.startWith(append(others, probe), plain)
				f.agree()
			})
			f.step("a NOTIFICATION ends the session, and it comes back", func() {
				probe.write(frame(typeNotification, c.body))
				<-probe.session.over
				probe.running = false
				if !c.kept {
					f.agree() // without its routes
				}
				f.start(probe)
				f.agree()
			})
			withdrawnFrom(f, others, probe.host, map[bool]int{true: 0, false: 1}[c.kept])
		})
	}
}

// A daemon that stops in the middle of everything is told so when the hold time is over,
// and goes on where it was.
func TestTheHoldTimeTakesNoRoutesAlongIfThatWasAgreed(t *testing.T) {
	t.Parallel()
	f := newFabric(t, "notehold", clients(v4Of))
	bird, gobgp, frr := f.bird(nBird), f.gobgp(nGoBGPD), f.frr(nFRR)
	frr.options = []string{"bgp graceful-restart", "bgp graceful-restart preserve-fw-state", "bgp graceful-restart notification", "timers bgp 3 9"}
	others := []speaker{bird, gobgp}
	f.step("all have routes", func() {
		f.startWith(append(others, frr), plain)
		f.agree()
	})
	w := f.witness(f.others(frr), bird, gobgp)
	f.step("it stops until it is told that the hold time is over", func() {
		f.must(frr.cmd.Process.Signal(syscall.SIGSTOP))
		f.until("a NOTIFICATION to it", func() string {
			body := f.tap.notified(frr.v4)
			return missing("hold timer expired", len(body) > 0 && body[0] == 4)
		})
		w.seen()
	})
	f.step("it goes on", func() {
		f.must(frr.cmd.Process.Signal(syscall.SIGCONT))
		frr.starts++
		f.agree()
		w.saw()
	})
	withdrawnFrom(f, others, frr.host, 0)
}

// withdrawnFrom checks how often peers were told that the routes of a host are gone.
func withdrawnFrom(f *fabric, peers []speaker, from *host, want int) {
	f.t.Helper()
	for _, s := range peers {
		f.tap.session(s.who().address(), func(w *wire) {
			for p := range from.offers {
				if n := w.out.withdrawn[p]; n != want {
					f.t.Errorf("%s was told %d times that %s is gone, want %d", s.who().name, n, p, want)
				}
			}
		})
	}
}
