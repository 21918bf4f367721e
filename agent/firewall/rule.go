package firewall

import (
	"net/netip"

	"heddle/bgp"
)

// Prefix begins the name of every chain and set of ours.
const Prefix = "heddle-"

// MaxName is the longest name of a chain, in octets (XT_EXTENSION_MAXNAMELEN), and
// MaxSetName that of a set (IPSET_MAXNAMELEN).
const (
	MaxName    = 28
	MaxSetName = 31
)

// State is everything of ours that the packet filter is to hold.
type State struct {
	Rules [2]Ruleset // by family: IPv4, IPv6
	Sets  []Set      // sorted by name
}

// Of gives the rules of a family.
func (s *State) Of(family bgp.Family) *Ruleset { return &s.Rules[family-bgp.IPv4Unicast] }

// Ruleset is the rules of one family.
type Ruleset struct {
	Chains []Chain // a chain comes before those that name it, or after: order means nothing
	Hooks  []Hook
}

// Table is one of the tables of iptables.
type Table uint8

// The tables we use.
const (
	TableInvalid Table = iota
	Raw
	Filter
)

// String is what iptables calls it.
func (t Table) String() string { return [...]string{"invalid", "raw", "filter"}[t] }

// Hook has a chain of ours entered from one of the kernel's, before anything else there.
type Hook struct {
	Table Table
	Chain string // PREROUTING, INPUT, FORWARD, OUTPUT
	To    string // chain of ours
}

// Chain is rules in order.
type Chain struct {
	Table Table
	Name  string // begins with Prefix, at most MaxName octets
	Rules []Rule
}

// Set is a set of prefixes that rules name; its members are told apart from it.
type Set struct {
	Name   string // begins with Prefix, at most MaxSetName octets
	Family bgp.Family
}

// Rule is what a packet must be, all at once, and what is then done with it. The zero
// value of a field matches everything.
type Rule struct {
	In, Out              string // interface; "tap+" is every one whose name begins with tap
	Source, Destination  netip.Prefix
	SourceSet, TargetSet string // Set.Name: the source, the destination, is a member
	NotMAC               [6]byte
	Protocol             uint8 // IANA number
	SourcePorts          []Ports
	Ports                []Ports // of the destination
	ICMPType             ICMPType
	State                FlowState
	Spoofed              bool // the way back to the source is not through the interface it came by

	Verdict Verdict
	To      string // of Jump and Goto
	Note    string // for people: in the comment, and in what Walk says
}

// Ports is a range, both ends included; a single port has First = Last.
type Ports struct{ First, Last uint16 }

// ICMPType is a type of ICMP or ICMPv6, by which protocol the rule names. The zero
// value is any type.
type ICMPType struct {
	Type  uint8
	Valid bool
}

// FlowState is what conntrack says of a packet.
type FlowState uint8

// The states.
const (
	AnyState    FlowState = iota
	Established           // ESTABLISHED or RELATED
	Invalid
)

// Verdict is what is done with a packet that matches.
type Verdict uint8

// The verdicts.
const (
	VerdictInvalid Verdict = iota
	Accept
	Drop
	Return
	Jump
	// Goto is Jump whose target returns to where this chain would have.
	Goto
)

// Packet is what Walk asks about.
type Packet struct {
	In, Out             string // empty: none, as for packets of and to the host
	Source, Destination netip.Addr
	MAC                 [6]byte // of the source, where In has one
	Protocol            uint8
	SourcePort, Port    uint16
	ICMPType            uint8
	State               FlowState // AnyState: the first of its flow
	Spoofed             bool
}

// Step is a rule that a packet met.
type Step struct {
	Table Table
	Chain string
	Rule  int // from 1, as iptables counts
	Match bool
	What  Rule
}
