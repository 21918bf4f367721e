package bgp

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Code is the error code of a NOTIFICATION (RFC 4271 §4.5).
type Code uint8

// Error codes.
const (
	CodeHeader       Code = 1
	CodeOpen         Code = 2
	CodeUpdate       Code = 3
	CodeHoldTimer    Code = 4
	CodeFSM          Code = 5
	CodeCease        Code = 6
	CodeRouteRefresh Code = 7 // RFC 7313
	CodeSendHold     Code = 8 // RFC 9687
)

// Subcodes, by the code they belong to.
const (
	HeaderNotSynchronized uint8 = 1
	HeaderBadLength       uint8 = 2
	HeaderBadType         uint8 = 3

	OpenUnspecific            uint8 = 0
	OpenUnsupportedVersion    uint8 = 1
	OpenBadPeerAS             uint8 = 2
	OpenBadIdentifier         uint8 = 3
	OpenUnsupportedParameter  uint8 = 4
	OpenUnacceptableHoldTime  uint8 = 6
	OpenUnsupportedCapability uint8 = 7 // RFC 5492

	UpdateMalformedAttributeList uint8 = 1
	UpdateBadOptionalAttribute   uint8 = 9
	UpdateInvalidNetworkField    uint8 = 10

	// RFC 6608
	FSMUnexpectedInOpenSent    uint8 = 1
	FSMUnexpectedInOpenConfirm uint8 = 2
	FSMUnexpectedInEstablished uint8 = 3

	// RFC 4486, 8538, 9384
	CeaseMaxPrefixes        uint8 = 1
	CeaseAdminShutdown      uint8 = 2
	CeasePeerDeconfigured   uint8 = 3
	CeaseAdminReset         uint8 = 4
	CeaseConnectionRejected uint8 = 5
	CeaseConfigChange       uint8 = 6
	CeaseCollision          uint8 = 7
	CeaseOutOfResources     uint8 = 8
	CeaseHardReset          uint8 = 9
	CeaseBFDDown            uint8 = 10

	RefreshInvalidLength uint8 = 1
)

// Notification is the content of a NOTIFICATION message, sent or received. It is
// an error: a session that ends says so with one.
type Notification struct {
	Code    Code
	Subcode uint8
	Data    []byte
}

// MaxReason is the longest reason a NOTIFICATION carries, in octets (RFC 9003 §2).
const MaxReason = 255

// Cease builds a Cease with an RFC 9003 reason, where the subcode allows one
// (administrative shutdown and reset) and drops it elsewhere. What is not UTF-8
// in a reason is replaced, and beyond MaxReason octets it is cut at a character.
func Cease(subcode uint8, reason string) *Notification {
	n := &Notification{Code: CodeCease, Subcode: subcode}
	if reason == "" || !n.carriesReason() {
		return n
	}
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if len(reason) > MaxReason {
		end := MaxReason
		for !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	n.Data = append([]byte{byte(len(reason))}, reason...)
	return n
}

// MaxPrefixes builds the Cease for a peer that announces more prefixes of a family
// than we take; the data says how many that is (RFC 4486 §4).
func MaxPrefixes(family Family, limit uint32) *Notification {
	data := binary.BigEndian.AppendUint16(nil, family.AFI())
	data = binary.BigEndian.AppendUint32(append(data, family.SAFI()), limit)
	return &Notification{Code: CodeCease, Subcode: CeaseMaxPrefixes, Data: data}
}

// HardReset wraps a NOTIFICATION for a peer that would keep our routes over it (RFC 8538
// §3.1).
func HardReset(n *Notification) *Notification {
	return &Notification{Code: CodeCease, Subcode: CeaseHardReset, Data: append([]byte{byte(n.Code), n.Subcode}, n.Data...)}
}

// inner is what a hard reset wraps; ok is false when it is none, or wraps nothing.
func (n *Notification) inner() (inner Notification, ok bool) {
	if !n.Hard() || len(n.Data) < 2 {
		return Notification{}, false
	}
	return Notification{Code: Code(n.Data[0]), Subcode: n.Data[1], Data: n.Data[2:]}, true
}

// Reason is the RFC 9003 text a peer sent, made safe to print: what is not UTF-8
// or not printable is replaced, control sequences and marks that turn the text
// around included. Empty when there is none.
func (n *Notification) Reason() string {
	if !n.carriesReason() || len(n.Data) == 0 {
		return ""
	}
	length := int(n.Data[0])
	if length > len(n.Data)-1 {
		return ""
	}
	text := strings.ToValidUTF8(string(n.Data[1:1+length]), "\uFFFD")
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

func (n *Notification) carriesReason() bool {
	return n.Code == CodeCease && (n.Subcode == CeaseAdminShutdown || n.Subcode == CeaseAdminReset)
}

// Hard says whether the NOTIFICATION ends graceful restart too (RFC 8538 §3).
func (n *Notification) Hard() bool {
	return n.Code == CodeCease && n.Subcode == CeaseHardReset
}

// Error names code and subcode in words and numbers, with the reason if any, or with what
// a hard reset wraps.
func (n *Notification) Error() string {
	text := fmt.Sprintf("%s (%d/%d)", n.Name(), n.Code, n.Subcode)
	if reason := n.Reason(); reason != "" {
		text += ": " + reason
	}
	if inner, ok := n.inner(); ok {
		text += ": " + inner.Error()
	}
	return text
}

// Name is code and subcode in words.
func (n *Notification) Name() string {
	code, ok := codeNames[n.Code]
	if !ok {
		return "unknown error"
	}
	if sub, ok := subcodeNames[[2]uint8{uint8(n.Code), n.Subcode}]; ok {
		return code + ", " + sub
	}
	return code
}

var codeNames = map[Code]string{
	CodeHeader:       "message header error",
	CodeOpen:         "OPEN error",
	CodeUpdate:       "UPDATE error",
	CodeHoldTimer:    "hold timer expired",
	CodeFSM:          "finite state machine error",
	CodeCease:        "cease",
	CodeRouteRefresh: "ROUTE-REFRESH error",
	CodeSendHold:     "send hold timer expired",
}

var subcodeNames = map[[2]uint8]string{
	{1, 1}:  "connection not synchronized",
	{1, 2}:  "bad message length",
	{1, 3}:  "bad message type",
	{2, 1}:  "unsupported version number",
	{2, 2}:  "bad peer AS",
	{2, 3}:  "bad BGP identifier",
	{2, 4}:  "unsupported optional parameter",
	{2, 6}:  "unacceptable hold time",
	{2, 7}:  "unsupported capability",
	{2, 8}:  "deprecated",
	{2, 11}: "role mismatch",
	{3, 1}:  "malformed attribute list",
	{3, 2}:  "unrecognized well-known attribute",
	{3, 3}:  "missing well-known attribute",
	{3, 4}:  "attribute flags error",
	{3, 5}:  "attribute length error",
	{3, 6}:  "invalid ORIGIN",
	{3, 8}:  "invalid NEXT_HOP",
	{3, 9}:  "optional attribute error",
	{3, 10}: "invalid network field",
	{3, 11}: "malformed AS_PATH",
	{5, 1}:  "unexpected message in OpenSent",
	{5, 2}:  "unexpected message in OpenConfirm",
	{5, 3}:  "unexpected message in Established",
	{6, 1}:  "maximum number of prefixes reached",
	{6, 2}:  "administrative shutdown",
	{6, 3}:  "peer de-configured",
	{6, 4}:  "administrative reset",
	{6, 5}:  "connection rejected",
	{6, 6}:  "other configuration change",
	{6, 7}:  "connection collision resolution",
	{6, 8}:  "out of resources",
	{6, 9}:  "hard reset",
	{6, 10}: "BFD down",
	{7, 1}:  "invalid message length",
}
