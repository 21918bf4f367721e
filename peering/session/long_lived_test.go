package session

import (
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering/wire"
)

// RFC 9494 §3.1, §4.2: what two OPENs come to, and of which families routes outlive a
// session that breaks.
func TestWhoseRoutesAreKeptForLong(t *testing.T) {
	only4 := bgp.FamiliesOf(bgp.IPv4Unicast)
	long := func(families bgp.FamilySet, seconds uint32) wire.LongLived {
		return wire.LongLived{Offered: true, Families: families, Forwarding: families, Times: [2]uint32{seconds, seconds}}
	}
	for _, c := range []struct {
		name    string
		helps   bool // we do
		restart wire.GracefulRestart
		long    wire.LongLived
		want    time.Duration // of IPv4
		kept    string
	}{
		{"after the restart time", true, restarting(true).Capabilities.Restart, long(both, 600), 10 * time.Minute, " (graceful ipv4+ipv6)"},
		{"of one family only", true, wire.GracefulRestart{Offered: true}, long(only4, 600), 10 * time.Minute, " (graceful ipv4)"},
		{"no longer than a day", true, wire.GracefulRestart{Offered: true}, long(only4, 1<<24-1), 24 * time.Hour, " (graceful ipv4)"},
		{"it only helps others", true, wire.GracefulRestart{Offered: true}, long(both, 0), 0, ""},
		{"not without graceful restart", true, wire.GracefulRestart{}, long(both, 600), 0, ""},
		{"not if we don't help", false, wire.GracefulRestart{Offered: true}, long(both, 600), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t, client())
				defer b.end()
				b.server.lasting = c.helps
				f := b.connect()
				if ours := f.offered(); ours.LongLived.Offered != c.helps || ours.LongLived.Times != [2]uint32{} {
					t.Errorf("we offer %+v", ours.LongLived)
				}
				o := opening()
				o.Capabilities.Restart, o.Capabilities.LongLived = c.restart, c.long
				f.open(o)
				f.expect(wire.TypeKeepalive)
				f.send(wire.AppendKeepalive(nil)...)
				synctest.Wait()
				if got := b.rec.sessions[0].LongLivedTime(bgp.IPv4Unicast); got != c.want {
					t.Errorf("kept for %s, want %s", got, c.want)
				}
				f.Close()
				b.wantHistory("up h1", "down h1: peer closed the connection"+c.kept)
			})
		})
	}
}
