package session

import (
	"sync/atomic"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/bfd"
	"heddle/peering/wire"
)

// State is a state of RFC 4271 §8.2.2.
type State uint8

// The states. A peer is shown in the highest that one of its connections is in.
const (
	StateInvalid State = iota
	Idle
	Connect
	Active
	OpenSent
	OpenConfirm
	Established
)

// String is the name of RFC 4271.
func (s State) String() string {
	switch s {
	case Idle:
		return "Idle"
	case Connect:
		return "Connect"
	case Active:
		return "Active"
	case OpenSent:
		return "OpenSent"
	case OpenConfirm:
		return "OpenConfirm"
	case Established:
		return "Established"
	}
	return "invalid"
}

// Messages counts one direction of a peer, over all its sessions. It may be read
// at any time.
type Messages struct {
	opens, updates, notifications, keepalives, refreshes, octets atomic.Uint64
	// received only
	withdrawUpdates, discarded, stripped atomic.Uint64
}

// Counts is a reading of Messages.
type Counts struct {
	Opens, Updates, Notifications, Keepalives, Refreshes uint64
	Octets                                               uint64
	Withdraws                                            uint64 // UPDATEs that withdrew something
	Discarded                                            uint64 // UPDATEs that cost an attribute or were treated as withdrawals
	Stripped                                             uint64 // attributes that are not to be passed on (Config.Discard)
}

// Total is the number of messages.
func (c Counts) Total() uint64 {
	return c.Opens + c.Updates + c.Notifications + c.Keepalives + c.Refreshes
}

func (m *Messages) read() Counts {
	return Counts{
		Opens: m.opens.Load(), Updates: m.updates.Load(), Notifications: m.notifications.Load(),
		Keepalives: m.keepalives.Load(), Refreshes: m.refreshes.Load(), Octets: m.octets.Load(),
		Withdraws: m.withdrawUpdates.Load(), Discarded: m.discarded.Load(), Stripped: m.stripped.Load(),
	}
}

// Negotiated is what two OPENs came to.
type Negotiated struct {
	RouterID        bgp.RouterID // the peer's
	Families        bgp.FamilySet
	AddPath         bgp.FamilySet // what we send of these has path identifiers (RFC 7911)
	AddPathTaken    bgp.FamilySet // what we are sent of these has
	FourOctetAS     bool
	RouteRefresh    bool
	EnhancedRefresh bool
	MaxMessage      int // octets
	HoldTime        time.Duration
	// Graceful restart as the peer offers it: how long it asks us to keep its routes,
	// of which families (RFC 4724), and whether a NOTIFICATION is graceful (RFC 8538).
	RestartTime     time.Duration
	RestartFamilies bgp.FamilySet
	Restarting      bool // the peer has just restarted
	Forwarding      bgp.FamilySet
	Notification    bool
	// Long-lived graceful restart (RFC 9494): whether both speak it, and what the peer
	// asks for after the restart time, as far as we go along.
	LongLived           bool
	LongLivedForwarding bgp.FamilySet
	LongLivedTimes      [len(bgp.Families)]time.Duration // by family, as LongLivedTime has it
}

// Faults counts malformed UPDATEs of one sort: by the worst fault of each.
type Faults struct {
	Attr        bgp.AttrType // 0: not in one attribute
	Consequence wire.Consequence
	Count       uint64
}

// Status is one peer at a moment.
type Status struct {
	Spec       peering.Session
	State      State
	Since      time.Time // of the state
	Negotiated Negotiated
	Local      string // our end of the session, if there is one
	LastError  string // why the last session or attempt ended
	Flaps      uint64 // sessions that ended
	Received   Counts
	Sent       Counts
	Faults     []Faults // in no particular order
	Password   bool
	BFD        bfd.Status
}
