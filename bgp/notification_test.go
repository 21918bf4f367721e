package bgp_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"heddle/bgp"
)

// RFC 9003 §2: a reason goes with administrative shutdown and reset, and is at most
// 255 octets of UTF-8.
func TestReasonsOfCease(t *testing.T) {
	for _, c := range []struct {
		name    string
		subcode uint8
		reason  string
		want    string // on the wire, its length apart
	}{
		{"none", bgp.CeaseAdminShutdown, "", ""},
		{"shutdown", bgp.CeaseAdminShutdown, "maintenance", "maintenance"},
		{"reset", bgp.CeaseAdminReset, "10 → 11", "10 → 11"},
		{"128 octets, the limit of RFC 8203", bgp.CeaseAdminReset, strings.Repeat("a", 128), strings.Repeat("a", 128)},
		{"255 octets", bgp.CeaseAdminReset, strings.Repeat("a", 255), strings.Repeat("a", 255)},
		{"256 octets", bgp.CeaseAdminReset, strings.Repeat("a", 256), strings.Repeat("a", 255)},
		{"a character of two octets across the limit", bgp.CeaseAdminReset, strings.Repeat("a", 254) + "é", strings.Repeat("a", 254)},
		{"a character of two octets up to the limit", bgp.CeaseAdminReset, strings.Repeat("a", 253) + "éé", strings.Repeat("a", 253) + "é"},
		{"characters of four octets", bgp.CeaseAdminReset, strings.Repeat("🧵", 100), strings.Repeat("🧵", 63)},
		{"what is not UTF-8, in a short one", bgp.CeaseAdminReset, "a\xffb", "a\uFFFDb"},
		{"what is not UTF-8, early in a long one", bgp.CeaseAdminReset, "\xff" + strings.Repeat("a", 300), "\uFFFD" + strings.Repeat("a", 252)},
		{"nothing but continuation octets", bgp.CeaseAdminReset, strings.Repeat("\x80", 300), "\uFFFD"},
		{"de-configured: has none", bgp.CeasePeerDeconfigured, "gone", ""},
		{"maximum prefixes: has none, its data mean something else", bgp.CeaseMaxPrefixes, "too many", ""},
		{"hard reset: has none", bgp.CeaseHardReset, "now", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := bgp.Cease(c.subcode, c.reason)
			if n.Code != bgp.CodeCease || n.Subcode != c.subcode {
				t.Fatalf("NOTIFICATION is %d/%d", n.Code, n.Subcode)
			}
			if c.want == "" {
				if n.Data != nil || n.Reason() != "" {
					t.Errorf("data is %x", n.Data)
				}
				return
			}
			if string(n.Data[1:]) != c.want || int(n.Data[0]) != len(c.want) {
				t.Errorf("data is %d %q, want %d %q", n.Data[0], n.Data[1:], len(c.want), c.want)
			}
			if n.Reason() != c.want {
				t.Errorf("reason is %q", n.Reason())
			}
		})
	}
}

func TestAnyReasonIsSentAsUTF8(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reason := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 400), func(b []byte) string { return string(b) }),
			rapid.StringN(200, 300, 600)).Draw(t, "reason")
		n := bgp.Cease(bgp.CeaseAdminReset, reason)
		if reason == "" {
			return
		}
		if len(n.Data) > 1+bgp.MaxReason || int(n.Data[0]) != len(n.Data)-1 || !utf8.Valid(n.Data[1:]) {
			t.Fatalf("data is %x", n.Data)
		}
		if sent := string(n.Data[1:]); len(sent) < bgp.MaxReason-3 && sent != strings.ToValidUTF8(reason, "\uFFFD") {
			t.Fatalf("%q is sent as %q", reason, sent)
		}
	})
}

// What a peer sent is shown to people: it may be anything.
func TestReasonsOfHostilePeers(t *testing.T) {
	for _, c := range []struct {
		name string
		n    bgp.Notification
		want string
	}{
		{"no data", bgp.Notification{Code: 6, Subcode: 2}, ""},
		{"a length of 0", bgp.Notification{Code: 6, Subcode: 2, Data: []byte{0}}, ""},
		{"a length beyond the data", bgp.Notification{Code: 6, Subcode: 2, Data: []byte{4, 'b', 'y', 'e'}}, ""},
		{"octets beyond the length", bgp.Notification{Code: 6, Subcode: 2, Data: []byte{2, 'b', 'y', 'e'}}, "by"},
		{"octets that are not UTF-8", bgp.Notification{Code: 6, Subcode: 4, Data: []byte("\x04a\xff\xfeb")}, "a\uFFFDb"},
		{"line breaks, escape sequences, delete", bgp.Notification{Code: 6, Subcode: 4, Data: []byte("\x08a\r\nb\x1b[2\x7f")}, "a\uFFFD\uFFFDb\uFFFD[2\uFFFD"},
		{"the one-octet escape of C1", bgp.Notification{Code: 6, Subcode: 4, Data: []byte("\x04a\u009bb")}, "a\uFFFDb"},
		{"marks that turn the text around", bgp.Notification{Code: 6, Subcode: 4, Data: []byte("\x05a\u202eb")}, "a\uFFFDb"},
		{"a line separator", bgp.Notification{Code: 6, Subcode: 4, Data: []byte("\x05a\u2028b")}, "a\uFFFDb"},
		{"letters of any language", bgp.Notification{Code: 6, Subcode: 4, Data: []byte("\x0bäß 東京")}, "äß 東京"},
		{"another subcode", bgp.Notification{Code: 6, Subcode: 3, Data: []byte("\x03bye")}, ""},
		{"another code", bgp.Notification{Code: 3, Subcode: 2, Data: []byte("\x03bye")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.n.Reason(); got != c.want {
				t.Errorf("reason is %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnyNotificationIsPrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := bgp.Notification{Code: bgp.Code(rapid.Byte().Draw(t, "code")), Subcode: rapid.Byte().Draw(t, "subcode"), Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data")}
		if rapid.Bool().Draw(t, "a reason") {
			n.Code, n.Subcode = bgp.CodeCease, bgp.CeaseAdminReset
			n.Data = append([]byte{byte(len(n.Data))}, n.Data...)
		}
		text := n.Error()
		for _, r := range text {
			if !unicode.IsGraphic(r) {
				t.Fatalf("%q has %U", text, r)
			}
		}
	})
}

func TestNotificationsInWords(t *testing.T) {
	for _, c := range []struct {
		n    bgp.Notification
		want string
	}{
		{bgp.Notification{Code: 1, Subcode: 1}, "message header error, connection not synchronized (1/1)"},
		{bgp.Notification{Code: 2, Subcode: 0}, "OPEN error (2/0)"},
		{bgp.Notification{Code: 2, Subcode: 2}, "OPEN error, bad peer AS (2/2)"},
		{bgp.Notification{Code: 2, Subcode: 11}, "OPEN error, role mismatch (2/11)"},
		{bgp.Notification{Code: 3, Subcode: 9}, "UPDATE error, optional attribute error (3/9)"},
		{bgp.Notification{Code: 4}, "hold timer expired (4/0)"},
		{bgp.Notification{Code: 5, Subcode: 3}, "finite state machine error, unexpected message in Established (5/3)"},
		{bgp.Notification{Code: 5}, "finite state machine error (5/0)"},
		{bgp.Notification{Code: 6, Subcode: 9}, "cease, hard reset (6/9)"},
		{bgp.Notification{Code: 6, Subcode: 200}, "cease (6/200)"},
		{bgp.Notification{Code: 7, Subcode: 1}, "ROUTE-REFRESH error, invalid message length (7/1)"},
		{bgp.Notification{Code: 8}, "send hold timer expired (8/0)"},
		{bgp.Notification{}, "unknown error (0/0)"},
		{bgp.Notification{Code: 9, Subcode: 1}, "unknown error (9/1)"},
		{*bgp.Cease(bgp.CeaseAdminShutdown, "bye"), "cease, administrative shutdown (6/2): bye"},
		{*bgp.HardReset(bgp.Cease(bgp.CeaseAdminShutdown, "bye")), "cease, hard reset (6/9): cease, administrative shutdown (6/2): bye"},
		{bgp.Notification{Code: 6, Subcode: 9, Data: []byte{6}}, "cease, hard reset (6/9)"},
	} {
		if got := c.n.Error(); got != c.want {
			t.Errorf("NOTIFICATION reads %q, want %q", got, c.want)
		}
	}
}

// Every subcode that has a constant has a name of its own.
func TestEverySubcodeHasAName(t *testing.T) {
	subcodes := map[bgp.Code][]uint8{
		bgp.CodeHeader: {bgp.HeaderNotSynchronized, bgp.HeaderBadLength, bgp.HeaderBadType},
		bgp.CodeOpen: {
			bgp.OpenUnsupportedVersion, bgp.OpenBadPeerAS, bgp.OpenBadIdentifier, bgp.OpenUnsupportedParameter, bgp.OpenUnacceptableHoldTime,
			bgp.OpenUnsupportedCapability,
		},
		bgp.CodeUpdate: {bgp.UpdateMalformedAttributeList, 2, 3, 4, 5, 6, 8, bgp.UpdateBadOptionalAttribute, bgp.UpdateInvalidNetworkField, 11},
		bgp.CodeFSM:    {bgp.FSMUnexpectedInOpenSent, bgp.FSMUnexpectedInOpenConfirm, bgp.FSMUnexpectedInEstablished},
		bgp.CodeCease: {
			bgp.CeaseMaxPrefixes, bgp.CeaseAdminShutdown, bgp.CeasePeerDeconfigured, bgp.CeaseAdminReset, bgp.CeaseConnectionRejected,
			bgp.CeaseConfigChange, bgp.CeaseCollision, bgp.CeaseOutOfResources, bgp.CeaseHardReset, bgp.CeaseBFDDown,
		},
		bgp.CodeRouteRefresh: {bgp.RefreshInvalidLength},
	}
	seen := map[string]bool{}
	for code, list := range subcodes {
		plain := (&bgp.Notification{Code: code}).Name()
		for _, subcode := range list {
			name := (&bgp.Notification{Code: code, Subcode: subcode}).Name()
			if !strings.HasPrefix(name, plain+", ") || seen[name] {
				t.Errorf("%d/%d is %q", code, subcode, name)
			}
			seen[name] = true
		}
	}
}

// RFC 8538 §3: only Cease/9 ends graceful restart, too.
func TestOnlyAHardResetIsHard(t *testing.T) {
	for code := range 10 {
		for subcode := range 12 {
			n := bgp.Notification{Code: bgp.Code(code), Subcode: uint8(subcode)}
			if want := code == 6 && subcode == 9; n.Hard() != want {
				t.Errorf("%d/%d: hard %t", code, subcode, n.Hard())
			}
		}
	}
}

// RFC 4486 §4.
func TestAPeerIsToldHowManyPrefixesAreTooMany(t *testing.T) {
	for family, want := range map[bgp.Family]string{bgp.IPv4Unicast: "00010100010203", bgp.IPv6Unicast: "00020100010203"} {
		n := bgp.MaxPrefixes(family, 0x010203)
		if n.Code != bgp.CodeCease || n.Subcode != bgp.CeaseMaxPrefixes || fmt.Sprintf("%x", n.Data) != want {
			t.Errorf("%s: %d/%d %x, want 6/1 %s", family, n.Code, n.Subcode, n.Data, want)
		}
		if n.Reason() != "" || n.Error() != "cease, maximum number of prefixes reached (6/1)" {
			t.Errorf("%s: is printed as %q", family, n.Error())
		}
	}
}
