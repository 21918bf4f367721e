package routes

// slab holds values of one kind by number, from 1. What is freed is used again; memory
// grows a chunk at a time, so that growing copies nothing.
type slab[T any] struct {
	chunks [][]T
	free   []uint32
	next   uint32 // that was never used, less 1
}

const (
	chunkBits = 12
	chunkSize = 1 << chunkBits
)

func (s *slab[T]) at(id uint32) *T {
	id--
	return &s.chunks[id>>chunkBits][id&(chunkSize-1)]
}

// take gives a number whose value is zero.
func (s *slab[T]) take() uint32 {
	if n := len(s.free); n > 0 {
		id := s.free[n-1]
		s.free = s.free[:n-1]
		return id
	}
	if s.next == uint32(len(s.chunks)*chunkSize) {
		s.chunks = append(s.chunks, make([]T, chunkSize))
	}
	s.next++
	return s.next
}

func (s *slab[T]) release(id uint32) {
	var zero T
	*s.at(id) = zero
	s.free = append(s.free, id)
}

func (s *slab[T]) live() int { return int(s.next) - len(s.free) }

// pool holds each value once, for as long as somebody refers to it; a value is known
// by its number, from 1.
type pool[K comparable, V any] struct {
	ids   map[K]uint32
	slots slab[pooled[K, V]]
}

type pooled[K comparable, V any] struct {
	key   K
	value V
	refs  int
}

func (p *pool[K, V]) find(key K) (id uint32, ok bool) {
	id, ok = p.ids[key]
	return id, ok
}

// add takes a value that is not there yet, with no reference to it.
func (p *pool[K, V]) add(key K, value V) uint32 {
	if p.ids == nil {
		p.ids = map[K]uint32{}
	}
	id := p.slots.take()
	*p.slots.at(id) = pooled[K, V]{key: key, value: value}
	p.ids[key] = id
	return id
}

func (p *pool[K, V]) value(id uint32) *V { return &p.slots.at(id).value }

func (p *pool[K, V]) ref(id uint32) {
	if id != 0 {
		p.slots.at(id).refs++
	}
}

// unref says whether that was the last reference, after which the number is free.
func (p *pool[K, V]) unref(id uint32) (last bool) {
	if id == 0 {
		return false
	}
	slot := p.slots.at(id)
	if slot.refs--; slot.refs > 0 {
		return false
	}
	delete(p.ids, slot.key)
	p.slots.release(id)
	return true
}
