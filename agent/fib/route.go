package fib

import (
	"net/netip"
)

// Protocol is the routing protocol number (rtm_protocol) of every route of ours:
// `ip route show proto 72`.
const Protocol = 72

// Metric of every route of ours. It is worse than what a person's own routes have by
// default, 0 in IPv4 and 1024 in IPv6, so that theirs win and neither replaces the other.
const Metric = 2048

// Hop is one way to go.
type Hop struct {
	Via    netip.Addr // gateway, of the family of the route; zero: the destination is on the link
	Link   int        // index of the interface
	Onlink bool       // the gateway is reached though no prefix of the link covers it
}

// Route is a unicast route of the main table.
type Route struct {
	Prefix netip.Prefix
	// Hops, at least one; several share the traffic. Order means nothing.
	Hops []Hop
	// Source is the address that the host's own packets go out with; zero: the kernel
	// chooses.
	Source netip.Addr
}

// Found is a route of the main table as a dump has it.
type Found struct {
	Route
	// Own: it bears our mark.
	Own bool
	// Dead: it leads nowhere on purpose (blackhole, unreachable, prohibit, throw); it
	// then has no hops.
	Dead   bool
	Metric uint32
}

// Failure is a route that could not be written.
type Failure struct {
	Prefix netip.Prefix
	Err    error
}

// Link is an interface of the host.
type Link struct {
	Index int
	Name  string
	MAC   [6]byte // zero: it has none
	// Up: it is administratively up and has a carrier.
	Up bool
	// Loopback interfaces carry what belongs to the host itself.
	Loopback  bool
	Addresses []netip.Prefix // as configured: address and length
}

// Port is the host's end of a workload. Its neighbours are permanent: what a workload
// says in ARP or NDP changes nothing here.
type Port struct {
	Name      string
	Index     int
	MAC       [6]byte      // of the workload; zero: not known, then it is asked
	Addresses []netip.Addr // of the workload
}

// The gateways that a workload may use whatever its own address: they are on each of
// its host's ports.
var (
	Gateway4 = netip.MustParseAddr("169.254.1.1")
	Gateway6 = netip.MustParseAddr("fe80::1")
)

// Event is something that changed in the kernel and was not our doing.
type Event struct {
	Kind EventKind
	// Prefix of the route of ours that is gone or was changed.
	Prefix netip.Prefix
}

// EventKind says what happened.
type EventKind uint8

// The events.
const (
	EventInvalid EventKind = iota
	// RouteLost: a route of ours was removed or replaced by somebody.
	RouteLost
	// Underlay: a route that is not ours came, went or changed.
	Underlay
	// Links: an interface or an address came, went or changed.
	Links
	// Overrun: events were lost; everything must be looked at again.
	Overrun
)
