package routes

import (
	"encoding/binary"
	"net/netip"

	"heddle/bgp"
)

// key4 and key6 are prefixes as the table has them: a third of a netip.Prefix.
type (
	key4 struct {
		addr uint32
		bits uint8
	}
	key6 struct {
		hi, lo uint64
		bits   uint8
	}
)

// key is what a table is indexed by.
type key interface {
	comparable
	hash() uint64
	prefix() netip.Prefix
	length() uint8
}

func (k key4) length() uint8 { return k.bits }
func (k key6) length() uint8 { return k.bits }

// hash has neighbours of a length stay neighbours, sixteen in a cache line of the index:
// a load comes in order, and so lie the entries that it leads to.
func (k key4) hash() uint64 {
	n := uint64(k.addr) >> (32 - k.bits)
	return scatter(n>>4<<8|uint64(k.bits))&^15 | n&15
}

func (k key6) hash() uint64 { return scatter(k.hi ^ scatter(k.lo^uint64(k.bits))) }

// scatter is the finaliser of MurmurHash3.
func scatter(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func (k key4) prefix() netip.Prefix {
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], k.addr)
	return netip.PrefixFrom(netip.AddrFrom4(octets), int(k.bits))
}

func (k key6) prefix() netip.Prefix {
	var octets [16]byte
	binary.BigEndian.PutUint64(octets[:8], k.hi)
	binary.BigEndian.PutUint64(octets[8:], k.lo)
	return netip.PrefixFrom(netip.AddrFrom16(octets), int(k.bits))
}

// keyOf4 and keyOf6 take masked prefixes of their family.
func keyOf4(p netip.Prefix) key4 {
	octets := p.Addr().As4()
	return key4{binary.BigEndian.Uint32(octets[:]), uint8(p.Bits())}
}

func keyOf6(p netip.Prefix) key6 {
	octets := p.Addr().As16()
	return key6{binary.BigEndian.Uint64(octets[:8]), binary.BigEndian.Uint64(octets[8:]), uint8(p.Bits())}
}

func familyOf(p netip.Prefix) bgp.Family { return bgp.FamilyOf(p.Addr()) }

// entry is a prefix of the table.
type entry[K key] struct {
	key   K
	first uint32 // of its paths; 0: none
	hops  uint32 // chosen and handed out by Flush; 0: none
	tags  uint32 // likewise
	flags uint8
}

const (
	dirty   uint8 = 1 << iota // Flush is to look at it
	seen                      // the kernel has it, as far as a reading got
	refused                   // it has paths, and must not be used
)

// half is the table of one family: entries, and an index of open addressing over them.
type half[K key] struct {
	entries slab[entry[K]]
	slots   []uint32 // numbers of entries; 0: free
	used    int
	dirty   []uint32
	lengths [129]int // how many prefixes of each length there are
}

func (h *half[K]) find(k K) uint32 {
	if len(h.slots) == 0 {
		return 0
	}
	for i := h.home(k); ; i = (i + 1) & (len(h.slots) - 1) {
		id := h.slots[i]
		if id == 0 || h.entries.at(id).key == k {
			return id
		}
	}
}

func (h *half[K]) home(k K) int { return int(k.hash() & uint64(len(h.slots)-1)) }

// put makes the entry of a prefix that has none.
func (h *half[K]) put(k K) uint32 {
	if h.used*4 >= len(h.slots)*3 {
		h.grow()
	}
	id := h.entries.take()
	h.entries.at(id).key = k
	h.place(k, id)
	h.used++
	h.lengths[k.length()]++
	return id
}

func (h *half[K]) place(k K, id uint32) {
	i := h.home(k)
	for h.slots[i] != 0 {
		i = (i + 1) & (len(h.slots) - 1)
	}
	h.slots[i] = id
}

func (h *half[K]) grow() {
	old := h.slots
	h.slots = make([]uint32, max(64, 2*len(old)))
	for _, id := range old {
		if id != 0 {
			h.place(h.entries.at(id).key, id)
		}
	}
}

// remove frees an entry, and closes the gap it leaves: what was pushed on by it moves
// up, so that no search ends early.
func (h *half[K]) remove(id uint32) {
	k := h.entries.at(id).key
	mask := len(h.slots) - 1
	gap := h.home(k)
	for h.slots[gap] != id {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; h.slots[i] != 0; i = (i + 1) & mask {
		home := h.home(h.entries.at(h.slots[i]).key)
		if (i-home)&mask >= (i-gap)&mask {
			h.slots[gap], gap = h.slots[i], i
		}
	}
	h.slots[gap] = 0
	h.entries.release(id)
	h.used--
	h.lengths[k.length()]--
}

// each visits every entry; those that the visit removes, too.
func (h *half[K]) each(visit func(id uint32, e *entry[K]) bool) bool {
	for id := uint32(1); id <= h.entries.next; id++ {
		if e := h.entries.at(id); e.first != 0 || e.hops != 0 || e.tags != 0 || e.flags != 0 {
			if !visit(id, e) {
				return false
			}
		}
	}
	return true
}

func (h *half[K]) touch(id uint32) {
	if e := h.entries.at(id); e.flags&dirty == 0 {
		e.flags |= dirty
		h.dirty = append(h.dirty, id)
	}
}
