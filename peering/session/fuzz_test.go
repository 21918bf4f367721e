package session

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/internal/virtual"
	"heddle/peering/wire"
)

// Any octets on a connection, from its first or behind a handshake: no panic, no batch
// lost, the session over when time is, and a bystander that notices nothing.
func FuzzStream(f *testing.F) {
	for _, p := range oracle.Hostile() {
		if len(p.Octets) < 1000 {
			f.Add(p.Octets, p.Stage != "open", uint8(0))
		}
	}
	o := opening()
	hello, err := o.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(slices.Concat(hello, wire.AppendKeepalive(nil), plain("10.0.0.0/24", reach6()), wire.AppendEndOfRIB(nil, bgp.IPv6Unicast)), false, uint8(1))
	f.Add(slices.Concat(hello, hello), false, uint8(0))
	f.Add(wire.AppendRefresh(plain("10.0.0.0/24"), bgp.IPv4Unicast, wire.RefreshBegin), true, uint8(7))
	f.Add(wire.AppendNotification(nil, bgp.Cease(bgp.CeaseAdminReset, "fuzz")), true, uint8(0))
	f.Fuzz(func(t *testing.T, octets []byte, established bool, pieces uint8) {
		if len(octets) > 8<<10 {
			return
		}
		virtual.Test(t, func(t *testing.T) {
			b := newBench(t, client(), bystanderSpec())
			defer b.end()
			patient := opening()
			patient.RouterID, patient.HoldTime = 0xc0000203, 0
			w := &bystander{b, b.connectFrom(bystanderSpec().Remote, 1<<20)}
			w.f.establish(patient)
			far := b.connect()
			if established {
				far.establish(opening())
			}
			size := max(len(octets)/(int(pieces)+1), 1)
			for piece := range slices.Chunk(octets, size) {
				if _, err := far.Write([][]byte{piece}); err != nil {
					break
				}
				synctest.Wait()
			}
			far.CloseWrite()
			time.Sleep(openWait + time.Hour)
			synctest.Wait()
			if n := b.server.Panics(); n != 0 {
				t.Fatalf("%d panics: %+v", n, b.server.Problems())
			}
			if n := len(b.server.buffers.slots); n != 0 {
				t.Fatalf("%d batches were not given back", n)
			}
			if n := b.server.live.Load(); n != 1 {
				t.Fatalf("%d connections live, want the bystander's", n)
			}
			w.undisturbed()
			far.Close()
		})
	})
}
