package interop

import (
	"testing"
)

// A speaker from before RFC 6793 says and hears AS_TRANS and AS4_PATH; everybody
// else has whole AS numbers.
func TestASpeakerOfTwoOctetASNumbersAndRealDaemonsUnderstandEachOther(t *testing.T) {
	t.Parallel()
	f := newFabric(t, "narrow", clients(v4Of, "old"))
	wide, old := f.probe("probe", nProbe), f.probe("old", nProbe+1)
	old.hello.narrow = true
	f.step("paths with short and with long numbers, both ways", func() {
		f.startWith([]speaker{f.bird(nBird), f.frr(nFRR), f.gobgp(nGoBGPD), wide, old}, func(h *host) []offer {
			if h != wide.host && h != old.host {
				return plain(h)
			}
			return []offer{
				{prefix: h.v4Route(1), path: []uint32{65001, 4200000001, 65002}},
				{prefix: h.v6Route(1), path: []uint32{4200000001}},
				{prefix: h.v4Route(2), path: []uint32{65001, 65002}},
			}
		})
		f.agree()
	})
	f.step("an AGGREGATOR with a long number becomes an AS4_AGGREGATOR, too", func() {
		f.announce(wide, strange(wide.v4Route(3)), strange(wide.v6Route(3)))
		f.agree()
	})
	f.step("the old one was sent nothing that it can't read", func() {
		old.heard(func(s *hearing) {
			if !s.peer.narrow && s.err != nil {
				t.Error(s.err)
			}
			for _, update := range s.updates {
				for _, a := range readAttributes(attributesOf(update)) {
					if a.Type == attrASPath && len(a.Value) > 0 && len(a.Value) != 2+2*int(a.Value[1]) {
						t.Errorf("AS_PATH is % x, not of short numbers", a.Value)
					}
				}
			}
		})
	})
}
