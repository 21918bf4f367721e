package interop

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// The types of messages (RFC 4271 §4.1, RFC 2918 §3).
const (
	typeOpen         = 1
	typeUpdate       = 2
	typeNotification = 3
	typeKeepalive    = 4
	typeRefresh      = 5
)

var typeNames = [...]string{"", "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"}

// message is one BGP message.
type message struct {
	typ   byte
	body  []byte
	whole []byte
}

// framer cuts a stream into messages.
type framer struct{ rest []byte }

func (f *framer) feed(octets []byte) ([]message, error) {
	f.rest = append(f.rest, octets...)
	var list []message
	for len(f.rest) >= 19 {
		length := int(binary.BigEndian.Uint16(f.rest[16:]))
		if length < 19 || f.rest[18] < typeOpen || f.rest[18] > typeRefresh {
			return list, fmt.Errorf("not a message: % x", f.rest[:19])
		}
		if len(f.rest) < length {
			break
		}
		list = append(list, message{f.rest[18], f.rest[19:length:length], f.rest[:length:length]})
		f.rest = f.rest[length:]
	}
	return list, nil
}

func frame(typ byte, body []byte) []byte {
	m := make([]byte, 16, 19+len(body))
	for i := range m {
		m[i] = 0xff
	}
	m = binary.BigEndian.AppendUint16(m, uint16(19+len(body)))
	return append(append(m, typ), body...)
}

// hello is what an OPEN says, as far as the tests care.
type hello struct {
	asn         uint32
	hold        uint16
	routerID    netip.Addr
	ipv4, ipv6  bool
	narrow      bool // without four-octet AS numbers
	enhanced    bool // enhanced route refresh
	extended    bool // extended messages
	restart     bool // graceful restart, for both families
	restartTime uint16
}

// open is the OPEN message that says it.
func (h hello) open() []byte {
	var capabilities []byte
	add := func(code byte, value ...byte) {
		capabilities = append(append(capabilities, code, byte(len(value))), value...)
	}
	if h.ipv4 {
		add(1, 0, 1, 0, 1)
	}
	if h.ipv6 {
		add(1, 0, 2, 0, 1)
	}
	add(2)
	if h.enhanced {
		add(70)
	}
	if h.extended {
		add(6)
	}
	if h.restart {
		add(64, byte(h.restartTime>>8), byte(h.restartTime), 0, 1, 1, 0x80, 0, 2, 1, 0x80)
	}
	if !h.narrow {
		add(65, binary.BigEndian.AppendUint32(nil, h.asn)...)
	}
	body := []byte{4}
	body = binary.BigEndian.AppendUint16(body, uint16(h.asn))
	body = binary.BigEndian.AppendUint16(body, h.hold)
	body = append(body, h.routerID.AsSlice()...)
	body = append(body, byte(len(capabilities)+2), 2, byte(len(capabilities)))
	return frame(typeOpen, append(body, capabilities...))
}

// readOpen reads the body of an OPEN. A peer that names no family speaks IPv4.
func readOpen(body []byte) hello {
	h := hello{
		asn: uint32(binary.BigEndian.Uint16(body[1:])), hold: binary.BigEndian.Uint16(body[3:]),
		routerID: netip.AddrFrom4([4]byte(body[5:9])), narrow: true,
	}
	for params := body[10:]; len(params) >= 2; params = params[2+int(params[1]):] {
		for caps := params[2 : 2+int(params[1])]; len(caps) >= 2; caps = caps[2+int(caps[1]):] {
			h.capability(caps[0], caps[2:2+int(caps[1])])
		}
	}
	if !h.ipv4 && !h.ipv6 {
		h.ipv4 = true
	}
	return h
}

func (h *hello) capability(code byte, value []byte) {
	switch code {
	case 1:
		h.ipv4 = h.ipv4 || value[1] == 1 && value[3] == 1
		h.ipv6 = h.ipv6 || value[1] == 2 && value[3] == 1
	case 64:
		h.restart = len(value) > 2
		h.restartTime = binary.BigEndian.Uint16(value) & 0xfff
	case 65:
		h.narrow, h.asn = false, binary.BigEndian.Uint32(value)
	case 70:
		h.enhanced = true
	}
}
