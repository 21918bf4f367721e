package rib

import (
	"bytes"
	"cmp"
	"slices"

	"heddle/bgp"
	"heddle/peering/wire"
	"heddle/summarize"
)

// encoder writes windows as chunks for one view. Within a window announcements
// precede withdrawals, each in UPDATEs of their own, and what takes over precedes
// what it covers, so that a peer that follows never lacks a route in between:
//
//	│ summaries │ routes told on │ confined routes │ withdrawals │ what single peers are owed │
type encoder struct {
	rib  *RIB
	view View

	pass      pass
	packer    wire.Packer // its Octets are work space, copied when a chunk is cut
	chunks    []*Chunk
	segments  []segment
	audiences []audience // by number from 1
	flushed   int        // messages of the packer that are in chunks
	counted   int        // messages of the packer that are in segments
	attrs     []byte
	verdicts  []summarize.Verdict // by bucket
	hears     []heard
	said      []utterance
	lost      []loss
	overflow  int // routes whose attributes exceed the view's message size
}

// loss is a head that the view heard of and, for all or for one, no longer does.
type loss struct {
	head    ref
	id      uint32
	to      uint16 // audience
	summary bool   // goes last: what it covered goes before
	addressees
}

func (e *encoder) reset(r *RIB, view View) {
	e.rib, e.view = r, view
	e.chunks, e.segments, e.audiences, e.overflow = nil, e.segments[:0], nil, 0
	e.packer = wire.Packer{Limit: view.MaxMessage, Octets: e.packer.Octets[:0]}
	e.flushed, e.counted, e.pass = 0, 0, passAll
}

// window encodes one family's changes.
func (e *encoder) window(w *window) {
	e.lost = e.lost[:0]
	e.spreads(w)
	present := e.judge(w)
	for manner := summarize.Reflected; manner <= summarize.Confined; manner++ {
		if (!present[manner] && len(e.said) == 0) || !e.pass.includes(manner) {
			continue
		}
		for i := range w.buckets {
			if e.verdicts[i].Manner == manner && !e.announce(w, &w.buckets[i], e.verdicts[i]) {
				e.verdicts[i] = summarize.Verdict{}
			}
		}
		e.utter(w.family, manner)
	}
	for i := range w.buckets {
		if b := &w.buckets[i]; b.had > 0 {
			e.collect(w, b, e.verdicts[i])
		}
	}
	e.withdraw(w.family)
}

// judge finds the verdict for every bucket, and which manners there are.
func (e *encoder) judge(w *window) (present [summarize.Confined + 1]bool) {
	e.verdicts = e.verdicts[:0]
	for i := range w.buckets {
		b := &w.buckets[i]
		var v summarize.Verdict
		if b.set != 0 {
			v = e.rib.verdict(e.view, e.rib.m, b.pool, b.source, b.set)
		}
		e.verdicts = append(e.verdicts, v)
		present[v.Manner] = true
	}
	return present
}

// open begins a run of announcements with the attributes of a set as the view hears
// them, and says whether they fit.
func (e *encoder) open(family bgp.Family, source SourceID, set setID, v summarize.Verdict) bool {
	s := e.rib.sets.get(set)
	e.attrs = e.rib.passedOn(e.attrs[:0], s, e.view, v, e.rib.sources[source].Speaker)
	e.packer.PathIDs = e.view.AddPath.Has(family)
	if !e.packer.Fits(family, e.attrs) {
		return false
	}
	e.packer.Announce(family, e.attrs, s.attrs.NextHop)
	return true
}

// announce encodes a bucket and says whether the view hears of it.
func (e *encoder) announce(w *window, b *bucket, v summarize.Verdict) bool {
	if !e.open(w.family, b.source, b.set, v) {
		e.overflow += w.count(b)
		return false
	}
	to := addressees{of: mark{b.source, e.rib.sets.get(b.set).attrs.Originator}}
	in := e.audience(audience{only: e.rib.rackOf(b.source)})
	for i := b.first; i >= 0; i = w.next[i] {
		if w.was != nil && e.unchanged(w, &w.changes[i], b, v) {
			continue
		}
		e.add(w.family, w.changes[i].head, pathIDOne)
		if len(e.packer.Octets) >= e.rib.limits.Chunk {
			e.end(to, in)
			e.cut()
		}
	}
	e.end(to, in)
	return true
}

// unchanged says whether the view heard the same of a prefix before the map changed.
func (e *encoder) unchanged(w *window, c *change, b *bucket, v summarize.Verdict) bool {
	if c.source != b.source || c.set != b.set {
		return false
	}
	was := e.heardBefore(w, c)
	return was.Manner == v.Manner && was.Class == v.Class
}

// heardBefore is what the view heard of a prefix before a change.
func (e *encoder) heardBefore(w *window, c *change) summarize.Verdict {
	if w.was == nil {
		return e.rib.verdict(e.view, e.rib.m, c.pool, c.source, c.set)
	}
	pool := w.was.PoolOf(e.rib.prefixOf(w.family, c.head))
	return e.rib.verdict(e.view, w.was, pool, c.source, c.set)
}

// collect notes who must be told that what it had is gone: everybody but the
// former owner where the view no longer hears of the prefix, and only the new
// owner where it does (DESIGN: a route that moves to S leaves S with a ghost). Here
// then and now have the same scope; all else is told as a spread prefix.
func (e *encoder) collect(w *window, b *bucket, v summarize.Verdict) {
	now := mark{}
	if v.Heard() {
		now = mark{b.source, e.rib.sets.get(b.set).attrs.Originator}
	}
	for i := b.first; i >= 0; i = w.next[i] {
		c := &w.changes[i]
		if c.source == 0 {
			continue
		}
		before := e.heardBefore(w, c)
		if !before.Heard() {
			continue
		}
		l := loss{head: c.head, id: pathIDOne, to: e.audience(audience{only: e.rib.rackOf(c.source)}), summary: before.Manner == summarize.Summary}
		was := mark{c.source, e.rib.sets.get(c.set).attrs.Originator}
		switch {
		case !v.Heard():
			l.addressees = addressees{of: was}
			e.lost = append(e.lost, l)
		case was != now:
			l.addressees = addressees{only: true, of: now, was: was}
			e.lost = append(e.lost, l)
		}
	}
}

// withdraw encodes what was collected, a segment per kind of addressee.
func (e *encoder) withdraw(family bgp.Family) {
	slices.SortStableFunc(e.lost, func(a, b loss) int { return a.compare(&b) })
	for i := 0; i < len(e.lost); {
		first := &e.lost[i]
		e.packer.PathIDs = e.view.AddPath.Has(family)
		e.packer.Withdraw(family)
		for ; i < len(e.lost) && e.lost[i].compare(first) == 0 && len(e.packer.Octets) < e.rib.limits.Chunk; i++ {
			e.add(family, e.lost[i].head, e.lost[i].id)
		}
		e.end(first.addressees, first.to)
		if len(e.packer.Octets) >= e.rib.limits.Chunk {
			e.cut()
		}
	}
}

// compare orders losses such that those for the same peers are neighbours.
func (a *loss) compare(b *loss) int {
	if a.summary != b.summary {
		return order(b.summary)
	}
	if a.only != b.only {
		return order(b.only)
	}
	return cmp.Or(
		cmp.Compare(a.of.source, b.of.source), cmp.Compare(a.of.originator, b.of.originator),
		cmp.Compare(a.was.source, b.was.source), cmp.Compare(a.was.originator, b.was.originator),
		cmp.Compare(a.to, b.to))
}

// add adds a prefix to the run; the path identifier counts where the view has them.
func (e *encoder) add(family bgp.Family, head ref, id uint32) {
	e.packer.Path = id
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
func (e *encoder) end(to addressees, in uint16) {
	e.packer.Close()
	s := segment{addressees: to, audience: in, end: uint32(len(e.packer.Octets)), messages: uint32(e.packer.Messages - e.counted)}
	e.counted = e.packer.Messages
	n := len(e.segments)
	if s.end == 0 || (n > 0 && e.segments[n-1].end == s.end) {
		return
	}
	if n > 0 && e.segments[n-1].addressees == s.addressees && e.segments[n-1].audience == s.audience {
		e.segments[n-1].end = s.end
		e.segments[n-1].messages += s.messages
		return
	}
	e.segments = append(e.segments, s)
}

// audience gives an audience its number, 0 to everybody.
func (e *encoder) audience(in audience) uint16 {
	if in.everybody() {
		return 0
	}
	for i := len(e.audiences) - 1; i >= 0; i-- {
		if e.audiences[i].equal(in) {
			return uint16(i + 1)
		}
	}
	e.audiences = append(e.audiences, in)
	return uint16(len(e.audiences))
}

// cut closes the chunk in hand.
func (e *encoder) cut() {
	if len(e.packer.Octets) == 0 {
		return
	}
	e.chunks = append(e.chunks, &Chunk{
		Octets:    bytes.Clone(e.packer.Octets),
		Messages:  e.packer.Messages - e.flushed,
		segments:  slices.Clone(e.segments),
		audiences: slices.Clip(e.audiences),
	})
	e.flushed = e.packer.Messages
	e.packer.Octets = e.packer.Octets[:0]
	e.segments = e.segments[:0]
}

// passedOn appends the attributes of a set as the view is to see them: reflected
// where they came by iBGP and go by iBGP, as they came where only the way in was
// eBGP, exported where the way out is.
func (r *RIB) passedOn(dst []byte, s *set, view View, v summarize.Verdict, from summarize.Speaker) []byte {
	switch {
	case v.Manner != summarize.Reflected:
		dst = wire.AppendExported(dst, &s.attrs, wire.Export{
			ASN: r.self.ASN, Class: uint32(v.Class), NoAdvertise: v.Manner == summarize.Confined,
		})
	case from.Internal():
		dst = wire.AppendReflected(dst, &s.attrs, wire.Reflection{Cluster: r.self.Cluster})
	default:
		dst = append(append(dst, s.attrs.Before...), s.attrs.After...)
	}
	if s.longLived && !view.To.LongLived {
		dst = wire.Remark(dst, true, bgp.NoExport) // RFC 9494 §4.6: inside only; outside does not hear it
	}
	if view.Draining {
		dst = wire.Remark(dst, view.To.Speaker.Internal(), bgp.GracefulShutdown)
	}
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
