package interop

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"heddle/bgp"
)

// drained says whether a view is that of a route whose teller is about to go: inside the
// AS, LOCAL_PREF says so, too.
func (v view) drained() bool {
	return v.LocalPref == 0 && slices.Contains(v.Communities, community(uint32(bgp.GracefulShutdown)))
}

func TestOneOfTwoReflectorsIsDrainedAndNoClientLosesARoute(t *testing.T) {
	t.Parallel()
	tw := newTwins(t, "drain", "--drain")
	tw.step("clients hear everything twice", tw.begin)
	tw.step("one is drained: nobody is without a route, and the other says nothing about it", func() {
		w := tw.witness(tw.others(tw.speakers()...), tw.reachers...)
		tw.undisturbed(tw.speakers(), func() {
			tw.must(tw.goes.cmd.Process.Signal(syscall.SIGTERM))
			<-tw.goes.ended
			tw.alone()
		})
		w.saw()
		tw.agree()
	})
	tw.step("every route was told again as one of a reflector that is about to go, and then came Cease/2 with the reason", func() {
		text := tw.each(func(s speaker) (text string) {
			tw.far.wiresOf(func(w *wire) {
				if w.peer.Addr() != s.who().address() || w.out.counts[typeKeepalive] == 0 {
					return // another's, or a call after the end
				}
				for _, p := range tw.others(tw.speakers()...)(s.(reacher)) {
					if v := viewOf(w.out.routes[p]); !v.drained() {
						text += fmt.Sprintf("was told %s last as %s\n", p, v)
					}
				}
				body := w.out.notification
				reason := "the reflector was drained and is shutting down"
				if string(body) != "\x06\x02"+string(rune(len(reason)))+reason {
					text += fmt.Sprintf("was told %q in the end\n", body)
				}
			})
			return text
		})
		if text != "" {
			t.Error(text)
		}
		noWithdrawals(tw.fabric, tw.tap, tw.far)
	})
}

// A reflector that is drained is no one to wait for, whoever was asked to keep its routes:
// the last word has them dropped.
func TestALoneReflectorThatIsDrainedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	f := newFabric(t, "dralone", clientsBut(), "--drain")
	gobgp := f.gobgp(nGoBGPD)
	gobgp.graceful = true
	all := []reacher{f.bird(nBird), f.frr(nFRR), gobgp, f.openbgpd(nOpenBGPD)}
	var speakers []speaker
	for _, r := range all {
		speakers = append(speakers, r)
	}
	f.step("all have routes", func() {
		f.startWith(speakers, plain)
		f.agree()
	})
	f.step("it is drained", func() {
		f.must(f.self.cmd.Process.Signal(syscall.SIGTERM))
		<-f.self.ended
		f.until("nobody to use its routes", func() string {
			return f.each(func(s speaker) (text string) {
				have, err := s.(reacher).reaches()
				if err != nil {
					return err.Error() + "\n"
				}
				for _, p := range f.others(speakers...)(s.(reacher)) {
					if have[p] {
						text += fmt.Sprintf("still has %s\n", p)
					}
				}
				return text
			})
		})
	})
}
