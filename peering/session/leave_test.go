package session

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
)

// gossip is a stream that tells of a session that is over.
type gossip struct {
	over *atomic.Bool
	told bool
}

func (g *gossip) Next(octets [][]byte, _ int) ([][]byte, int) {
	if !g.over.Load() || g.told {
		return octets, 0
	}
	g.told = true
	return append(octets, wire.AppendEndOfRIB(nil, bgp.IPv4Unicast)), 1
}

// Sessions of a server that ends are over one after the other. Whose is over last must
// not hear what the end of the others does to the routes: it is to keep them.
func TestWhoeverIsLeftLastHearsNothingOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var specs []peering.Session
		for i := range byte(30) {
			spec := client()
			spec.Name, spec.Remote, spec.Keep = fmt.Sprintf("h%d", i), netip.AddrFrom4([4]byte{192, 0, 2, 10 + i}), true
			specs = append(specs, spec)
		}
		b := newBenchAsking(t, newSwitchboard(), slog.DiscardHandler, oneMinute, specs...)
		var peers []*far
		for _, spec := range specs {
			f := b.connectFrom(spec.Remote, 1<<20)
			f.establish(opening())
			peers = append(peers, f)
		}
		over := &atomic.Bool{}
		for _, s := range b.rec.sessions {
			s.Attach(&gossip{over: over})
		}
		synctest.Wait()
		b.rec.onDown = func() {
			over.Store(true)
			b.server.Wake(b.rec.sessions)
		}
		b.end()
		for i, f := range peers {
			if typ, body := f.receive(); typ != 0 {
				t.Errorf("%s heard %s % x", specs[i].Name, typ, body)
			}
		}
	})
}
