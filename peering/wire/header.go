package wire

import (
	"encoding/binary"

	"heddle/bgp"
)

// Type is the type octet of a message (RFC 4271 §4.1).
type Type uint8

// Message types.
const (
	TypeOpen         Type = 1
	TypeUpdate       Type = 2
	TypeNotification Type = 3
	TypeKeepalive    Type = 4
	TypeRouteRefresh Type = 5 // RFC 2918
)

// String is the name as RFC 4271 writes it.
func (t Type) String() string {
	switch t {
	case TypeOpen:
		return "OPEN"
	case TypeUpdate:
		return "UPDATE"
	case TypeNotification:
		return "NOTIFICATION"
	case TypeKeepalive:
		return "KEEPALIVE"
	case TypeRouteRefresh:
		return "ROUTE-REFRESH"
	}
	return "unknown message"
}

const (
	// HeaderLength is the size of the fixed header in octets.
	HeaderLength = 19
	// MaxMessage is the longest message without RFC 8654.
	MaxMessage = 4096
	// MaxExtendedMessage is the longest message with it; OPEN and KEEPALIVE stay
	// below MaxMessage (RFC 8654 §4).
	MaxExtendedMessage = 65535
)

const markerWord = 0xffffffffffffffff

// ParseHeader reads the header at the front of b, which holds at least
// HeaderLength octets. length counts the header; limit is the longest message
// the session allows. The error is the NOTIFICATION RFC 4271 §6.1 asks for.
func ParseHeader(b []byte, limit int) (length int, typ Type, fault *bgp.Notification) {
	if binary.BigEndian.Uint64(b) != markerWord || binary.BigEndian.Uint64(b[8:]) != markerWord {
		return 0, 0, &bgp.Notification{Code: bgp.CodeHeader, Subcode: bgp.HeaderNotSynchronized}
	}
	length, typ = int(binary.BigEndian.Uint16(b[16:])), Type(b[18])
	shortest, longest, known := bounds(typ, limit)
	if length < shortest || length > longest {
		return 0, 0, &bgp.Notification{Code: bgp.CodeHeader, Subcode: bgp.HeaderBadLength, Data: []byte{b[16], b[17]}}
	}
	if !known {
		return 0, 0, &bgp.Notification{Code: bgp.CodeHeader, Subcode: bgp.HeaderBadType, Data: []byte{b[18]}}
	}
	return length, typ, nil
}

func bounds(typ Type, limit int) (shortest, longest int, known bool) {
	switch typ {
	case TypeOpen:
		return HeaderLength + 10, MaxMessage, true
	case TypeUpdate:
		return HeaderLength + 4, limit, true
	case TypeNotification:
		return HeaderLength + 2, limit, true
	case TypeKeepalive:
		return HeaderLength, HeaderLength, true
	case TypeRouteRefresh:
		// Whether the body is right is judged by RFC 7313 §5, which has a code of its own.
		return HeaderLength, limit, true
	}
	return HeaderLength, limit, false
}

func appendHeader(dst []byte, length int, typ Type) []byte {
	dst = binary.BigEndian.AppendUint64(dst, markerWord)
	dst = binary.BigEndian.AppendUint64(dst, markerWord)
	dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	return append(dst, byte(typ))
}

// AppendKeepalive appends a KEEPALIVE.
func AppendKeepalive(dst []byte) []byte { return appendHeader(dst, HeaderLength, TypeKeepalive) }

// AppendNotification appends a NOTIFICATION. Data beyond what a message holds is
// cut: the code and the reason at the front are what the peer's operator needs.
func AppendNotification(dst []byte, n *bgp.Notification) []byte {
	data := n.Data
	if len(data) > MaxMessage-HeaderLength-2 {
		data = data[:MaxMessage-HeaderLength-2]
	}
	dst = appendHeader(dst, HeaderLength+2+len(data), TypeNotification)
	dst = append(dst, byte(n.Code), n.Subcode)
	return append(dst, data...)
}

// ParseNotification reads the body of a NOTIFICATION; ParseHeader has seen to it
// that code and subcode are there. Data is a copy.
func ParseNotification(body []byte) *bgp.Notification {
	return &bgp.Notification{
		Code:    bgp.Code(body[0]),
		Subcode: body[1],
		Data:    append([]byte(nil), body[2:]...),
	}
}
