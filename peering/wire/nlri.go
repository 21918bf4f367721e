package wire

import (
	"encoding/binary"
	"net/netip"

	"heddle/bgp"
)

// NLRI is a run of encoded prefixes of one family: each a length in bits and as
// many octets as that needs (RFC 4271 §4.3). A value that came out of a Decoder
// is well-formed, so that walking it needs no checks. Where the peer sends path
// identifiers, four octets of them stand in front of each prefix (RFC 7911 §3).
type NLRI []byte

// NextPath takes the path identifier off the front.
func (n NLRI) NextPath() (id uint32, rest NLRI) { return binary.BigEndian.Uint32(n), n[pathID:] }

// Next4 takes the first IPv4 prefix off a non-empty, well-formed run. Bits
// beyond the length are cleared: RFC 4271 calls them irrelevant.
func (n NLRI) Next4() (addr uint32, bits uint8, rest NLRI) {
	bits = n[0]
	if bits == 32 {
		return binary.BigEndian.Uint32(n[1:5]), bits, n[5:]
	}
	size := (int(bits) + 7) / 8
	for i, octet := range n[1 : 1+size] {
		addr |= uint32(octet) << (24 - 8*i)
	}
	return addr &^ (1<<(32-bits) - 1), bits, n[1+size:]
}

// Next6 takes the first IPv6 prefix off a non-empty, well-formed run, as the
// upper and lower half of the address.
func (n NLRI) Next6() (hi, lo uint64, bits uint8, rest NLRI) {
	bits = n[0]
	if bits == 128 {
		return binary.BigEndian.Uint64(n[1:9]), binary.BigEndian.Uint64(n[9:17]), bits, n[17:]
	}
	size := (int(bits) + 7) / 8
	var octets [16]byte
	copy(octets[:], n[1:1+size])
	hi, lo = binary.BigEndian.Uint64(octets[:8]), binary.BigEndian.Uint64(octets[8:])
	if bits <= 64 {
		return hi &^ (1<<(64-bits) - 1), 0, bits, n[1+size:]
	}
	return hi, lo &^ (1<<(128-bits) - 1), bits, n[1+size:]
}

// Prefixes lists a well-formed run; for tests and tools, not for the hot path.
func (n NLRI) Prefixes(family bgp.Family) []netip.Prefix {
	var list []netip.Prefix
	for len(n) > 0 {
		var octets [16]byte
		size := (int(n[0]) + 7) / 8
		copy(octets[:], n[1:1+size])
		addr := netip.AddrFrom16(octets)
		if family == bgp.IPv4Unicast {
			addr = netip.AddrFrom4([4]byte(octets[:4]))
		}
		list = append(list, netip.PrefixFrom(addr, int(n[0])).Masked())
		n = n[1+size:]
	}
	return list
}

// AppendPrefix appends the encoding of a prefix.
func (n NLRI) AppendPrefix(prefix netip.Prefix) NLRI {
	octets := prefix.Masked().Addr().AsSlice()
	n = append(n, byte(prefix.Bits()))
	return append(n, octets[:(prefix.Bits()+7)/8]...)
}

// inspect checks the framing of a run (RFC 7606 §5.3), and whether all its prefixes
// are such as a unicast table may hold.
func inspect(run []byte, family bgp.Family, ids bool) (wellFormed, unicast bool) {
	longest, suspect := byte(32), byte(0xe0)
	if family == bgp.IPv6Unicast {
		longest, suspect = 128, 0xfe
	}
	unicast = true
	for i := 0; i < len(run); {
		if ids {
			if i += pathID; i >= len(run) {
				return false, false
			}
		}
		bits := run[i]
		if bits > longest {
			return false, false
		}
		next := i + 1 + (int(bits)+7)/8
		if next > len(run) {
			return false, false
		}
		// No prefix that is shorter or begins lower is in question.
		if bits >= 4 && run[i+1] >= suspect && !isUnicast(run[i:next], family) {
			unicast = false
		}
		i = next
	}
	return true, unicast
}

// isUnicast is false for prefixes within 224.0.0.0/4, ff00::/8 and fe80::/10.
func isUnicast(prefix []byte, family bgp.Family) bool {
	bits, octets := prefix[0], prefix[1:]
	if family == bgp.IPv4Unicast {
		return bits < 4 || octets[0]>>4 != 0xe
	}
	multicast := bits >= 8 && octets[0] == 0xff
	linkLocal := bits >= 10 && octets[0] == 0xfe && octets[1]>>6 == 2
	return !multicast && !linkLocal
}

// onlyUnicast drops the other prefixes of a well-formed run, in place.
func (n NLRI) onlyUnicast(family bgp.Family, ids bool) NLRI {
	kept, front := n[:0], 0
	if ids {
		front = pathID
	}
	for len(n) > 0 {
		size := front + 1 + (int(n[front])+7)/8
		if isUnicast(n[front:size], family) {
			kept = append(kept, n[:size]...)
		}
		n = n[size:]
	}
	return kept
}
