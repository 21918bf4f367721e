package session

import (
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
	"heddle/peering/wire"
)

// RFC 4724 §3, §4.1: what a speaker that wants its routes kept says of itself.
func TestWhatARestartingSpeakerOffers(t *testing.T) {
	for _, c := range []struct {
		name    string
		restart Restart
		known   bool
		want    wire.GracefulRestart
	}{
		{name: "a helper only", want: wire.GracefulRestart{}},
		{name: "the first start: nothing is forwarded yet", restart: Restart{Time: 2 * time.Minute}, want: wire.GracefulRestart{Time: 120, Families: both}},
		{
			name: "a start over what is forwarded", restart: Restart{Time: 2 * time.Minute, Preserved: true},
			want: wire.GracefulRestart{Time: 120, Families: both, Forwarding: both, Restarting: true},
		},
		{
			name: "a session that comes back within one life", restart: Restart{Time: 2 * time.Minute}, known: true,
			want: wire.GracefulRestart{Time: 120, Families: both, Forwarding: both},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Offered, c.want.Notification = true, true
			if got := c.restart.offer(peering.Session{Families: both, Keep: true}, c.known); got != c.want {
				t.Errorf("offers %+v\nwant   %+v", got, c.want)
			}
		})
	}
}

// A speaker that asked for its routes to be kept hangs up without a word: a
// NOTIFICATION would have peers without RFC 8538 drop them.
func TestASpeakerThatRestartsSaysNothing(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		spec := client()
		spec.Keep = true
		b := newBench(t, spec)
		b.server.restart = Restart{Time: time.Minute}
		f := b.connect()
		ours := f.offered()
		if ours.Restart.Time != 60 || ours.Restart.Forwarding != 0 {
			t.Errorf("the first OPEN offers %+v", ours.Restart)
		}
		f.open(opening())
		f.expect(wire.TypeKeepalive)
		f.send(wire.AppendKeepalive(nil)...)
		synctest.Wait()
		f.Close()
		synctest.Wait()
		f = b.connect()
		if ours = f.offered(); ours.Restart.Forwarding != both || ours.Restart.Restarting {
			t.Errorf("the second OPEN offers %+v", ours.Restart)
		}
		f.open(opening())
		f.expect(wire.TypeKeepalive)
		f.send(wire.AppendKeepalive(nil)...)
		synctest.Wait()
		b.end()
		f.wantEnd("")
	})
}

// RFC 7911 §4, the other way round.
func TestWhatIsTakenWithPathIdentifiers(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		spec := client()
		spec.AddPathTaken = both
		b := newBench(t, spec)
		defer b.end()
		f := b.connect()
		o := opening()
		o.Capabilities.AddPathSend = bgp.FamiliesOf(bgp.IPv6Unicast)
		if ours := f.offered(); ours.AddPathReceive != both || ours.AddPathSend != 0 {
			t.Errorf("we offer to receive %s and to send %s", ours.AddPathReceive, ours.AddPathSend)
		}
		f.open(o)
		f.expect(wire.TypeKeepalive)
		f.send(wire.AppendKeepalive(nil)...)
		synctest.Wait()
		if got := b.rec.sessions[0].AddPathTaken; got != bgp.FamiliesOf(bgp.IPv6Unicast) {
			t.Errorf("agreed on %s", got)
		}
	})
}
