package wire_test

import (
	"bytes"
	"fmt"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

func TestRefreshes(t *testing.T) {
	whole := func(body ...byte) []byte { return append(header(19+len(body), wire.TypeRouteRefresh), body...) }
	type fault struct {
		code    bgp.Code
		subcode uint8
		data    []byte
	}
	for _, c := range []struct {
		name     string
		body     []byte
		plain    string // without RFC 7313
		enhanced string
		onPlain  *fault
		onBoth   *fault // with RFC 7313
	}{
		{name: "a request for IPv4", body: []byte{0, 1, 0, 1}, plain: "refresh ipv4", enhanced: "refresh ipv4"},
		{name: "a request for IPv6", body: []byte{0, 2, 0, 1}, plain: "refresh ipv6", enhanced: "refresh ipv6"},
		{name: "begin of refresh; reserved without RFC 7313", body: []byte{0, 1, 1, 1}, plain: "refresh ipv4", enhanced: "refresh begins ipv4"},
		{name: "end of refresh", body: []byte{0, 2, 2, 1}, plain: "refresh ipv6", enhanced: "refresh ends ipv6"},
		{name: "a reserved subtype is ignored (RFC 7313 §5)", body: []byte{0, 1, 3, 1}, plain: "refresh ipv4"},
		{name: "subtype 255 is ignored (RFC 7313 §5)", body: []byte{0, 1, 255, 1}, plain: "refresh ipv4"},
		{name: "a family that we don't carry is ignored (RFC 2918 §4)", body: []byte{0, 25, 0, 70}},
		{name: "multicast is ignored", body: []byte{0, 1, 0, 2}},
		{
			name: "no body", body: nil,
			onPlain: &fault{1, 2, []byte{0, 19}}, onBoth: &fault{7, 1, whole()},
		},
		{
			name: "three octets", body: []byte{0, 1, 0},
			onPlain: &fault{1, 2, []byte{0, 22}}, onBoth: &fault{7, 1, whole(0, 1, 0)},
		},
		{
			name: "begin of refresh with an octet too many (RFC 7313 §5)", body: []byte{0, 1, 1, 1, 9},
			onPlain: &fault{1, 2, []byte{0, 24}}, onBoth: &fault{7, 1, whole(0, 1, 1, 1, 9)},
		},
		{
			name: "a request with filters that were not offered (RFC 5291)", body: []byte{0, 1, 0, 1, 1, 64, 0, 0},
			onPlain: &fault{1, 2, []byte{0, 27}}, onBoth: &fault{7, 1, whole(0, 1, 0, 1, 1, 64, 0, 0)},
		},
		{
			name: "a reserved subtype of another length is still ignored (RFC 7313 §5)", body: []byte{0, 1, 3, 1, 9},
			onPlain: &fault{1, 2, []byte{0, 24}},
		},
	} {
		for _, enhanced := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, RFC 7313 %t", c.name, enhanced), func(t *testing.T) {
				want, wantFault := c.plain, c.onPlain
				if enhanced {
					want, wantFault = c.enhanced, c.onBoth
				}
				var batch wire.Batch
				n := decoder(true).Refresh(c.body, enhanced, &batch)
				equal(t, "the batch says", words(t, &batch), want)
				switch {
				case (n == nil) != (wantFault == nil):
					t.Errorf("fault is %v, want %v", n, wantFault)
				case n != nil && (n.Code != wantFault.code || n.Subcode != wantFault.subcode || !bytes.Equal(n.Data, wantFault.data)):
					t.Errorf("fault is %d/%d %x, want %d/%d %x", n.Code, n.Subcode, n.Data, wantFault.code, wantFault.subcode, wantFault.data)
				}
			})
		}
	}
}

func TestARefreshOfAFamilyThatWasNotNegotiatedIsIgnored(t *testing.T) {
	d := decoder(true)
	d.Families = only6
	var batch wire.Batch
	if n := d.Refresh([]byte{0, 1, 0, 1}, true, &batch); n != nil || len(batch.Items) != 0 {
		t.Errorf("fault %v, batch %s", n, words(t, &batch))
	}
}

func TestRefreshesAreReadAsWritten(t *testing.T) {
	for _, f := range bgp.Families {
		for subtype, want := range map[wire.RefreshSubtype]string{
			wire.RefreshRequest: "refresh ", wire.RefreshBegin: "refresh begins ", wire.RefreshEnd: "refresh ends ",
		} {
			message := wire.AppendRefresh(nil, f, subtype)
			if _, typ, fault := wire.ParseHeader(message, wire.MaxMessage); fault != nil || typ != wire.TypeRouteRefresh || len(message) != 23 {
				t.Fatalf("message is %x", message)
			}
			var batch wire.Batch
			if n := decoder(true).Refresh(message[19:], true, &batch); n != nil {
				t.Fatal(n)
			}
			equal(t, "read as", words(t, &batch), want+f.String())
		}
	}
}
