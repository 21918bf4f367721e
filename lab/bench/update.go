package bench

import (
	"encoding/binary"

	"heddle/bgp"
	"heddle/peering/wire"
)

// build gives the UPDATEs that announce routes, or withdraw them where the
// attribute set is absent. Neighbouring changes of one attribute set share
// messages.
func (a *attrSets) build(changes []change) []byte {
	p := wire.Packer{Limit: wire.MaxMessage}
	var last attrID
	for i, c := range changes {
		if i == 0 || c.attr != last {
			if i > 0 {
				p.Close()
			}
			a.begin(&p, c.attr)
			last = c.attr
		}
		if a.family == bgp.IPv4Unicast {
			p.Add4(routeNet4+c.route, hostBits4)
		} else {
			p.Add6(routeNet6, uint64(c.route), hostBits6)
		}
	}
	if len(changes) > 0 {
		p.Close()
	}
	return p.Octets
}

func (a *attrSets) begin(p *wire.Packer, id attrID) {
	if id == absent {
		p.Withdraw(a.family)
		return
	}
	key := a.keys[id]
	p.Announce(a.family, a.encode(key), a.nextHop(key))
}

// summary is what an UPDATE says about our routes.
type summary struct {
	withdrawn []span
	announced []span
	attr      attrID // of the announced; absent: none of ours
	routes    int    // NLRI of either kind
	strange   bool   // it has prefixes that nobody announced

	// What the phase wants of these routes, a word per span: computed when first
	// asked for in a phase.
	phase  uint32
	gone   []uint64 // withdrawn: those that nobody is to hold
	wanted []uint64 // announced: those that are to have attr
}

// span is routes within one word of a bitmap.
type span struct {
	word uint32
	mask uint64
}

func (s *summary) reset() {
	s.withdrawn, s.announced = s.withdrawn[:0], s.announced[:0]
	s.attr, s.routes, s.strange, s.phase = absent, 0, false, 0
}

// reader makes summaries of UPDATEs.
type reader struct {
	sets   *attrSets
	routes int  // beyond these, a prefix is strange
	copied bool // the target adds no attributes
}

// update reads the body of an UPDATE; ok is false when it is malformed.
func (r *reader) update(body []byte, s *summary) (ok bool) {
	s.reset()
	if len(body) < 4 {
		return false
	}
	n := int(binary.BigEndian.Uint16(body))
	if len(body) < 4+n {
		return false
	}
	withdrawn, rest := body[2:2+n], body[2+n:]
	n = int(binary.BigEndian.Uint16(rest))
	if len(rest) < 2+n {
		return false
	}
	attrs, announced := rest[2:2+n], rest[2+n:]
	if len(withdrawn) > 0 && !r.nlri(withdrawn, bgp.IPv4Unicast, &s.withdrawn, s) {
		return false
	}
	return len(attrs) == 0 || r.attributes(attrs, announced, s)
}

// attributes reads the attribute list and the routes it belongs to.
func (r *reader) attributes(attrs, announced []byte, s *summary) (ok bool) {
	var sig signature
	if !sig.list(attrs) {
		return false
	}
	if len(announced) > 0 && !r.nlri(announced, bgp.IPv4Unicast, &s.announced, s) {
		return false
	}
	if r.sets.family == bgp.IPv6Unicast && !r.multiprotocol(attrs, s, &sig) {
		return false
	}
	if len(s.announced) > 0 {
		s.attr = r.sets.find(&sig, r.copied)
	}
	return true
}

// multiprotocol reads MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760 §3, §4).
func (r *reader) multiprotocol(attrs []byte, s *summary, sig *signature) (ok bool) {
	for len(attrs) > 0 {
		typ, value, rest, _ := nextAttr(attrs)
		switch bgp.AttrType(typ) {
		case bgp.AttrMPUnreach:
			if len(value) < 3 || !r.nlri(value[3:], bgp.IPv6Unicast, &s.withdrawn, s) {
				return false
			}
		case bgp.AttrMPReach:
			if len(value) < 5 || len(value) < 5+int(value[3]) {
				return false
			}
			hop, nlri := value[4:4+int(value[3])], value[5+int(value[3]):]
			if !sig.nextHop(hop) || !r.nlri(nlri, bgp.IPv6Unicast, &s.announced, s) {
				return false
			}
		}
		attrs = rest
	}
	return true
}

// nlri reads a run of prefixes into spans.
func (r *reader) nlri(b []byte, family bgp.Family, spans *[]span, s *summary) (ok bool) {
	width, bits := hostBytes4+1, byte(hostBits4)
	if family == bgp.IPv6Unicast {
		width, bits = hostBytes6+1, hostBits6
	}
	list, last := *spans, uint32(1<<32-1)
	for ; len(b) >= width && b[0] == bits; b = b[width:] {
		route := binary.BigEndian.Uint32(b[width-4:])
		if family == bgp.IPv4Unicast {
			route -= routeNet4
		} else if binary.BigEndian.Uint64(b[1:]) != routeNet6 || binary.BigEndian.Uint32(b[9:]) != 0 {
			route = routesMost
		}
		s.routes++
		if route >= uint32(r.routes) || family != r.sets.family {
			s.strange = true
			continue
		}
		if word := route / 64; word != last {
			list, last = append(list, span{word: word}), word
		}
		list[len(list)-1].mask |= 1 << (route % 64)
	}
	*spans = list
	if len(b) == 0 {
		return true
	}
	// A prefix that is no host route is none of ours.
	s.strange = true
	return wellFormed(b, int(bits))
}

// wellFormed says whether b is a run of prefixes, of any length up to most.
func wellFormed(b []byte, most int) bool {
	for len(b) > 0 {
		size := 1 + (int(b[0])+7)/8
		if int(b[0]) > most || len(b) < size {
			return false
		}
		b = b[size:]
	}
	return true
}
