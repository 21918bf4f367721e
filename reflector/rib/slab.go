package rib

// ref is the place of a record in a slab; 0 is no record.
type ref uint32

const (
	slabShift = 12
	slabSize  = 1 << slabShift
)

// slab is an array of records that grows by whole blocks: nothing is copied when
// it grows, a record never moves, and records without pointers cost the garbage
// collector one look per block. Freed records are used again, last first.
type slab[T any] struct {
	blocks []*[slabSize]T
	top    ref   // records [1, top) were handed out at least once
	spare  []ref // freed records
}

func (s *slab[T]) at(r ref) *T { return &s.blocks[r>>slabShift][r&(slabSize-1)] }

func (s *slab[T]) alloc() ref {
	if n := len(s.spare); n > 0 {
		r := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return r
	}
	if s.top == 0 {
		s.top = 1
	}
	if int(s.top>>slabShift) == len(s.blocks) {
		s.blocks = append(s.blocks, new([slabSize]T))
	}
	s.top++
	return s.top - 1
}

func (s *slab[T]) free(r ref) {
	var zero T
	*s.at(r) = zero
	s.spare = append(s.spare, r)
}
