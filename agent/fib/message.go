package fib

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// native is the order of octets in netlink, the machine's own.
var native = binary.NativeEndian

// attrType cuts the flags off an attribute's type (NLA_TYPE_MASK).
const attrType = 0x3fff

// Sizes of what follows the header of a message.
const (
	headerSize   = unix.SizeofNlMsghdr
	routeSize    = unix.SizeofRtMsg
	linkSize     = unix.SizeofIfInfomsg
	addressSize  = unix.SizeofIfAddrmsg
	neighborSize = unix.SizeofNdMsg
	attrSize     = unix.SizeofRtAttr
	hopSize      = unix.SizeofRtNexthop
)

// begin appends a message's header and room for what comes before its attributes.
func begin(b []byte, kind int, flags uint16, seq uint32, fixed int) []byte {
	b = append(b, 0, 0, 0, 0)
	b = native.AppendUint16(b, uint16(kind))
	b = native.AppendUint16(b, flags|unix.NLM_F_REQUEST)
	b = native.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0)
	var zero [16]byte
	return append(b, zero[:fixed]...)
}

// end writes the length of the message that starts at an offset.
func end(b []byte, start int) { native.PutUint32(b[start:], uint32(len(b)-start)) }

func appendAttr(b []byte, kind uint16, size int) []byte {
	b = native.AppendUint16(b, uint16(attrSize+size))
	return native.AppendUint16(b, kind)
}

func appendUint32(b []byte, kind uint16, v uint32) []byte {
	return native.AppendUint32(appendAttr(b, kind, 4), v)
}

// appendAddr takes IPv4 and IPv6 addresses; the kernel knows them by length.
func appendAddr(b []byte, kind uint16, a netip.Addr) []byte {
	if a.Is4() {
		raw := a.As4()
		return append(appendAttr(b, kind, 4), raw[:]...)
	}
	raw := a.As16()
	return append(appendAttr(b, kind, 16), raw[:]...)
}

// align is to where the next attribute or message starts.
func align(n int) int { return (n + 3) &^ 3 }

// attributes is what remains of a list of attributes.
type attributes []byte

// next cuts off the first attribute; ok is false when there is none.
func (a *attributes) next() (kind uint16, value []byte, ok bool) {
	b := *a
	if len(b) < attrSize {
		return 0, nil, false
	}
	size := int(native.Uint16(b))
	if size < attrSize || size > len(b) {
		return 0, nil, false
	}
	*a = b[min(align(size), len(b)):]
	return native.Uint16(b[2:]) & attrType, b[attrSize:size], true
}

// message is one that came from the kernel.
type message struct {
	kind, flags uint16
	seq         uint32
	payload     []byte
}

// cut takes the first message from what was read.
func cut(b []byte) (m message, rest []byte, ok bool) {
	if len(b) < headerSize {
		return message{}, nil, false
	}
	size := int(native.Uint32(b))
	if size < headerSize || size > len(b) {
		return message{}, nil, false
	}
	m = message{native.Uint16(b[4:]), native.Uint16(b[6:]), native.Uint32(b[8:]), b[headerSize:size]}
	return m, b[min(align(size), len(b)):], true
}

// verdict is what an NLMSG_ERROR or NLMSG_DONE says: nil for success, else an
// errno, with the kernel's own words where it has some.
func (m message) verdict() error {
	if len(m.payload) < 4 {
		return nil // NLMSG_DONE without a word
	}
	code := int32(native.Uint32(m.payload))
	if code == 0 {
		return nil
	}
	err := unix.Errno(-code)
	rest := m.payload[4:]
	if m.kind == unix.NLMSG_ERROR && len(rest) >= headerSize {
		// The request comes back, without its body since NETLINK_CAP_ACK.
		rest = rest[headerSize:]
	}
	if m.flags&unix.NLM_F_ACK_TLVS == 0 {
		return err
	}
	for list := attributes(rest); ; {
		kind, value, ok := list.next()
		if !ok {
			return err
		}
		if kind == unix.NLMSGERR_ATTR_MSG {
			return fmt.Errorf("%w: %s", err, unix.ByteSliceToString(value))
		}
	}
}

// afOf is the kernel's number of an address' family.
func afOf(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// af is the kernel's number of a family.
func af(f bgp.Family) uint8 {
	if f == bgp.IPv4Unicast {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// prefixFrom reads an address of a family that may be left out when it is zero.
func prefixFrom(family, bits uint8, raw []byte) netip.Prefix {
	addr, ok := netip.AddrFromSlice(raw)
	switch {
	case ok:
	case family == unix.AF_INET:
		addr = netip.IPv4Unspecified()
	default:
		addr = netip.IPv6Unspecified()
	}
	return netip.PrefixFrom(addr, int(bits))
}
