package interop

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"
)

func TestADaemonThatAsksForARefreshIsToldEverythingAgainAndNobodyElseIs(t *testing.T) {
	t.Parallel()
	f := newFabric(t, "refresh", clients(v4Of))
	bird, frr, openbgpd := f.bird(nBird), f.frr(nFRR), f.openbgpd(nOpenBGPD)
	gobgp, probe := f.gobgp(nGoBGPD), f.probe("probe", nProbe)
	all := []speaker{bird, frr, openbgpd, gobgp, probe}
	f.step("all have routes", func() {
		f.startWith(all, func(h *host) []offer { return append(plain(h), rich(h.v4Route(2)), rich(h.v6Route(2))) })
		f.agree()
	})
	for i, s := range all {
		others := append(append([]speaker(nil), all[:i]...), all[i+1:]...)
		f.step(s.who().name+" asks", func() {
			f.undisturbed(others, func() { f.refreshed(s) })
			f.agree()
		})
	}
}

// refreshed has a speaker ask, and waits until it was told everything it holds
// once more, between marks if it knows those (RFC 7313).
func (f *fabric) refreshed(s speaker) {
	f.t.Helper()
	before := map[netip.Prefix]int{}
	var asked, marks int
	f.tap.session(s.who().address(), func(w *wire) {
		before, asked, marks = maps.Clone(w.out.said), w.in.refreshes, w.out.replay.Refreshes[2]
	})
	if !s.refresh() {
		return
	}
	f.until(s.who().name+" to be told everything again", func() (text string) {
		f.tap.session(s.who().address(), func(w *wire) {
			if n := w.in.refreshes - asked; n < 2 {
				text += fmt.Sprintf("%d requests\n", n)
			}
			if n := w.out.replay.Refreshes[2] - marks; w.in.open.enhanced && n < 2 {
				text += fmt.Sprintf("%d ends of refresh\n", n)
			}
			for p := range w.out.replay.Table {
				if w.out.said[p] <= before[p] {
					text += fmt.Sprintf("%s was not said again\n", p)
				}
			}
			for p, n := range w.out.withdrawn {
				text += fmt.Sprintf("%s was withdrawn %d times\n", p, n)
			}
		})
		return text
	})
}
