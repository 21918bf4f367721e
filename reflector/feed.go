package reflector

import (
	"sync"
	"sync/atomic"

	"heddle/bgp"
	"heddle/reflector/rib"
)

// feed is what one session takes its octets from: a position, not a queue. The
// session's writer calls Next; the loop moves it between three ways of reading:
//
//	stages    private or shared chunks that come before the rest of the log: the
//	          snapshot of a peer that joined or asked for a refresh, steps of a walk
//	log       the group's chunks, in order
//	walk      the table itself, for a feed that fell off the log; the loop does a step
//	          when the feed is hungry and puts it in a stage
type feed struct {
	to     rib.Receiver // under mu once the feed is attached
	hunger func()       // tells the loop that a walking feed wants its next step
	// seen is the version of the table up to which the peer was given everything, and
	// passed the last link taken from the log. The loop reads them without the lock.
	seen   atomic.Uint64
	passed atomic.Uint64

	mu     sync.Mutex
	stages []stage
	at     *link // consumed last; nil while walking
	hungry bool
}

// stage is chunks to send once the log was read up to a link: at once if that is
// nil.
type stage struct {
	after  *link
	chunks []*rib.Chunk
	family bgp.Family    // of the refresh it answers; none: it is End-of-RIB
	begun  bool          // some of it is sent
	to     *rib.Receiver // whom everything after it is for, if that changes
}

// Next implements session.Stream.
func (f *feed) Next(octets [][]byte, limit int) ([][]byte, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	messages := 0
	for limit > 0 {
		chunk := f.take()
		if chunk == nil {
			break
		}
		before := len(octets)
		var n int
		octets, n = chunk.Gather(octets, f.to)
		messages += n
		for _, o := range octets[before:] {
			limit -= len(o)
		}
	}
	return octets, messages
}

// take returns the next chunk, or nil when there is none yet.
func (f *feed) take() *rib.Chunk {
	for len(f.stages) > 0 {
		s := &f.stages[0]
		if s.after != nil && f.at != s.after {
			return f.follow()
		}
		if len(s.chunks) > 0 {
			chunk := s.chunks[0]
			s.chunks, s.begun = s.chunks[1:], true
			return chunk
		}
		if s.to != nil {
			f.to = *s.to
		}
		f.stages = f.stages[1:]
	}
	f.stages = nil
	if f.at == nil {
		if !f.hungry {
			f.hungry = true
			f.hunger()
		}
		return nil
	}
	return f.follow()
}

// follow takes the next chunk of the log.
func (f *feed) follow() *rib.Chunk {
	next := f.at.next.Load()
	if next == nil {
		return nil
	}
	f.at = next
	f.seen.Store(next.version)
	f.passed.Store(next.seq)
	return next.chunk
}

// join starts the feed with a snapshot; after it, the log goes on from at.
func (f *feed) join(at *link, version uint64, chunks []*rib.Chunk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = at
	f.seen.Store(version)
	f.passed.Store(at.seq)
	f.stages = append(f.stages, stage{chunks: chunks})
}

// refresh has chunks sent when the feed has read the log up to a link.
func (f *feed) refresh(after *link, family bgp.Family, chunks []*rib.Chunk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stages = append(f.stages, stage{after: after, chunks: chunks, family: family})
}

// relocate has chunks sent, and everything after them as to another receiver, when the
// feed has read the log up to a link.
func (f *feed) relocate(after *link, to rib.Receiver, chunks []*rib.Chunk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stages = append(f.stages, stage{after: after, chunks: chunks, to: &to})
}

// receiver is whom the feed is to be for when all is sent.
func (f *feed) receiver() rib.Receiver {
	f.mu.Lock()
	defer f.mu.Unlock()
	to := f.to
	for _, s := range f.stages {
		if s.to != nil {
			to = *s.to
		}
	}
	return to
}

// refreshing says whether a whole refresh of the family is waiting to be sent: one that
// was begun does not answer what is asked now.
func (f *feed) refreshing(family bgp.Family) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.stages {
		if s.family == family && !s.begun {
			return true
		}
	}
	return false
}

// idle says whether everything was taken from the feed.
func (f *feed) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.stages) == 0 && f.at != nil && f.at.next.Load() == nil
}

// fall takes a feed off the log if it has not got beyond seq, and returns the
// walk that brings it back. Refreshes whose place in the log is lost are
// returned, to be answered when the feed is level.
func (f *feed) fall(seq uint64) (w *rib.Walk, lost []bgp.Family) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil || f.at.seq >= seq {
		return nil, nil
	}
	kept := f.stages[:0]
	for _, s := range f.stages {
		if s.after != nil && s.after != f.at {
			if s.to == nil {
				lost = append(lost, s.family)
			}
			continue
		}
		s.after = nil
		kept = append(kept, s)
	}
	f.stages, f.at = kept, nil
	return &rib.Walk{Since: f.seen.Load()}, lost
}

// wants says whether a walking feed is out of chunks.
func (f *feed) wants() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hungry
}

// step gives a walking feed more. With at, it is level with the table and goes on
// from there.
func (f *feed) step(chunks []*rib.Chunk, at *link, version uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hungry = false
	f.stages = append(f.stages, stage{chunks: chunks})
	f.seen.Store(version)
	if at != nil {
		f.at = at
		f.passed.Store(at.seq)
	}
}
