package reflector

import (
	"sync/atomic"

	"heddle/reflector/rib"
)

// link is one chunk in the log of a group. Feeds hold the link they consumed last
// and follow next, which the loop sets once: reading takes no lock, and a link
// that nobody can reach any more is the garbage collector's.
type link struct {
	chunk   *rib.Chunk
	seq     uint64
	version uint64 // the table as of this link
	next    atomic.Pointer[link]
}

// log is what a group was told lately, oldest first. The loop owns it.
type log struct {
	last   *link // newest; never nil
	first  *link // oldest that some feed may still need; nil when there is none
	octets int   // from first to last
	total  int   // ever appended
}

func newLog(version uint64) log { return log{last: &link{version: version}} }

// append adds chunks.
func (l *log) append(chunks []*rib.Chunk) {
	for _, c := range chunks {
		n := &link{chunk: c, seq: l.last.seq + 1, version: c.Version}
		l.last.next.Store(n)
		l.last = n
		if l.first == nil {
			l.first = n
		}
		l.octets += len(c.Octets)
		l.total += len(c.Octets)
	}
}

// trim forgets the links up to seq.
func (l *log) trim(seq uint64) {
	for l.first != nil && l.first.seq <= seq {
		l.octets -= len(l.first.chunk.Octets)
		l.first = l.first.next.Load()
	}
}

// cut says up to which link the log must be trimmed to hold no more than limit
// octets; 0 when it does.
func (l *log) cut(limit int) uint64 {
	octets, seq := l.octets, uint64(0)
	for n := l.first; n != nil && octets > limit; n = n.next.Load() {
		octets -= len(n.chunk.Octets)
		seq = n.seq
	}
	return seq
}
