package reflector_test

import (
	"fmt"
	"strings"
	"testing"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering"
	"heddle/peering/session"
)

// Packets that brought others down, one after the other at one daemon: it lives, it
// reacts as the RFCs say, and its other sessions notice nothing.
func TestPacketsThatBroughtOthersDownDoNothingHere(t *testing.T) {
	s := newStage(t, peering.Client)
	packets := oracle.Hostile()
	for _, p := range packets {
		t.Run(p.Name+": "+p.Advisory, func(t *testing.T) {
			s.h.t = t
			defer func() { s.h.t = s.h.test }()
			s.replay(p)
		})
	}
	s.bystanders()
	t.Logf("%d packets replayed", len(packets))
}

// replay brings a session to where the packet is due, says it, and wants the reaction.
func (s *stage) replay(p oracle.Packet) {
	s.h.t.Helper()
	s.part()
	switch p.Stage {
	case "open", "confirm":
		s.offender = s.h.dial(s.offender.spec)
		if p.Stage == "confirm" {
			s.offender.say(openOf(s.offender.spec))
			s.offender.await("the OPEN to be confirmed", func() bool { return s.offender.keepalives > 0 })
		}
		s.offender.say(p.Octets)
	default:
		s.offender = s.h.join(s.offender.spec, capabilities[p.Stage]...)
		good := ordinary(s.offender.spec.Kind)
		s.offender.say(on4(good), on6(good))
		s.listener.await("the good routes", func() bool {
			return heldIs(s.listener.replay.Table[route4], good) && heldIs(s.listener.replay.Table[route6], good)
		})
		s.offender.say(p.Octets)
	}
	s.react(p)
}

// capabilities are what the peer offers beyond the usual.
var capabilities = map[string][]byte{"extended": {6, 0}}

// part ends the offender's session, if there is one, and waits until all is forgotten.
func (s *stage) part() {
	s.h.t.Helper()
	s.offender.hangUp()
	s.listener.await("what the peer said to be gone", func() bool {
		return s.listener.replay.Table[route4] == "" && s.listener.replay.Table[route6] == ""
	})
	s.h.await("the session to be over", func() bool { return s.h.status(s.offender.spec).State == session.Active })
}

func (s *stage) react(p oracle.Packet) {
	s.h.t.Helper()
	what, detail, _ := strings.Cut(p.Want, " ")
	switch what {
	case "session":
		s.offender.await("the OPEN to be confirmed", func() bool { return s.offender.keepalives > 0 })
		return
	case "reset", "closed":
		if got := s.offender.ended(); got != detail {
			s.h.t.Errorf("the session ended with %q, want %q", got, detail)
		}
		return
	}
	s.offender.through(s.listener, &s.mark)
	four, six := s.listener.held(route4), s.listener.held(route6)
	var typ uint8
	var value string
	_, _ = fmt.Sscan(detail, &typ, &value)
	if what == "discard" {
		value = absent
	}
	switch {
	case what == "withdraw" && (four != "" || (six == "") != (detail == "both")):
	case what == "withdraw":
		return
	case four == "" || six == "":
	case what == "used", heldOf(four, bgp.AttrType(typ)) == value:
		return
	}
	s.h.t.Errorf("the listener holds %q and %q, want %s", four, six, p.Want)
}
