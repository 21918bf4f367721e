package reflector_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/session"
)

// Every attribute × every fault × every kind of peer, over TCP, through sessions and
// tables, as a second peer is told of it.
func TestMalformedUpdatesCostWhatRFC7606SaysDownstream(t *testing.T) {
	for _, kind := range []peering.Kind{peering.Client, peering.NonClient, peering.External} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, kind)
			all := slices.Concat(multiprotocol(kind), framing(kind), loops(kind))
			for _, r := range rules() {
				all = append(all, r.cases(kind)...)
			}
			counts := map[consequence]int{}
			for _, c := range all {
				t.Run(c.name, func(t *testing.T) {
					s.h.t = t
					defer func() { s.h.t = s.h.test }()
					s.play(c)
				})
				counts[c.want.consequence]++
			}
			t.Logf("from a %s: %d cases treat-as-withdraw, %d attribute discard, %d session reset, %d used or ignored",
				kind, counts[withdrawn], counts[discarded], counts[reset], counts[used])
			s.bystanders()
		})
	}
}

// stage is a peer that says what is wrong, one that listens, and one that must not
// notice.
type stage struct {
	h                           *house
	offender, listener, passive *speaker
	mark                        uint32
}

func newStage(t *testing.T, kind peering.Kind) *stage {
	offender, listener, passive := guest(1, kind), guest(2, peering.Client), guest(3, peering.NonClient)
	s := &stage{h: newHouse(t, usual, offender, listener, passive)}
	s.listener, s.passive = s.h.join(listener, capabilities["extended"]...), s.h.join(passive)
	s.offender = s.h.join(offender)
	return s
}

// play has the offender announce good routes, then say what is wrong of them.
func (s *stage) play(c hostile) {
	s.h.t.Helper()
	good := ordinary(s.offender.spec.Kind)
	s.offender.say(on4(good), on6(good))
	s.listener.await("the good routes", func() bool {
		return heldIs(s.listener.replay.Table[route4], good) && heldIs(s.listener.replay.Table[route6], good)
	})
	before := counted(s.h.status(s.offender.spec))
	s.offender.say(c.message)
	if c.want.consequence == reset {
		s.end(c)
	} else {
		s.offender.through(s.listener, &s.mark)
		s.compare(c)
	}
	after := counted(s.h.status(s.offender.spec))
	if !c.silent {
		before[c.want.consequence]++
	}
	if after != before {
		s.h.t.Errorf("faults counted by consequence are %v, want %v", after, before)
	}
}

// heldIs says whether a route is the ordinary one: with no attribute beside its own,
// those of reflection apart.
func heldIs(route string, good attributes) bool {
	if route == "" {
		return false
	}
	for _, word := range strings.Fields(route)[2:] {
		number, _, _ := strings.Cut(word, "/")
		typ, _ := strconv.ParseUint(number, 10, 8)
		want := good.value(byte(typ))
		if typ == uint64(bgp.AttrLocalPref) && want == absent {
			want = "00000064"
		}
		reflected := typ == uint64(bgp.AttrOriginatorID) || typ == uint64(bgp.AttrClusterList)
		if !reflected && !strings.HasSuffix(word, ":"+want) {
			return false
		}
	}
	return true
}

func (l attributes) value(typ byte) string {
	for _, a := range l {
		if a[1] == typ {
			return fmt.Sprintf("%x", a[3:])
		}
	}
	return absent
}

// end wants the session reset, the listener told so, and the session to come back.
func (s *stage) end(c hostile) {
	s.h.t.Helper()
	if got, want := s.offender.ended(), fmt.Sprintf("3/%d", c.want.subcode); got != want {
		s.h.t.Errorf("the session ended with %q, want %s", got, want)
	}
	s.offender.hangUp()
	s.listener.await("the withdrawal of all that the peer said", func() bool {
		return s.listener.replay.Table[route4] == "" && s.listener.replay.Table[route6] == ""
	})
	s.h.await("the session to be over", func() bool { return s.h.status(s.offender.spec).State == session.Active })
	s.offender = s.h.join(s.offender.spec)
}

// compare looks at what the listener holds.
func (s *stage) compare(c hostile) {
	s.h.t.Helper()
	for _, prefix := range both {
		concerned, held := slices.Contains(c.gone, prefix), s.listener.held(prefix)
		switch {
		case concerned && c.want.consequence == withdrawn && held != "":
			s.h.t.Errorf("the listener holds %s %s, which counts as withdrawn", prefix, held)
		case concerned && c.want.consequence == withdrawn:
		case held == "":
			s.h.t.Errorf("the listener was told that %s is gone", prefix)
		case concerned && c.kept != "" && heldOf(held, c.typ) != c.kept:
			s.h.t.Errorf("the listener holds %s %s, want %s as %s", prefix, held, c.typ, c.kept)
		}
	}
}

// bystanders wants the others as they were.
func (s *stage) bystanders() {
	s.h.t.Helper()
	for _, other := range []*speaker{s.listener, s.passive} {
		if status := s.h.status(other.spec); status.Flaps != 0 || status.State != session.Established {
			s.h.t.Errorf("%s is %s after %d flaps: %s", other.spec.Name, status.State, status.Flaps, status.LastError)
		}
	}
}
