package reflector_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/session"
)

// What --discard-attributes names goes no further; its neighbours travel as they came,
// with the Partial bit that RFC 4271 §5 asks for.
func TestDiscardedAttributesGoNoFurther(t *testing.T) {
	offender, listener := guest(1, peering.Client), guest(2, peering.Client)
	h := newHouse(t, func(c *session.Config) { c.Discard = bgp.AttrsOf(28, 40, 200) }, offender, listener)
	from, to := h.join(offender), h.join(listener)
	var mark uint32
	value := bytes.Repeat([]byte{7}, 300)
	list := append(ordinary(peering.Client),
		attribute(optionalPassed, 23, 0, 7, 0xff), attribute(optionalPassed, 28, 0), attribute(optional, 40, 1),
		attribute(optionalPassed, 41, value...), attribute(optionalPassed|0x20, 250, 9))
	from.say(on4(list))
	from.through(to, &mark)
	held := to.held(route4)
	for typ, want := range map[bgp.AttrType]string{23: "0007ff", 28: absent, 40: absent, 41: fmt.Sprintf("%x", value), 250: "09"} {
		if got := heldOf(held, typ); got != want {
			t.Errorf("the listener holds attribute %d as %s, want %s", typ, got, want)
		}
	}
	if !strings.Contains(held, " 23/e0:") || !strings.Contains(held, " 250/e0:") {
		t.Errorf("the Partial bit is not set on what was not recognized: %s", held)
	}
	status := h.status(offender)
	if status.Received.Stripped != 2 || len(status.Faults) != 0 {
		t.Errorf("counted are %d discarded attributes and faults %+v, want 2 and none", status.Received.Stripped, status.Faults)
	}
	from.say(on4(append(ordinary(peering.Client), attribute(wellKnown, 200, 1))))
	from.through(to, &mark)
	if held := to.held(route4); held != "" {
		t.Errorf("what claims to be well-known was not treated as withdrawn: %s", held)
	}
}

// A route whose attributes, with ORIGINATOR_ID and CLUSTER_LIST, exceed what a peer
// takes is withdrawn from that peer, counted and named, and never cut (RFC 8654 §5).
func TestARouteThatDoesNotFitIsWithdrawnFromWhomItDoesNotFit(t *testing.T) {
	offender, wide, narrow := guest(1, peering.Client), guest(2, peering.Client), guest(3, peering.Client)
	h := newHouse(t, usual, offender, wide, narrow)
	from := h.join(offender, capabilities["extended"]...)
	to, short := h.join(wide, capabilities["extended"]...), h.join(narrow)
	var mark uint32
	good := ordinary(peering.Client)
	// filled is a message of so many octets.
	filled := func(length int) []byte {
		return on4(append(slices.Clone(good), attribute(optionalPassed|extendedLength, 99, make([]byte, length-len(on4(good))-4)...)))
	}
	const added = 15 // ORIGINATOR_ID, CLUSTER_LIST, and the longest prefix that there may be
	for i, c := range []struct {
		length           int
		atWide, atNarrow bool
	}{
		{4096 - added, true, true},
		{4096 - added + 1, true, false},
		{4096, true, false},
		{200, true, true},
		{65535 - added, true, false},
		{65535 - added + 1, false, false},
		{65535, false, false},
		{200, true, true},
	} {
		before := h.overflow()
		from.say(filled(c.length))
		from.through(to, &mark)
		short.await("a mark", func() bool { return strings.Contains(short.replay.Table[markPrefix], fmt.Sprintf(" 4/80:%08x", mark)) })
		if got := to.held(route4) != ""; got != c.atWide {
			t.Errorf("%d: %d octets: a peer of extended messages holds it: %t", i, c.length, got)
		}
		if got := short.held(route4) != ""; got != c.atNarrow {
			t.Errorf("%d: %d octets: a peer of short messages holds it: %t", i, c.length, got)
		}
		if grown := h.overflow() > before; grown != (!c.atWide || !c.atNarrow) {
			t.Errorf("%d: %d octets: routes that did not fit were counted: %t", i, c.length, grown)
		}
	}
	h.await("the problem to be named", func() bool {
		report, err := h.tables.Report(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range report.Problems {
			if p.Object == "messages" && strings.Contains(p.Text, "RFC 8654") {
				return true
			}
		}
		return false
	})
}

// overflow is how many routes did not fit so far.
func (h *house) overflow() uint64 {
	h.t.Helper()
	report, err := h.tables.Report(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return report.RIB.Overflow
}
