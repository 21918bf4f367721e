package session

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
	"heddle/peering/wire"
)

// outcome is what comes of a malformed UPDATE that stands between two good ones:
// what the handler hears of it, or the NOTIFICATION that ends the session.
type outcome struct {
	heard        string
	notification string // code/subcode data
	because      string // the end in the handler's words
	fault        Faults // what is counted; none where the fault costs nothing
}

// used is the route of the UPDATE, with the attributes of these types.
func used(attributes string, attr bgp.AttrType) outcome {
	o := outcome{heard: "announce 10.0.0.0/24 with " + attributes}
	if attr != 0 {
		o.fault = Faults{Attr: attr, Consequence: wire.DiscardAttribute, Count: 1}
	}
	return o
}

func withdrawn(heard string, attr bgp.AttrType) outcome {
	return outcome{heard: heard, fault: Faults{Attr: attr, Consequence: wire.TreatAsWithdraw, Count: 1}}
}

func reset(notification, because string, attr bgp.AttrType) outcome {
	return outcome{notification: notification, because: because, fault: Faults{Attr: attr, Consequence: wire.ResetSession, Count: 1}}
}

// Every attribute and every fault of it is judged in package wire. Here each
// consequence is taken, by every kind of peer, beside a session that must not
// notice.
func TestMalformedUpdatesCostWhatRFC7606Says(t *testing.T) {
	const (
		dropsIt   = "withdraw 10.0.0.0/24"
		ordinary  = "1 2 3 5"
		list      = "UPDATE error, malformed attribute list (3/1)"
		attribute = "UPDATE error, optional attribute error (3/9)"
		network   = "UPDATE error, invalid network field (3/10)"
	)
	badReach := attr(optional, bgp.AttrMPReach, 0, 2, 1, 16, 0x20)
	badUnreach := attr(optional, bgp.AttrMPUnreach, 0, 2, 1, 129, 0)
	for _, c := range []struct {
		name               string
		octets             []byte
		internal, external outcome
	}{
		// Attribute discard.
		{"ATOMIC_AGGREGATE with a value (§7.6)", plain("10.0.0.0/24", attr(wellKnown, 6, 1)), used(ordinary, 6), used(ordinary, 6)},
		{"AGGREGATOR of seven octets (§7.7)", plain("10.0.0.0/24", attr(optionalPassed, 7, 0, 0, 252, 1, 10, 0, 0)), used(ordinary, 7), used(ordinary, 7)},
		{"AS4_PATH of a peer with four-octet AS (RFC 6793 §6)", plain("10.0.0.0/24", attr(optionalPassed, 17, 2, 1, 0, 0, 252, 1)), used(ordinary, 17), used(ordinary, 17)},
		{"ORIGIN twice: the first counts (§3 g)", plain("10.0.0.0/24", attr(wellKnown, 1, 9)), used(ordinary, 1), used(ordinary, 1)},

		// What only internal peers may send is nothing when others do (§7.5, §7.9, §7.10).
		{"LOCAL_PREF of three octets", plain("10.0.0.0/24", attr(wellKnown, 5, 0, 0, 1)), withdrawn(dropsIt, 5), used(ordinary, 0)},
		{"ORIGINATOR_ID of three octets", plain("10.0.0.0/24", attr(optional, 9, 0, 0, 1)), withdrawn(dropsIt, 9), used(ordinary, 0)},
		{"CLUSTER_LIST of three octets", plain("10.0.0.0/24", attr(optional, 10, 0, 0, 1)), withdrawn(dropsIt, 10), used(ordinary, 0)},

		// Treat-as-withdraw.
		{"an ORIGIN that does not exist (§7.1)", update(nil, join(attr(wellKnown, 1, 3), asPath, nextHop), routes("10.0.0.0/24")), withdrawn(dropsIt, 1), withdrawn(dropsIt, 1)},
		{"AS_PATH that exceeds itself (§7.2)", update(nil, join(origin, attr(wellKnown, 2, 2, 2, 0, 0, 252, 1), nextHop), routes("10.0.0.0/24")), withdrawn(dropsIt, 2), withdrawn(dropsIt, 2)},
		{"AS 0 in AS_PATH (RFC 7607 §2)", update(nil, join(origin, attr(wellKnown, 2, 2, 1, 0, 0, 0, 0), nextHop), routes("10.0.0.0/24")), withdrawn(dropsIt, 2), withdrawn(dropsIt, 2)},
		{"no NEXT_HOP (§3 d)", update(nil, join(origin, asPath), routes("10.0.0.0/24")), withdrawn(dropsIt, 3), withdrawn(dropsIt, 3)},
		{"our own address as NEXT_HOP (RFC 4271 §6.3)", update(nil, join(origin, asPath, attr(wellKnown, 3, ourAddr.AsSlice()...)), routes("10.0.0.0/24")), withdrawn(dropsIt, 3), withdrawn(dropsIt, 3)},
		{"wrong flags on MULTI_EXIT_DISC (§3 c)", plain("10.0.0.0/24", attr(wellKnown, 4, 0, 0, 0, 1)), withdrawn(dropsIt, 4), withdrawn(dropsIt, 4)},
		{"COMMUNITIES of three octets (§7.8)", plain("10.0.0.0/24", attr(optionalPassed, 8, 252, 0, 1)), withdrawn(dropsIt, 8), withdrawn(dropsIt, 8)},
		{"a well-known attribute that nobody knows", plain("10.0.0.0/24", attr(wellKnown, 99, 1)), withdrawn(dropsIt, 99), withdrawn(dropsIt, 99)},
		{"attributes that overrun their length (§4)", plain("10.0.0.0/24", []byte{0x40}), withdrawn(dropsIt, 0), withdrawn(dropsIt, 0)},
		{
			"both families go (§2)", plain("10.0.0.0/24", reach6(), attr(optionalPassed, 8, 1)),
			withdrawn(dropsIt+", withdraw fd00::/64", 8), withdrawn(dropsIt+", withdraw fd00::/64", 8),
		},
		{
			"of two faults the worse counts (§3 h)", plain("10.0.0.0/24", attr(wellKnown, 6, 1), attr(optionalPassed, 8, 1)),
			withdrawn(dropsIt, 8), withdrawn(dropsIt, 8),
		},

		// Session reset.
		{"NLRI of 33 bits (§5.3)", update(nil, join(origin, asPath, nextHop), []byte{33, 10, 0, 0, 0, 0}), reset("3/10", network, 0), reset("3/10", network, 0)},
		{"a withdrawn route that is cut short (§5.3)", update([]byte{24, 10}, nil, nil), reset("3/10", network, 0), reset("3/10", network, 0)},
		{"withdrawn routes that exceed the message (§3 a)", message(2, 0, 9, 0, 0), reset("3/1", list, 0), reset("3/1", list, 0)},
		{"attributes that exceed the message (§3 a)", message(2, 0, 0, 0, 9, 0x40), reset("3/1", list, 0), reset("3/1", list, 0)},
		{"MP_REACH_NLRI that is cut short (§5.3)", plain("10.0.0.0/24", badReach), reset("3/9 800e050002011020", attribute, 14), reset("3/9 800e050002011020", attribute, 14)},
		{"MP_UNREACH_NLRI of 129 bits (§5.3)", update(nil, badUnreach, nil), reset("3/9 800f050002018100", attribute, 15), reset("3/9 800f050002018100", attribute, 15)},
		{"MP_REACH_NLRI twice (§3 g)", plain("10.0.0.0/24", reach6(), reach6()), reset("3/1", list, 14), reset("3/1", list, 14)},
		{
			"a fault without any reachable route (§5.2)", update(routes("10.0.0.0/24"), attr(wellKnown, 1, 3), nil),
			reset("3/6 40010103", "UPDATE error, invalid ORIGIN (3/6)", 1), reset("3/6 40010103", "UPDATE error, invalid ORIGIN (3/6)", 1),
		},
	} {
		for _, peer := range kinds() {
			want := c.internal
			if peer.Kind == peering.External {
				want = c.external
			}
			t.Run(fmt.Sprintf("%s, from a %s", c.name, peer.Kind), func(t *testing.T) {
				virtual.Test(t, func(t *testing.T) { want.follow(t, peer, c.octets) })
			})
		}
	}
}

func (want outcome) follow(t *testing.T, peer peering.Session, octets []byte) {
	b := newBench(t, peer, bystanderSpec())
	defer b.end()
	w := b.bystander()
	f := b.connect()
	f.establish(openingOf(peer))
	f.send(slices.Concat(plain("10.9.0.0/16"), octets, plain("10.8.0.0/16"))...)
	synctest.Wait()

	story := []string{"up bystander", "up " + peer.Name, "announce 10.9.0.0/16 with 1 2 3 5"}
	if want.notification == "" {
		story = append(story, want.heard, "announce 10.8.0.0/16 with 1 2 3 5")
		if len(f.in.octets) != 0 || b.state() != Established {
			t.Errorf("the peer was sent %x, and is %s", f.in.octets, b.state())
		}
	} else {
		story = append(story, "down "+peer.Name+": sent NOTIFICATION: "+want.because)
		f.wantEnd(want.notification)
	}
	if got := strings.Join(b.rec.story, ", "); got != strings.Join(story, ", ") {
		t.Errorf("the handler heard\n%s; want\n%s", got, strings.Join(story, ", "))
	}
	want.count(t, b)
	w.undisturbed()
}

// count wants the fault counted, once, under what it cost.
func (want outcome) count(t *testing.T, b *bench) {
	var faults []Faults
	var discarded, withdraws uint64
	if want.fault.Count > 0 {
		faults, discarded = []Faults{want.fault}, 1
	}
	if want.fault.Consequence == wire.TreatAsWithdraw {
		withdraws = 1
	}
	for _, p := range b.server.Peers() {
		if p.Spec.Remote != theirAddr {
			continue
		}
		if !slices.Equal(p.Faults, faults) || p.Received.Discarded != discarded || p.Received.Withdraws != withdraws {
			t.Errorf("counted are %+v, %d UPDATEs discarded, %d that withdrew; want %+v, %d, %d",
				p.Faults, p.Received.Discarded, p.Received.Withdraws, faults, discarded, withdraws)
		}
	}
}

// A peer that is broken is broken at length: all is counted, little is logged.
func TestAStormOfFaultsIsALineInTheLog(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := newBenchOn(t, nil, slog.NewTextHandler(&log, nil), client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		for range 100 {
			f.send(plain("10.0.0.0/24", attr(optionalPassed, 8, 1))...)
		}
		synctest.Wait()
		if n := strings.Count(log.String(), "malformed UPDATE"); n != 1 {
			t.Errorf("%d lines were logged, want 1:\n%s", n, log.String())
		}
		if faults := b.server.Peers()[0].Faults; len(faults) != 1 || faults[0].Count != 100 {
			t.Errorf("counted are %+v, want 100 of one sort", faults)
		}
	})
}
