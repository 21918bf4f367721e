package session

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"heddle/bgp"
	"heddle/internal/virtual"
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
	virtual.Test(t, func(t *testing.T) {
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

// RFC 8326 §4.1 ends with a shutdown after which nobody waits. RFC 8538 §3.1: who would
// keep our routes over a NOTIFICATION must be told that this one is final.
func TestTheLastWordOfASession(t *testing.T) {
	for _, c := range []struct {
		name     string
		keep, n  bool // the peer is asked to keep our routes; it knows RFC 8538
		end      func(*bench)
		want     string
		wrapping string // what a hard reset wraps
	}{
		{"dismissed, and nobody keeps anything", false, true, dismissed("bye"), "6/2 03627965", ""},
		{"dismissed, and it would keep our routes, but not over a NOTIFICATION", true, false, dismissed("bye"), "6/2 03627965", ""},
		{"dismissed, and it would keep our routes even so", true, true, dismissed("another"), "6/9", "cease, hard reset (6/9): cease, administrative shutdown (6/2): another"},
		{"ended, and it would keep our routes: not a word", true, true, (*bench).end, "", ""},
		{"ended, and nobody keeps anything", false, true, (*bench).end, "6/2 1e" + hex.EncodeToString([]byte("the reflector is shutting down")), ""},
		{"taken out of the plan, and it would keep our routes even so", true, true, deconfigured, "6/9", "cease, hard reset (6/9): cease, peer de-configured (6/3)"},
		{"taken out of the plan", false, true, deconfigured, "6/3", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				spec := client()
				spec.Keep = c.keep
				b := newBenchAsking(t, newSwitchboard(), slog.DiscardHandler, oneMinute, spec)
				f := b.connect()
				o := restarting(c.n)
				f.establish(o)
				c.end(b)
				if c.wrapping != "" {
					if n := f.expectNotification(bgp.CodeCease, bgp.CeaseHardReset); n.Error() != c.wrapping {
						t.Errorf("told %q, want %q", n, c.wrapping)
					}
					return
				}
				f.wantEnd(c.want)
			})
		})
	}
}

func dismissed(reason string) func(*bench) {
	return func(b *bench) {
		b.server.Dismiss(reason)
		b.end()
	}
}

func deconfigured(b *bench) {
	b.server.Apply(&peering.Plan{})
	synctest.Wait()
	b.end()
}
