package agent

import (
	"net/netip"
	"slices"
	"sync"

	"heddle/bgp"
	"heddle/peering/session"
	"heddle/peering/wire"
)

// speaker is what the host announces: one list, and how much of it each session has
// been told. The loop writes the list; the sessions' writers read it.
type speaker struct {
	mu      sync.Mutex
	ready   bool // the list is the whole truth: before that, not a word
	list    map[netip.Prefix]netip.Addr
	streams map[*session.Session]*stream
}

// stream tells one session.
type stream struct {
	speaker *speaker
	session *session.Session
	told    map[netip.Prefix]netip.Addr // next hop that was announced
	ended   bgp.FamilySet               // End-of-RIB was sent
	again   bgp.FamilySet               // to be repeated, as asked
	fresh   bool                        // nothing to say
}

func (p *speaker) join(s *session.Session) *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams == nil {
		p.streams = map[*session.Session]*stream{}
	}
	st := &stream{speaker: p, session: s, told: map[netip.Prefix]netip.Addr{}}
	p.streams[s] = st
	return st
}

func (p *speaker) leave(s *session.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.streams, s)
}

// say makes the list what is announced, prefix to next hop, and gives the sessions to
// wake.
func (p *speaker) say(list map[netip.Prefix]netip.Addr) (wake []*session.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready, p.list = true, list
	for s, st := range p.streams {
		st.fresh = false
		wake = append(wake, s)
	}
	return wake
}

// repeat has a family told again (RFC 2918).
func (st *stream) repeat(family bgp.Family) {
	st.speaker.mu.Lock()
	defer st.speaker.mu.Unlock()
	st.again |= bgp.FamiliesOf(family)
	st.fresh = false
}

// Next implements session.Stream.
func (st *stream) Next(octets [][]byte, _ int) ([][]byte, int) {
	st.speaker.mu.Lock()
	defer st.speaker.mu.Unlock()
	if st.fresh || !st.speaker.ready {
		return octets, 0
	}
	st.fresh = true
	messages := 0
	for _, f := range bgp.Families {
		if !st.session.Families.Has(f) {
			continue
		}
		part, n := st.family(f)
		if messages += n; len(part) > 0 {
			octets = append(octets, part)
		}
	}
	return octets, messages
}

// family writes what a session has not been told of a family. A refresh that was asked
// for is framed where the peer knows the frame (RFC 7313).
func (st *stream) family(f bgp.Family) (octets []byte, messages int) {
	again := st.again.Has(f)
	st.again &^= bgp.FamiliesOf(f)
	frame := again && st.session.EnhancedRefresh
	p := wire.Packer{Limit: st.session.MaxMessage}
	if frame {
		p.Octets = wire.AppendRefresh(p.Octets, f, wire.RefreshBegin)
	}
	st.withdraw(&p, f)
	st.announce(&p, f, again)
	messages = p.Messages
	if frame {
		p.Octets = wire.AppendRefresh(p.Octets, f, wire.RefreshEnd)
	}
	if !st.ended.Has(f) {
		st.ended |= bgp.FamiliesOf(f)
		p.Octets = wire.AppendEndOfRIB(p.Octets, f)
		messages++
	}
	return p.Octets, messages
}

func (st *stream) withdraw(p *wire.Packer, f bgp.Family) {
	var gone []netip.Prefix
	for prefix := range st.told {
		if _, stays := st.speaker.list[prefix]; !stays && bgp.FamilyOf(prefix.Addr()) == f {
			gone = append(gone, prefix)
			delete(st.told, prefix)
		}
	}
	if len(gone) > 0 {
		p.Withdraw(f)
		pack(p, gone)
	}
}

func (st *stream) announce(p *wire.Packer, f bgp.Family, again bool) {
	news := map[netip.Addr][]netip.Prefix{}
	for prefix, hop := range st.speaker.list {
		if bgp.FamilyOf(prefix.Addr()) == f && (again || st.told[prefix] != hop) {
			news[hop] = append(news[hop], prefix)
			st.told[prefix] = hop
		}
	}
	for hop, list := range news {
		attrs := wire.Originated(f, hop)
		p.Announce(f, append(slices.Clone(attrs.Before), attrs.After...), hop)
		pack(p, list)
	}
}

// pack adds prefixes in order and closes the run.
func pack(p *wire.Packer, list []netip.Prefix) {
	slices.SortFunc(list, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	for _, prefix := range list {
		nlri := wire.NLRI(nil).AppendPrefix(prefix)
		if prefix.Addr().Is4() {
			addr, bits, _ := nlri.Next4()
			p.Add4(addr, bits)
		} else {
			hi, lo, bits, _ := nlri.Next6()
			p.Add6(hi, lo, bits)
		}
	}
	p.Close()
}
