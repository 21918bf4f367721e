package interop

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"heddle/internal/oracle"
)

// attributesOf is the path attributes of an UPDATE.
func attributesOf(update []byte) []byte {
	withdrawn := 21 + int(binary.BigEndian.Uint16(update[19:]))
	return update[withdrawn+2 : withdrawn+2+int(binary.BigEndian.Uint16(update[withdrawn:]))]
}

// updateOf is an UPDATE of parts that need not fit.
func updateOf(withdrawn, attributes, nlri []byte) []byte {
	body := binary.BigEndian.AppendUint16(nil, uint16(len(withdrawn)))
	body = binary.BigEndian.AppendUint16(append(body, withdrawn...), uint16(len(attributes)))
	return frame(typeUpdate, slices.Concat(body, attributes, nlri))
}

// malformed are messages that none of the daemons may get to see the like of.
func malformed(h *host) map[string][]byte {
	prefix := nlriOf(h.v4Route(9))
	hop := attributeOctets(0x40, attrNextHop, h.v4.AsSlice())
	origin, path := attributeOctets(0x40, attrOrigin, []byte{0}), attributeOctets(0x40, attrASPath, nil)
	pref := attributeOctets(0x40, attrLocalPref, oracle.Number(100))
	good := slices.Concat(origin, path, hop, pref)
	with := func(more ...[]byte) []byte {
		return updateOf(nil, slices.Concat(append([][]byte{good}, more...)...), prefix)
	}
	marker := frame(typeKeepalive, nil)
	marker[3] = 0
	short := frame(typeKeepalive, nil)
	short[17] = 18
	return map[string][]byte{
		"no ORIGIN":                           updateOf(nil, slices.Concat(path, hop, pref), prefix),
		"no NEXT_HOP":                         updateOf(nil, slices.Concat(origin, path, pref), prefix),
		"ORIGIN of 9":                         updateOf(nil, slices.Concat(attributeOctets(0x40, attrOrigin, []byte{9}), path, hop, pref), prefix),
		"an AS_PATH that breaks off":          updateOf(nil, slices.Concat(origin, attributeOctets(0x40, attrASPath, []byte{2, 3, 0, 0}), hop, pref), prefix),
		"NEXT_HOP of three octets":            updateOf(nil, slices.Concat(origin, path, attributeOctets(0x40, attrNextHop, []byte{192, 0, 2}), pref), prefix),
		"LOCAL_PREF of two octets":            updateOf(nil, slices.Concat(origin, path, hop, attributeOctets(0x40, attrLocalPref, []byte{0, 1})), prefix),
		"MED of no octets":                    with(attributeOctets(0x80, attrMED, nil)),
		"COMMUNITIES of five octets":          with(attributeOctets(0xc0, attrCommunities, make([]byte, 5))),
		"large communities of eleven octets":  with(attributeOctets(0xc0, attrLarge, make([]byte, 11))),
		"extended communities of nine octets": with(attributeOctets(0xc0, attrExtended, make([]byte, 9))),
		"ORIGINATOR_ID of three octets":       with(attributeOctets(0x80, attrOriginator, make([]byte, 3))),
		"CLUSTER_LIST of six octets":          with(attributeOctets(0x80, attrClusterList, make([]byte, 6))),
		"a well-known attribute nobody knows": with(attributeOctets(0x40, 200, []byte{1})),
		"an attribute longer than the rest":   with([]byte{0xc0, 99, 200, 1, 2}),
		"a lone octet among the attributes":   with([]byte{0xc0}),
		"a prefix of 33 bits":                 updateOf(nil, good, []byte{33, 10, 0, 0, 0, 0}),
		"a prefix that breaks off":            updateOf(nil, good, []byte{32, 10, 0}),
		"a withdrawn prefix of 200 bits":      updateOf([]byte{200, 10, 0, 0}, nil, nil),
		"an IPv6 next hop of five octets":     with(attributeOctets(0x80, attrMPReach, append([]byte{0, 2, 1, 5, 1, 2, 3, 4, 5, 0}, nlriOf(h.v6Route(9))...))),
		"MP_REACH_NLRI of two octets":         with(attributeOctets(0x80, attrMPReach, []byte{0, 2})),
		"MP_REACH_NLRI twice":                 with(attributeOctets(0x80, attrMPReach, make([]byte, 5)), attributeOctets(0x80, attrMPReach, make([]byte, 5))),
		"attributes longer than the message":  frame(typeUpdate, []byte{0, 0, 0xff, 0xff, 0}),
		"withdrawals longer than the message": frame(typeUpdate, []byte{0xff, 0xff, 0}),
		"an UPDATE of one octet":              frame(typeUpdate, []byte{0}),
		"a marker that is not all ones":       marker,
		"a message of 18 octets":              short,
		"a message of type 9":                 frame(9, nil),
		"a KEEPALIVE with a body":             frame(typeKeepalive, []byte{1}),
		"a second OPEN":                       frame(typeOpen, make([]byte, 10)),
	}
}

// besideAVandal has real daemons in session with routes, and one peer that is yet to
// speak.
func besideAVandal(t *testing.T, name string) (f *fabric, daemons []speaker, vandal *probe) {
	f = newFabric(t, name, clients(v4Of, "vandal"))
	daemons, vandal = f.everyDaemon(), f.probe("vandal", nProbe+1)
	f.tap.ignore(vandal.v4)
	f.step("real daemons have sessions and routes", func() {
		f.startWith(daemons, plain)
		f.agree()
	})
	return f, daemons, vandal
}

func TestWhatOnePeerSaysWrongDoesNotReachRealDaemons(t *testing.T) {
	t.Parallel()
	f, daemons, vandal := besideAVandal(t, "broken")
	f.step("one peer says all that is wrong, and is refused or corrected", func() {
		f.undisturbed(daemons, func() {
			for name, message := range malformed(vandal.host) {
				f.says(vandal, name, message)
			}
			f.agree()
		})
	})
	f.step("what it then says right is all that they hear of it", func() {
		before := f.tap.told(daemons[0].who().v4).updates
		vandal.start()
		vandal.announce(offer{prefix: vandal.v4Route(1)})
		f.until("the route to arrive", func() (text string) {
			f.tap.session(daemons[0].who().v4, func(w *wire) {
				text = missing(vandal.v4Route(1).String(), w.out.said[vandal.v4Route(1)] > 0)
			})
			return text
		})
		if n := f.tap.told(daemons[0].who().v4).updates - before; n != 1 {
			t.Errorf("%s was sent %d UPDATEs, want 1", daemons[0].who().name, n)
		}
	})
}

// says has a probe say a thing, on a session of its own, and waits until it was
// dealt with: by the end of the session, or by an answer to the next thing said.
func (f *fabric) says(p *probe, name string, message []byte) {
	f.t.Helper()
	p.start()
	s := p.session
	_, _ = p.conn.Write(append(message, frame(typeRefresh, []byte{0, 1, 0, 1})...))
	f.until("an answer to "+name, func() (text string) {
		select {
		case <-s.over:
			return ""
		default:
		}
		p.heard(func(s *hearing) {
			if s.replay.Refreshes[2] == 0 {
				text = fmt.Sprintf("neither the end of the session nor an answer; heard %v", s.counts)
			}
		})
		return text
	})
	p.hangUp()
}
