package interop

import (
	"fmt"
	"strings"
	"testing"

	"heddle/internal/oracle"
)

// Packets that brought BGP speakers down, at the real binary beside real daemons: it
// reacts as the RFCs say, and they hear nothing of it.
func TestPacketsThatBroughtOthersDownDoNotReachRealDaemons(t *testing.T) {
	t.Parallel()
	f, daemons, vandal := besideAVandal(t, "hostile")
	f.step("one peer says what brought others down", func() {
		packets := oracle.Hostile()
		f.undisturbed(daemons, func() {
			for _, p := range packets {
				f.replay(vandal, p)
			}
			f.agree()
		})
		f.t.Logf("%d packets replayed", len(packets))
	})
}

// replay has a probe say a packet on a connection of its own and holds the reaction
// against what the packet wants.
func (f *fabric) replay(p *probe, packet oracle.Packet) {
	f.t.Helper()
	p.hello.extended = packet.Stage == "extended"
	next := frame(typeRefresh, []byte{0, 1, 0, 1}) // whose answer says that the session lives
	switch packet.Stage {
	case "open":
		f.must(p.dial(nil))
		next = frame(typeKeepalive, nil)
	case "confirm":
		f.must(p.dial(p.hello.open()))
		f.until("the OPEN to be confirmed", func() (text string) {
			p.heard(func(s *hearing) { text = missing("a KEEPALIVE", s.counts[typeKeepalive] > 0) })
			return text
		})
	default:
		p.start()
	}
	_, _ = p.conn.Write(append(packet.Octets, next...))
	f.until("the reaction to "+packet.Name, func() (text string) {
		p.heard(func(s *hearing) { text = reaction(s, packet) })
		return text
	})
	p.hangUp()
}

// reaction says what of the wanted reaction is missing.
func reaction(s *hearing, packet oracle.Packet) string {
	over := false
	select {
	case <-s.over:
		over = true
	default:
	}
	heard := ""
	if len(s.notification) >= 2 {
		heard = fmt.Sprintf("%d/%d", s.notification[0], s.notification[1])
	}
	what, detail, _ := strings.Cut(packet.Want, " ")
	switch what {
	case "reset":
		return missing("NOTIFICATION "+detail+", not "+heard, heard == detail)
	case "closed":
		return missing("the end without NOTIFICATION "+heard, over && heard == "")
	case "session":
		return missing("a KEEPALIVE", s.counts[typeKeepalive] > 0)
	}
	return missing("an answer on a session that lives, heard "+heard, s.replay.Refreshes[2] > 0 && !over)
}

// Attributes that once crossed networks and reset routers behind them: what the operator
// names does not reach real daemons, and the rest of the route does.
func TestWhatIsToBeDiscardedDoesNotReachRealDaemons(t *testing.T) {
	t.Parallel()
	f := newFabric(t, "discard", clients(v4Of, "vandal", "witness"), "--discard-attributes", "23,28,35,40")
	daemons := f.everyDaemon()
	vandal, witness := f.probe("vandal", nProbe+1), f.probe("witness", nProbe+2)
	f.tap.ignore(vandal.v4)
	f.tap.ignore(witness.v4)
	f.step("real daemons have sessions and routes", func() {
		f.startWith(daemons, plain)
		f.agree()
	})
	f.step("one peer announces what reset others", func() {
		witness.start()
		vandal.start()
		route := oracle.Plain(vandal.v4).
			With(oracle.Attr{Flags: 0xc0, Type: 23, Value: []byte{0, 7, 255, 255, 1}}).
			With(oracle.Attr{Flags: 0xc0, Type: 28, Value: []byte{0}}).
			With(oracle.Attr{Flags: 0xc0, Type: 35, Value: []byte{0, 0, 0xfc, 0}}).
			With(oracle.Attr{Flags: 0xc0, Type: 40, Value: make([]byte, 10)})
		prefix := vandal.v4Route(1)
		vandal.write(oracle.Announce(route, prefix))
		f.until("everybody to hold the route without them", func() string {
			table, err := witness.table()
			f.must(err)
			if want := oracle.Plain(vandal.v4).With(oracle.Attr{Flags: 0x80, Type: 9, Value: vandal.v4.AsSlice()}).
				With(oracle.Attr{Flags: 0x80, Type: 10, Value: f.self.cluster.AsSlice()}).String(); table[prefix] != want {
				return fmt.Sprintf("the witness holds %q, want %q", table[prefix], want)
			}
			for _, d := range daemons {
				held, err := d.holds()
				if err != nil {
					return err.Error()
				}
				if _, ok := held[prefix]; !ok {
					return d.who().name + " lacks it"
				}
			}
			return ""
		})
	})
}
