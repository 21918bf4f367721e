package rib

import (
	"bytes"
	"cmp"
	"slices"

	"heddle/bgp"
	"heddle/peering/wire"
)

// encoder writes windows as chunks for one view. Within a window announcements
// precede withdrawals, each in UPDATEs of their own, so that a peer that follows
// never lacks a route in between:
//
//	│ announcements, a segment per bucket │ withdrawals │ what single peers are owed │
type encoder struct {
	rib  *RIB
	view View

	packer   wire.Packer // its Octets are work space, copied when a chunk is cut
	chunks   []*Chunk
	segments []segment
	flushed  int // messages of the packer that are in chunks
	counted  int // messages of the packer that are in segments
	attrs    []byte
	lost     []loss
	overflow int // routes whose attributes exceed the view's message size
}

// loss is a head that the view heard of and, for all or for one, no longer does.
type loss struct {
	head ref
	segment
}

func (e *encoder) reset(r *RIB, view View) {
	e.rib, e.view = r, view
	e.chunks, e.segments, e.overflow = nil, e.segments[:0], 0
	e.packer = wire.Packer{Limit: view.MaxMessage, Octets: e.packer.Octets[:0]}
	e.flushed, e.counted = 0, 0
}

// window encodes one family's changes.
func (e *encoder) window(w *window) {
	e.lost = e.lost[:0]
	for i := range w.buckets {
		b := &w.buckets[i]
		sent := b.set != 0 && e.announce(w, b)
		if b.had > 0 {
			e.collect(w, b, sent)
		}
	}
	e.withdraw(w.family)
}

// announce encodes a bucket and says whether the view hears of it.
func (e *encoder) announce(w *window, b *bucket) bool {
	if !e.view.hears(w.family, e.rib.sources[b.source].Kind) {
		return false
	}
	s := e.rib.sets.get(b.set)
	e.attrs = e.rib.reflected(e.attrs[:0], s, e.view)
	if !e.packer.Fits(w.family, e.attrs) {
		e.overflow += w.count(b)
		return false
	}
	m := mark{b.source, s.attrs.Originator}
	e.packer.Announce(w.family, e.attrs, s.attrs.NextHop)
	for i := b.first; i >= 0; i = w.next[i] {
		e.add(w.family, w.changes[i].head)
		if len(e.packer.Octets) >= e.rib.limits.Chunk {
			e.end(segment{of: m})
			e.cut()
		}
	}
	e.end(segment{of: m})
	return true
}

// collect notes who must be told that what it had is gone: everybody but the
// former owner where the view no longer hears of the prefix, and only the new
// owner where it does (DESIGN: a route that moves to S leaves S with a ghost).
func (e *encoder) collect(w *window, b *bucket, sent bool) {
	now := mark{}
	if sent {
		now = mark{b.source, e.rib.sets.get(b.set).attrs.Originator}
	}
	for i := b.first; i >= 0; i = w.next[i] {
		c := w.changes[i]
		if c.source == 0 || !e.view.hears(w.family, e.rib.sources[c.source].Kind) {
			continue
		}
		was := mark{c.source, e.rib.sets.get(c.set).attrs.Originator}
		switch {
		case !sent:
			e.lost = append(e.lost, loss{c.head, segment{of: was}})
		case was != now:
			e.lost = append(e.lost, loss{c.head, segment{only: true, of: now, was: was}})
		}
	}
}

// withdraw encodes what was collected, a segment per kind of addressee.
func (e *encoder) withdraw(family bgp.Family) {
	slices.SortStableFunc(e.lost, func(a, b loss) int { return compareSegments(a.segment, b.segment) })
	for i := 0; i < len(e.lost); {
		to := e.lost[i].segment
		e.packer.Withdraw(family)
		for ; i < len(e.lost) && e.lost[i].segment == to && len(e.packer.Octets) < e.rib.limits.Chunk; i++ {
			e.add(family, e.lost[i].head)
		}
		e.end(to)
		if len(e.packer.Octets) >= e.rib.limits.Chunk {
			e.cut()
		}
	}
}

func compareSegments(a, b segment) int {
	if a.only != b.only {
		return order(b.only)
	}
	return cmp.Or(
		cmp.Compare(a.of.source, b.of.source), cmp.Compare(a.of.originator, b.of.originator),
		cmp.Compare(a.was.source, b.was.source), cmp.Compare(a.was.originator, b.was.originator))
}

func (e *encoder) add(family bgp.Family, head ref) {
	if family == bgp.IPv4Unicast {
		rt := e.rib.v4.routes.at(head)
		e.packer.Add4(uint32(rt.key), rt.length)
		return
	}
	rt := e.rib.v6.routes.at(head)
	e.packer.Add6(rt.key.hi, rt.key.lo, rt.length)
}

// end closes the segment in hand. It grows its neighbour where both go to the
// same peers.
func (e *encoder) end(s segment) {
	e.packer.Close()
	s.end, s.messages = uint32(len(e.packer.Octets)), uint32(e.packer.Messages-e.counted)
	e.counted = e.packer.Messages
	n := len(e.segments)
	if n > 0 && e.segments[n-1].sameAddressees(s) {
		e.segments[n-1].end = s.end
		e.segments[n-1].messages += s.messages
	} else if s.end > 0 && (n == 0 || e.segments[n-1].end < s.end) {
		e.segments = append(e.segments, s)
	}
}

// cut closes the chunk in hand.
func (e *encoder) cut() {
	if len(e.packer.Octets) == 0 {
		return
	}
	e.chunks = append(e.chunks, &Chunk{
		Octets:   bytes.Clone(e.packer.Octets),
		Messages: e.packer.Messages - e.flushed,
		segments: slices.Clone(e.segments),
	})
	e.flushed = e.packer.Messages
	e.packer.Octets = e.packer.Octets[:0]
	e.segments = e.segments[:0]
}

// reflected appends the attributes of a set as the view is to see them.
func (r *RIB) reflected(dst []byte, s *set, view View) []byte {
	dst = wire.AppendReflected(dst, &s.attrs, wire.Reflection{Cluster: r.self.Cluster})
	if !view.FourOctetAS {
		dst = wire.Narrow(dst)
	}
	return dst
}

// take closes the last chunk and appends what was encoded.
func (e *encoder) take(chunks []*Chunk) []*Chunk {
	e.cut()
	e.rib.tally.overflow += uint64(e.overflow)
	return append(chunks, e.chunks...)
}
