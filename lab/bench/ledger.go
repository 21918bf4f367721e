package bench

import (
	"math/bits"
	"slices"
)

// ledger is what every client must hold, and what each holds.
//
//	want  route → attribute set                       one for all
//	held  client → the routes it holds                a bit each
//	good  client → the routes that are as they must   a bit each
//
// A client must hold every route of others with just the attributes wanted. Of its
// own routes a reflector may send it a copy or nothing: it ignores the copy, by
// ORIGINATOR_ID. Another's version of its own route would be a ghost.
//
// It changes between phases only, under the engine's lock; within a phase, each
// client's bits belong to the thread that reads its socket.
type ledger struct {
	sets  *attrSets
	want  []attrID
	phase uint32
}

// change is a route with new attributes; absent is withdrawn.
type change struct {
	route uint32
	attr  attrID
}

// holdings is one client's side of the ledger.
type holdings struct {
	client int32
	held   []uint64
	good   []uint64
	bad    int // routes that are not good
}

func newLedger(sets *attrSets, routes int) *ledger {
	return &ledger{sets: sets, want: make([]attrID, routes), phase: 1}
}

func (l *ledger) words() int { return (len(l.want) + 63) / 64 }

// fresh makes clients hold nothing.
func (l *ledger) fresh(clients ...*holdings) {
	for _, h := range clients {
		if h.held == nil {
			h.held, h.good = make([]uint64, l.words()), make([]uint64, l.words())
		}
		clear(h.held)
		clear(h.good)
	}
	for w := range l.words() {
		word, mask := l.word(uint32(w)), l.inWord(w)
		for _, h := range clients {
			word.renew(h, mask)
		}
	}
	for _, h := range clients {
		h.count(len(l.want))
	}
}

// inWord is a mask of the routes that exist in a word.
func (l *ledger) inWord(w int) uint64 {
	if n := len(l.want) - w*64; n < 64 {
		return 1<<n - 1
	}
	return ^uint64(0)
}

func (h *holdings) count(routes int) {
	h.bad = routes
	for _, good := range h.good {
		h.bad -= bits.OnesCount64(good)
	}
}

// begin starts a phase: the routes get new attributes, which every client is to
// hear of, though they be the old ones (as on a refresh).
func (l *ledger) begin(changes []change, clients []*holdings) {
	touched := map[uint32]uint64{}
	for _, c := range changes {
		l.want[c.route] = c.attr
		touched[c.route/64] |= 1 << (c.route % 64)
	}
	l.phase++
	for w, mask := range touched {
		word := l.word(w)
		for _, h := range clients {
			before := h.good[w]
			word.renew(h, mask)
			h.bad += bits.OnesCount64(before) - bits.OnesCount64(h.good[w])
		}
	}
}

// wanted is one word of want, as masks.
type wanted struct {
	word   uint32
	absent uint64
	owners []owned
}

type owned struct {
	client int32
	mask   uint64
}

func (l *ledger) word(w uint32) wanted {
	v := wanted{word: w}
	end := min(len(l.want), int(w)*64+64)
	for i, id := range l.want[w*64 : end] {
		if id == absent {
			v.absent |= 1 << i
			continue
		}
		owner := l.sets.owner(id)
		at := slices.IndexFunc(v.owners, func(o owned) bool { return o.client == owner })
		if at < 0 {
			at, v.owners = len(v.owners), append(v.owners, owned{client: owner})
		}
		v.owners[at].mask |= 1 << i
	}
	return v
}

// renew forgets what was good among some routes of a word. What a client need not
// hold and does not hold is good from the start.
func (v *wanted) renew(h *holdings, mask uint64) {
	free := v.absent
	for _, o := range v.owners {
		if o.client == h.client {
			free |= o.mask
		}
	}
	h.good[v.word] = h.good[v.word]&^mask | free&mask&^h.held[v.word]
}

// apply enters an UPDATE. The summary may be used again, by the same thread.
func (l *ledger) apply(s *summary, h *holdings) {
	if s.phase != l.phase {
		l.refresh(s)
	}
	for i, sp := range s.withdrawn {
		h.held[sp.word] &^= sp.mask
		good := s.gone[i]
		if good != sp.mask {
			good |= l.own(sp, h.client)
		}
		h.enter(sp, good)
	}
	for i, sp := range s.announced {
		h.held[sp.word] |= sp.mask
		h.enter(sp, s.wanted[i])
	}
}

func (h *holdings) enter(sp span, good uint64) {
	before := h.good[sp.word]
	after := before&^sp.mask | good
	h.good[sp.word] = after
	h.bad += bits.OnesCount64(before) - bits.OnesCount64(after)
}

// refresh computes what a phase wants of an UPDATE's routes.
func (l *ledger) refresh(s *summary) {
	s.gone, s.wanted = s.gone[:0], s.wanted[:0]
	for _, sp := range s.withdrawn {
		s.gone = append(s.gone, l.matching(sp, absent))
	}
	for _, sp := range s.announced {
		good := uint64(0)
		if s.attr != absent {
			good = l.matching(sp, s.attr)
		}
		s.wanted = append(s.wanted, good)
	}
	s.phase = l.phase
}

// matching is those of some routes that are wanted with an attribute set.
func (l *ledger) matching(sp span, attr attrID) (mask uint64) {
	for left := sp.mask; left != 0; left &= left - 1 {
		if i := bits.TrailingZeros64(left); l.want[int(sp.word)*64+i] == attr {
			mask |= 1 << i
		}
	}
	return mask
}

// own is those of some routes that the client itself announces.
func (l *ledger) own(sp span, client int32) (mask uint64) {
	for left := sp.mask; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		if id := l.want[int(sp.word)*64+i]; id != absent && l.sets.owner(id) == client {
			mask |= 1 << i
		}
	}
	return mask
}
