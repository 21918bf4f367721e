package session

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
	"heddle/peering/wire"
)

// RFC 7911 §4: what one side can send and the other can take.
func TestWhatIsSentWithPathIdentifiers(t *testing.T) {
	four, six := bgp.FamiliesOf(bgp.IPv4Unicast), bgp.FamiliesOf(bgp.IPv6Unicast)
	for _, c := range []struct {
		name                    string
		wanted, families        bgp.FamilySet
		receives, sends, theirs bgp.FamilySet
		offered, agreed         bgp.FamilySet
	}{
		{name: "nothing is wanted", families: both, receives: both, theirs: both},
		{name: "the peer takes it", wanted: both, families: both, receives: both, theirs: both, offered: both, agreed: both},
		{name: "the peer takes it of one family", wanted: both, families: both, receives: six, theirs: both, offered: both, agreed: six},
		{name: "it is wanted of one family", wanted: four, families: both, receives: both, theirs: both, offered: four, agreed: four},
		{name: "the peer only sends", wanted: both, families: both, sends: both, theirs: both, offered: both},
		{name: "we don't speak the family", wanted: both, families: four, receives: both, theirs: both, offered: four, agreed: four},
		{name: "the peer does not speak the family", wanted: both, families: both, receives: both, theirs: six, offered: both, agreed: six},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				spec := client()
				spec.Families, spec.AddPath = c.families, c.wanted
				b := newBench(t, spec)
				defer b.end()
				f := b.connect()
				o := opening()
				o.Capabilities.Families, o.Capabilities.AddPathReceive, o.Capabilities.AddPathSend = c.theirs, c.receives, c.sends
				ours := f.offered()
				if ours.AddPathSend != c.offered || ours.AddPathReceive != 0 {
					t.Errorf("we offer to send %s and to receive %s, want %s and none", ours.AddPathSend, ours.AddPathReceive, c.offered)
				}
				f.open(o)
				f.expect(wire.TypeKeepalive)
				f.send(wire.AppendKeepalive(nil)...)
				synctest.Wait()
				if got := b.rec.sessions[0].AddPath; got != c.agreed || got != b.server.Peers()[0].Negotiated.AddPath {
					t.Errorf("agreed on %s, want %s", got, c.agreed)
				}
			})
		})
	}
}

// offered is the capabilities of our OPEN.
func (f *far) offered() wire.Capabilities {
	f.t.Helper()
	o, fault := wire.ParseOpen(f.expect(wire.TypeOpen))
	if fault != nil {
		f.t.Fatal(fault)
	}
	return o.Capabilities
}

// A pool that becomes anycast costs nobody a session: the next one has it.
func TestAddPathWaitsForTheNextOpen(t *testing.T) {
	admits := &peering.Plan{
		Ranges: []peering.Range{{Prefix: netip.MustParsePrefix("192.0.2.0/24")}}, Template: client(),
	}
	expects := &peering.Plan{Sessions: []peering.Session{client()}}
	for _, c := range []struct {
		name   string
		before *peering.Plan
	}{{"an expected client", expects}, {"a client of a range", admits}} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t)
				defer b.end()
				b.server.Apply(c.before)
				f := b.connect()
				f.establish(opening())
				after := *c.before
				after.Template.AddPath = both
				after.Sessions = nil
				for _, s := range c.before.Sessions {
					s.AddPath = both
					after.Sessions = append(after.Sessions, s)
				}
				b.server.Apply(&after)
				synctest.Wait()
				if len(f.in.octets) != 0 || b.state() != Established {
					t.Fatalf("the peer is %s and was sent %x", b.state(), f.in.octets)
				}
				f.Close()
				synctest.Wait()
				if got := b.connect().offered().AddPathSend; got != both {
					t.Errorf("the next OPEN offers %s", got)
				}
			})
		})
	}
}
