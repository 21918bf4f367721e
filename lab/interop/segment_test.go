package interop

import (
	"encoding/binary"
	"net/netip"
)

// segment is a TCP segment as it came by.
type segment struct {
	from, to      netip.AddrPort
	seq           uint32
	syn, fin, rst bool
	payload       []byte
}

// readSegment reads an Ethernet frame; ok is false for what is not TCP.
func readSegment(b []byte) (s segment, ok bool) {
	if len(b) < 14 {
		return s, false
	}
	var from, to netip.Addr
	var tcp []byte
	switch packet := b[14:]; {
	case b[12] == 0x08 && b[13] == 0x00 && len(packet) >= 20 && packet[9] == 6:
		from, to = netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
		tcp = packet[4*int(packet[0]&15) : binary.BigEndian.Uint16(packet[2:])]
	case b[12] == 0x86 && b[13] == 0xdd && len(packet) >= 40 && packet[6] == 6:
		from, to = netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
		tcp = packet[40 : 40+int(binary.BigEndian.Uint16(packet[4:]))]
	}
	if len(tcp) < 20 {
		return s, false
	}
	flags := tcp[13]
	return segment{
		from: netip.AddrPortFrom(from, binary.BigEndian.Uint16(tcp)), to: netip.AddrPortFrom(to, binary.BigEndian.Uint16(tcp[2:])),
		seq: binary.BigEndian.Uint32(tcp[4:]), fin: flags&1 != 0, syn: flags&2 != 0, rst: flags&4 != 0,
		payload: tcp[4*int(tcp[12]>>4):],
	}, true
}

// stream puts the segments of one direction in order.
type stream struct {
	next  uint32
	early map[uint32][]byte
}

func newStream(first uint32) stream { return stream{next: first, early: map[uint32][]byte{}} }

// take returns the octets that a segment makes known, if any.
func (s *stream) take(seq uint32, payload []byte) []byte {
	if len(payload) > 0 {
		s.early[seq] = append([]byte(nil), payload...)
	}
	var out []byte
	for again := true; again; {
		again = false
		for at, p := range s.early {
			skip := int32(s.next - at)
			if skip < 0 {
				continue
			}
			delete(s.early, at)
			if int(skip) < len(p) {
				out = append(out, p[skip:]...)
				s.next += uint32(len(p)) - uint32(skip)
				again = true
			}
		}
	}
	return out
}
