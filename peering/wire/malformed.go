package wire

import (
	"fmt"

	"heddle/bgp"
)

// Consequence is what RFC 7606 §2 has us do about a fault; a stronger one
// compares greater.
type Consequence uint8

// The ladder of RFC 7606, without the disabling of one family, which that RFC
// leaves to the implementer: a session carries all the families of a host, and
// one that is broken is better restarted than half deaf.
const (
	ConsequenceNone Consequence = iota
	// DiscardAttribute: the route is used, the attribute is not.
	DiscardAttribute
	// TreatAsWithdraw: the NLRI of the message count as withdrawn.
	TreatAsWithdraw
	// ResetSession: nothing in the message can be trusted.
	ResetSession
)

// String is the consequence in RFC 7606's words.
func (c Consequence) String() string {
	switch c {
	case DiscardAttribute:
		return "attribute discard"
	case TreatAsWithdraw:
		return "treat-as-withdraw"
	case ResetSession:
		return "session reset"
	}
	return "none"
}

// Malformed is a fault in an UPDATE. It carries its consequence, so that one
// switch in the session acts on it.
type Malformed struct {
	Consequence Consequence
	Attr        bgp.AttrType // 0 when the fault is not in one attribute
	Subcode     uint8        // of UPDATE error (3), used on ResetSession
	Data        []byte       // the attribute as received; aliases the batch
	Text        string       // constant: what is wrong
}

// Error says what is wrong, where, and what follows.
func (m *Malformed) Error() string {
	where := "UPDATE"
	if m.Attr != 0 {
		where = m.Attr.String()
	}
	return fmt.Sprintf("%s: %s (%s)", where, m.Text, m.Consequence)
}

// Notification is what a ResetSession tells the peer (RFC 4271 §6.3).
func (m *Malformed) Notification() *bgp.Notification {
	return &bgp.Notification{Code: bgp.CodeUpdate, Subcode: m.Subcode, Data: append([]byte(nil), m.Data...)}
}

// UPDATE subcodes that only the decoder uses.
const (
	subcodeMalformedList = bgp.UpdateMalformedAttributeList
	subcodeUnrecognized  = 2
	subcodeMissing       = 3
	subcodeFlags         = 4
	subcodeLength        = 5
	subcodeOrigin        = 6
	subcodeNextHop       = 8
	subcodeOptional      = bgp.UpdateBadOptionalAttribute
	subcodeNetwork       = bgp.UpdateInvalidNetworkField
	subcodeASPath        = 11
)
