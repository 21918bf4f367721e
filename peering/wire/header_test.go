package wire_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

// header is the fixed header of a message that says it has so many octets.
func header(length int, typ wire.Type) []byte {
	b := bytes.Repeat([]byte{0xff}, 16)
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	return append(b, byte(typ))
}

// RFC 4271 §6.1, RFC 8654 §4.
func TestHeadersAreJudged(t *testing.T) {
	marked := func(i int, value byte) []byte {
		b := header(19, wire.TypeKeepalive)
		b[i] = value
		return b
	}
	const long = wire.MaxExtendedMessage
	for _, c := range []struct {
		name    string
		octets  []byte
		limit   int
		subcode uint8 // 0: the header is good
		data    []byte
	}{
		{"a KEEPALIVE", header(19, wire.TypeKeepalive), 4096, 0, nil},
		{"a KEEPALIVE with a body", header(20, wire.TypeKeepalive), 4096, 2, []byte{0, 20}},
		{"a marker with its first octet wrong", marked(0, 0), 4096, 1, nil},
		{"a marker with its last octet wrong", marked(15, 0xfe), 4096, 1, nil},
		{"a marker that is wrong comes before a length that is", append(make([]byte, 16), 0, 0, 99), 4096, 1, nil},
		{"length 0", header(0, wire.TypeUpdate), 4096, 2, []byte{0, 0}},
		{"length 18", header(18, wire.TypeUpdate), 4096, 2, []byte{0, 18}},
		{"length 18 of an unknown type", header(18, 9), 4096, 2, []byte{0, 18}},
		{"type 0", header(19, 0), 4096, 3, []byte{0}},
		{"type 6", header(19, 6), 4096, 3, []byte{6}},
		{"type 255 at the limit", header(4096, 255), 4096, 3, []byte{255}},
		{"type 255 beyond the limit", header(4097, 255), 4096, 2, []byte{0x10, 0x01}},
		{"the shortest OPEN", header(29, wire.TypeOpen), 4096, 0, nil},
		{"an OPEN without room for its fields", header(28, wire.TypeOpen), 4096, 2, []byte{0, 28}},
		{"the longest OPEN", header(4096, wire.TypeOpen), 4096, 0, nil},
		{"an OPEN is never extended (RFC 8654 §4)", header(4097, wire.TypeOpen), long, 2, []byte{0x10, 0x01}},
		{"a KEEPALIVE is never extended (RFC 8654 §4)", header(4097, wire.TypeKeepalive), long, 2, []byte{0x10, 0x01}},
		{"the shortest UPDATE", header(23, wire.TypeUpdate), 4096, 0, nil},
		{"an UPDATE without its two lengths", header(22, wire.TypeUpdate), 4096, 2, []byte{0, 22}},
		{"the longest UPDATE", header(4096, wire.TypeUpdate), 4096, 0, nil},
		{"an UPDATE that is too long", header(4097, wire.TypeUpdate), 4096, 2, []byte{0x10, 0x01}},
		{"an extended UPDATE, negotiated", header(4097, wire.TypeUpdate), long, 0, nil},
		{"the longest extended UPDATE", header(65535, wire.TypeUpdate), long, 0, nil},
		{"the shortest NOTIFICATION", header(21, wire.TypeNotification), 4096, 0, nil},
		{"a NOTIFICATION without a subcode", header(20, wire.TypeNotification), 4096, 2, []byte{0, 20}},
		{"an extended NOTIFICATION, negotiated", header(5000, wire.TypeNotification), long, 0, nil},
		{"a NOTIFICATION that is too long", header(5000, wire.TypeNotification), 4096, 2, []byte{0x13, 0x88}},
		{"a ROUTE-REFRESH of any length is judged later (RFC 7313 §5)", header(19, wire.TypeRouteRefresh), 4096, 0, nil},
		{"a ROUTE-REFRESH that is too long", header(4097, wire.TypeRouteRefresh), 4096, 2, []byte{0x10, 0x01}},
	} {
		t.Run(c.name, func(t *testing.T) {
			length, typ, fault := wire.ParseHeader(c.octets, c.limit)
			if c.subcode == 0 {
				if fault != nil || length != int(binary.BigEndian.Uint16(c.octets[16:])) || typ != wire.Type(c.octets[18]) {
					t.Fatalf("length %d, type %s, fault %v", length, typ, fault)
				}
				return
			}
			if fault == nil || fault.Code != bgp.CodeHeader || fault.Subcode != c.subcode || !bytes.Equal(fault.Data, c.data) {
				t.Fatalf("fault is %+v, want 1/%d %x", fault, c.subcode, c.data)
			}
		})
	}
}

func TestTypesHaveNames(t *testing.T) {
	for typ, want := range map[wire.Type]string{
		0: "unknown message", 1: "OPEN", 2: "UPDATE", 3: "NOTIFICATION", 4: "KEEPALIVE", 5: "ROUTE-REFRESH", 6: "unknown message",
	} {
		equal(t, fmt.Sprintf("type %d is", typ), typ.String(), want)
	}
}

func TestKeepaliveIsAHeader(t *testing.T) {
	got := wire.AppendKeepalive([]byte("before"))
	if want := append([]byte("before"), header(19, wire.TypeKeepalive)...); !bytes.Equal(got, want) {
		t.Errorf("KEEPALIVE is %x, want %x", got, want)
	}
}

func TestNotificationsAreReadAsWritten(t *testing.T) {
	for _, n := range []*bgp.Notification{
		{Code: bgp.CodeHoldTimer},
		{Code: bgp.CodeUpdate, Subcode: 9, Data: []byte{0x80, 14, 0}},
		bgp.Cease(bgp.CeaseAdminShutdown, "bye"),
		{Code: 255, Subcode: 255, Data: make([]byte, 4096-21)},
	} {
		message := wire.AppendNotification(nil, n)
		length, typ, fault := wire.ParseHeader(message, wire.MaxMessage)
		if fault != nil || length != len(message) || typ != wire.TypeNotification {
			t.Fatalf("header says %d %s %v of %d octets", length, typ, fault, len(message))
		}
		body := message[19:]
		got := wire.ParseNotification(body)
		if got.Code != n.Code || got.Subcode != n.Subcode || !bytes.Equal(got.Data, n.Data) {
			t.Errorf("read as %+v, written as %+v", got, n)
		}
		clear(body) // the read buffer is used again
		if !bytes.Equal(got.Data, n.Data) {
			t.Error("data aliases the message")
		}
	}
}

// The peer may not take more, whatever it sent us.
func TestANotificationIsCutToAMessage(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 60000)
	message := wire.AppendNotification(nil, &bgp.Notification{Code: bgp.CodeUpdate, Subcode: 9, Data: long})
	if _, _, fault := wire.ParseHeader(message, wire.MaxMessage); fault != nil || len(message) != wire.MaxMessage {
		t.Fatalf("%d octets, fault %v", len(message), fault)
	}
	if !bytes.Equal(message[21:], long[:len(message)-21]) {
		t.Error("the data is not the front of what was given")
	}
}
