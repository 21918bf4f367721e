package bench

import "hash/maphash"

// cache remembers UPDATEs: a reflector sends the same octets to many clients, and
// to hash a message costs a tenth of reading it. It belongs to one thread.
type cache struct {
	seed    maphash.Seed
	entries map[uint64]*summary
	scratch summary
}

const (
	// cacheFrom is how long a message is, in octets, for which the cache pays.
	cacheFrom = 192
	// cacheMost bounds the entries; a full cache starts over.
	cacheMost = 1 << 15
)

func newCache() *cache {
	return &cache{seed: maphash.MakeSeed(), entries: map[uint64]*summary{}}
}

// read gives the summary of an UPDATE, valid until the next call; nil for one that
// is malformed.
func (c *cache) read(r *reader, body []byte) *summary {
	if len(body) < cacheFrom {
		if !r.update(body, &c.scratch) {
			return nil
		}
		return &c.scratch
	}
	key := maphash.Bytes(c.seed, body)
	if s := c.entries[key]; s != nil {
		return s
	}
	s := new(summary)
	if !r.update(body, s) {
		return nil
	}
	if len(c.entries) == cacheMost {
		clear(c.entries)
	}
	c.entries[key] = s
	return s
}
