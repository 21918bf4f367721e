package wire

import (
	"encoding/binary"
	"net/netip"

	"heddle/bgp"
)

// Decoder reads the UPDATEs of one session. It belongs to one goroutine.
type Decoder struct {
	FourOctetAS bool          // negotiated (RFC 6793)
	Internal    bool          // iBGP
	Families    bgp.FamilySet // negotiated; others are ignored
	AddPath     bgp.FamilySet // of which prefixes come with path identifiers (RFC 7911)
	Local       netip.Addr    // our end of the session: no next hop of ours is used
	Discard     bgp.AttrSet   // optional attributes that we don't read and don't pass on, either
	Discarded   uint64        // how many there were

	walk walk // state of the message in hand, kept to be allocation-free
}

// walk is what the attributes of one UPDATE came to.
type walk struct {
	seen   [4]uint64 // bit per attribute type
	spans  []span    // what is passed on, in the order received
	faults []Malformed
	worst  Consequence

	attrs    bgp.Attrs
	nextHop4 netip.Addr // NEXT_HOP
	reach    [2]reach   // MP_REACH_NLRI, by family
	unreach  [2]NLRI    // MP_UNREACH_NLRI, by family
	hasReach bool       // an MP_REACH_NLRI with NLRI was there, of whatever family
	strange  bool       // a prefix somewhere is not unicast
	other    bool       // an attribute beside MP_UNREACH_NLRI was there
	eor      bgp.Family // MP_UNREACH_NLRI without NLRI
	asPath   []byte     // value of AS_PATH, in the session's width
	as4Path  []byte     // value of AS4_PATH
	as4Aggr  []byte     // value of AS4_AGGREGATOR
}

type reach struct {
	nextHop netip.Addr
	nlri    NLRI
}

// span is one attribute as received, header included.
type span struct {
	typ    bgp.AttrType
	octets []byte
}

// Update reads the body of an UPDATE into the batch. The faults, if any, are in
// the order found and valid until the next call; when the last has the
// consequence ResetSession, nothing was added to the batch.
//
// Withdrawn routes come first and announcements after them, as RFC 4271 §4.3
// wants a prefix that stands in both to be read.
func (d *Decoder) Update(body []byte, batch *Batch) []Malformed {
	w := &d.walk
	*w = walk{spans: w.spans[:0], faults: w.faults[:0]}
	withdrawn, attributes, nlri, ok := split(body)
	if !ok {
		return w.reset(subcodeMalformedList, "lengths exceed the message")
	}
	batch.pathIDs = d.AddPath
	ids := d.AddPath.Has(bgp.IPv4Unicast)
	if ok, _ := inspect(withdrawn, bgp.IPv4Unicast, ids); !ok {
		return w.reset(subcodeNetwork, "withdrawn routes are malformed")
	}
	ok, unicast := inspect(nlri, bgp.IPv4Unicast, ids)
	if !ok {
		return w.reset(subcodeNetwork, "NLRI is malformed")
	}
	w.strange = !unicast
	if !d.readAttributes(attributes) {
		return w.faults
	}
	d.checkMandatory(nlri)
	if w.worst == TreatAsWithdraw && len(nlri) == 0 && !w.hasReach && w.other {
		// RFC 7606 §5.2: with no reachable NLRI in sight, we can't know that we saw
		// all there was to withdraw.
		cause := w.cause()
		w.fault(ResetSession, cause.Attr, cause.Subcode, cause.Data, cause.Text+", with no reachable NLRI")
		return w.faults
	}
	d.deliver(body, withdrawn, nlri, batch)
	return w.faults
}

// split cuts the body of an UPDATE in its three parts (RFC 4271 §4.3).
func split(body []byte) (withdrawn, attributes, nlri []byte, ok bool) {
	if len(body) < 4 {
		return nil, nil, nil, false
	}
	length := int(binary.BigEndian.Uint16(body))
	if len(body) < 4+length {
		return nil, nil, nil, false
	}
	withdrawn, body = body[2:2+length], body[2+length:]
	length = int(binary.BigEndian.Uint16(body))
	if len(body) < 2+length {
		return nil, nil, nil, false
	}
	return withdrawn, body[2 : 2+length], body[2+length:], true
}

// checkMandatory wants what a reachable route can't do without (RFC 7606 §3 d).
// LOCAL_PREF is not among it: a peer that leaves it out, or an external one that
// may not send it, is taken to mean the default. It is put in, since routes to
// internal peers carry it (RFC 4271 §5.1.5) and some of them insist.
func (d *Decoder) checkMandatory(nlri []byte) {
	w := &d.walk
	reachable := len(nlri) > 0 || len(w.reach[0].nlri) > 0 || len(w.reach[1].nlri) > 0
	if !reachable || w.worst >= TreatAsWithdraw {
		return
	}
	for _, typ := range [...]bgp.AttrType{bgp.AttrOrigin, bgp.AttrASPath} {
		if !w.has(typ) {
			w.fault(TreatAsWithdraw, typ, subcodeMissing, []byte{byte(typ)}, "missing")
		}
	}
	if len(nlri) > 0 && !w.has(bgp.AttrNextHop) {
		w.fault(TreatAsWithdraw, bgp.AttrNextHop, subcodeMissing, []byte{byte(bgp.AttrNextHop)}, "missing")
	}
	if !w.attrs.HasLocalPref {
		w.attrs.LocalPref = bgp.DefaultLocalPref
		w.spans = append(w.spans, span{bgp.AttrLocalPref, defaultLocalPref[:]})
	}
}

// defaultLocalPref is read only.
var defaultLocalPref = [...]byte{byte(bgp.FlagTransitive), byte(bgp.AttrLocalPref), 4, 0, 0, 0, bgp.DefaultLocalPref}

// deliver hands what was read to the batch.
func (d *Decoder) deliver(body, withdrawn, nlri []byte, batch *Batch) {
	w := &d.walk
	if len(body) == 4 && d.Families.Has(bgp.IPv4Unicast) {
		batch.add(Item{Kind: EndOfRIB, Family: bgp.IPv4Unicast}) // RFC 4724 §2
		return
	}
	if w.eor != bgp.FamilyInvalid && !w.other && len(withdrawn) == 0 && len(nlri) == 0 {
		batch.add(Item{Kind: EndOfRIB, Family: w.eor})
		return
	}
	if d.Families.Has(bgp.IPv4Unicast) {
		batch.withdraw(bgp.IPv4Unicast, withdrawn)
	} else {
		nlri = nil
	}
	for i, f := range bgp.Families {
		batch.withdraw(f, w.unreach[i])
	}
	if w.worst >= TreatAsWithdraw {
		batch.withdraw(bgp.IPv4Unicast, nlri)
		for i, f := range bgp.Families {
			batch.withdraw(f, w.reach[i].nlri)
		}
		return
	}
	if len(nlri) > 0 {
		d.announce(batch, bgp.IPv4Unicast, nlri, w.nextHop4)
	}
	for i, f := range bgp.Families {
		if len(w.reach[i].nlri) > 0 {
			d.announce(batch, f, w.reach[i].nlri, w.reach[i].nextHop)
		}
	}
}

func (w *walk) has(typ bgp.AttrType) bool { return w.seen[typ>>6]&(1<<(typ&63)) != 0 }

func (w *walk) fault(c Consequence, typ bgp.AttrType, subcode uint8, data []byte, text string) {
	w.faults = append(w.faults, Malformed{Consequence: c, Attr: typ, Subcode: subcode, Data: data, Text: text})
	w.worst = max(w.worst, c)
}

// cause is the first fault of the worst consequence so far.
func (w *walk) cause() Malformed {
	for _, m := range w.faults {
		if m.Consequence == w.worst {
			return m
		}
	}
	return Malformed{}
}

func (w *walk) reset(subcode uint8, text string) []Malformed {
	w.fault(ResetSession, 0, subcode, nil, text)
	return w.faults
}
