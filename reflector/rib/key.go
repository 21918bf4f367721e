package rib

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"heddle/peering/wire"
)

// key is a prefix without its length, host bits zero.
type key[K any] interface {
	comparable
	hash(seed uint64, length uint8) uint64
	prefix(length uint8) netip.Prefix
	pack(p *wire.Packer, length uint8)
	next(n wire.NLRI) (k K, length uint8, rest wire.NLRI)
}

// key4 is an IPv4 address.
type key4 uint32

// key6 is an IPv6 address in halves.
type key6 struct{ hi, lo uint64 }

// mix folds the product of two words: one step of wyhash, which passes SMHasher
// and costs one multiplication. The seed is random per process, so that nobody
// can choose prefixes that collide.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

const (
	mixA = 0xa0761d6478bd642f
	mixB = 0xe7037ed1a0b428db
)

func (k key4) hash(seed uint64, length uint8) uint64 {
	return mix(uint64(k)<<8|uint64(length)^mixA, seed^mixB)
}

func (k key6) hash(seed uint64, length uint8) uint64 {
	return mix(mix(k.hi^seed, k.lo^mixA)^uint64(length), mixB)
}

func (k key4) prefix(length uint8) netip.Prefix {
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], uint32(k))
	return netip.PrefixFrom(netip.AddrFrom4(octets), int(length))
}

func (k key6) prefix(length uint8) netip.Prefix {
	var octets [16]byte
	binary.BigEndian.PutUint64(octets[:8], k.hi)
	binary.BigEndian.PutUint64(octets[8:], k.lo)
	return netip.PrefixFrom(netip.AddrFrom16(octets), int(length))
}

func (k key4) pack(p *wire.Packer, length uint8) { p.Add4(uint32(k), length) }
func (k key6) pack(p *wire.Packer, length uint8) { p.Add6(k.hi, k.lo, length) }

func (key4) next(n wire.NLRI) (key4, uint8, wire.NLRI) {
	addr, length, rest := n.Next4()
	return key4(addr), length, rest
}

func (key6) next(n wire.NLRI) (key6, uint8, wire.NLRI) {
	hi, lo, length, rest := n.Next6()
	return key6{hi, lo}, length, rest
}

func key4Of(addr netip.Addr) key4 {
	octets := addr.As4()
	return key4(binary.BigEndian.Uint32(octets[:]))
}

func key6Of(addr netip.Addr) key6 {
	octets := addr.As16()
	return key6{binary.BigEndian.Uint64(octets[:8]), binary.BigEndian.Uint64(octets[8:])}
}
