package reflector_test

import (
	"slices"

	"heddle/bgp"
)

// verdict is what a fault costs. The zero value is nothing: the route is used.
type verdict struct {
	consequence consequence
	subcode     byte // of UPDATE error, where the session pays: it names the fault
}

type consequence uint8

const (
	used consequence = iota
	discarded
	withdrawn
	reset
)

func (c consequence) String() string {
	return [...]string{"used", "attribute discard", "treat-as-withdraw", "session reset"}[c]
}

func discard() verdict              { return verdict{consequence: discarded} }
func withdraw(subcode byte) verdict { return verdict{withdrawn, subcode} }

// The flags of RFC 4271 §4.3, as attributes are defined with them.
const (
	wellKnown      = 0x40
	optional       = 0x80
	optionalPassed = 0xc0
	extendedLength = 0x10
)

// rule is an attribute and what RFC 7606 makes of its faults, written from the
// RFCs and not from our decoder.
type rule struct {
	typ     bgp.AttrType
	flags   byte // as defined
	good    []byte
	lengths [][]byte // values whose length is wrong
	values  [][]byte // values that are wrong in themselves

	onFlags, onLength, onValue, onMissing verdict

	internalOnly bool // an external peer's is dropped whatever it looks like
	only4        bool // values and absence count for IPv4 routes only
	never        bool // not passed on by who knows four-octet AS numbers (RFC 6793 §4.1)
	section      string
}

// rules has every attribute that is parsed, but for the two with NLRI. Repeating one
// costs the repetition (RFC 7606 §3 g).
func rules() []rule {
	return []rule{
		{
			typ: bgp.AttrOrigin, flags: wellKnown, good: []byte{1}, section: "RFC 7606 §7.1",
			lengths: [][]byte{{}, {0, 0}, {0, 0, 0, 0}}, values: [][]byte{{3}, {4}, {255}},
			onFlags: withdraw(4), onLength: withdraw(5), onValue: withdraw(6), onMissing: withdraw(3),
		},
		{
			typ: bgp.AttrASPath, flags: wellKnown, good: []byte{2, 2, 0, 0, 0xfd, 0xe9, 0, 0, 0xfd, 0xea}, section: "RFC 7606 §7.2, RFC 7607 §2, RFC 9774 §3",
			lengths: [][]byte{
				{2},
				{2, 1, 0, 0, 0xfd},
				{2, 2, 0, 0, 0xfd, 0xe9},
				{2, 0},
				{2, 1, 0, 0, 0xfd, 0xe9, 2},
				{2, 1, 0, 0, 0xfd, 0xe9, 2, 0},
				{2, 255, 0, 0, 0xfd, 0xe9},
			},
			values: [][]byte{
				{0, 1, 0, 0, 0xfd, 0xe9},
				{5, 1, 0, 0, 0xfd, 0xe9},
				{255, 1, 0, 0, 0xfd, 0xe9},
				{2, 1, 0, 0, 0, 0},
				{2, 2, 0, 0, 0xfd, 0xe9, 0, 0, 0, 0},
				{1, 2, 0, 0, 0xfd, 0xe9, 0, 0, 0xfd, 0xea},
				{2, 1, 0, 0, 0xfd, 0xe9, 1, 1, 0, 0, 0xfd, 0xea},
				{4, 1, 0, 0, 0xfd, 0xe9},
			},
			onFlags: withdraw(4), onLength: withdraw(11), onValue: withdraw(11), onMissing: withdraw(3),
		},
		{
			typ: bgp.AttrNextHop, flags: wellKnown, good: []byte{192, 0, 2, 8}, only4: true, section: "RFC 7606 §7.3, RFC 4271 §6.3",
			lengths: [][]byte{{}, {192, 0, 2}, {192, 0, 2, 9, 0}, make([]byte, 16)},
			values:  [][]byte{{0, 0, 0, 0}, {0, 1, 2, 3}, {127, 0, 0, 1}, {224, 0, 0, 5}, {239, 255, 255, 255}, {240, 0, 0, 1}, {255, 255, 255, 255}},
			onFlags: withdraw(4), onLength: withdraw(5), onValue: withdraw(8), onMissing: withdraw(3),
		},
		{
			typ: bgp.AttrMED, flags: optional, good: []byte{0, 0, 0, 7}, section: "RFC 7606 §7.4",
			lengths: [][]byte{{}, {7}, {0, 0, 7}, {0, 0, 0, 0, 7}},
			onFlags: withdraw(4), onLength: withdraw(5),
		},
		{
			// An internal peer that leaves it out means the default: docs/CONFORMANCE.md.
			typ: bgp.AttrLocalPref, flags: wellKnown, good: []byte{0, 0, 0, 200}, internalOnly: true, section: "RFC 7606 §7.5",
			lengths: [][]byte{{}, {200}, {0, 0, 200}, {0, 0, 0, 0, 200}},
			onFlags: withdraw(4), onLength: withdraw(5),
		},
		{
			typ: bgp.AttrAtomicAggregate, flags: wellKnown, good: []byte{}, section: "RFC 7606 §3 f, §7.6",
			lengths: [][]byte{{0}, {1, 2, 3, 4}},
			onFlags: discard(), onLength: discard(),
		},
		{
			typ: bgp.AttrAggregator, flags: optionalPassed, good: []byte{0, 0, 0xfd, 0xe9, 192, 0, 2, 7}, section: "RFC 7606 §3 f, §7.7, RFC 7607 §2",
			lengths: [][]byte{{}, {0xfd, 0xe9, 192, 0, 2, 7}, {0, 0, 0xfd, 0xe9, 192, 0, 2}, {0, 0, 0xfd, 0xe9, 192, 0, 2, 7, 0}},
			values:  [][]byte{{0, 0, 0, 0, 192, 0, 2, 7}},
			onFlags: discard(), onLength: discard(), onValue: discard(),
		},
		{
			typ: bgp.AttrCommunities, flags: optionalPassed, good: []byte{0xfd, 0xe9, 0, 1}, section: "RFC 7606 §7.8, RFC 1997",
			lengths: [][]byte{{}, {1}, {0xfd, 0xe9, 0}, {0xfd, 0xe9, 0, 1, 0}},
			onFlags: withdraw(4), onLength: withdraw(5),
		},
		{
			typ: bgp.AttrOriginatorID, flags: optional, good: []byte{192, 0, 2, 7}, internalOnly: true, section: "RFC 7606 §7.9",
			lengths: [][]byte{{}, {192, 0, 2}, {192, 0, 2, 7, 0}},
			onFlags: withdraw(4), onLength: withdraw(5),
		},
		{
			typ: bgp.AttrClusterList, flags: optional, good: []byte{10, 0, 0, 1, 10, 0, 0, 2}, internalOnly: true, section: "RFC 7606 §7.10",
			lengths: [][]byte{{}, {10, 0, 0}, {10, 0, 0, 1, 10}},
			onFlags: withdraw(4), onLength: withdraw(5),
		},
		{
			typ: bgp.AttrExtCommunities, flags: optionalPassed, good: []byte{0, 2, 0xfd, 0xe9, 0, 0, 0, 1}, section: "RFC 7606 §7.14, RFC 4360",
			lengths: [][]byte{{}, {0, 2, 0xfd, 0xe9}, {0, 2, 0xfd, 0xe9, 0, 0, 0}, {0, 2, 0xfd, 0xe9, 0, 0, 0, 1, 0}},
			onFlags: withdraw(4), onLength: withdraw(5),
		},
		{
			typ: bgp.AttrAS4Path, flags: optionalPassed, good: []byte{2, 1, 0, 0, 0xfd, 0xe9}, never: true, section: "RFC 6793 §4.1, §6",
			lengths: [][]byte{{}, {2}, {2, 1, 0, 0, 0xfd}, {2, 0}},
			values:  [][]byte{{5, 1, 0, 0, 0xfd, 0xe9}, {2, 1, 0, 0, 0, 0}},
			onFlags: discard(), onLength: discard(), onValue: discard(),
		},
		{
			typ: bgp.AttrAS4Aggregator, flags: optionalPassed, good: []byte{0, 0, 0xfd, 0xe9, 192, 0, 2, 7}, never: true, section: "RFC 6793 §4.1, §6",
			lengths: [][]byte{{}, {0, 0, 0xfd, 0xe9, 192, 0, 2}, {0, 0, 0xfd, 0xe9, 192, 0, 2, 7, 0}},
			values:  [][]byte{{0, 0, 0, 0, 192, 0, 2, 7}},
			onFlags: discard(), onLength: discard(), onValue: discard(),
		},
		{
			typ: bgp.AttrIPv6ExtCommunity, flags: optionalPassed, good: make([]byte, 20), section: "RFC 7606 §7.15, RFC 5701",
			lengths: [][]byte{{}, make([]byte, 8), make([]byte, 19), make([]byte, 21)},
			onFlags: withdraw(4), onLength: withdraw(5),
		},
		{
			typ: bgp.AttrLargeCommunities, flags: optionalPassed, good: slices.Repeat([]byte{1}, 24), section: "RFC 8092 §6",
			lengths: [][]byte{{}, make([]byte, 4), make([]byte, 11), make([]byte, 13)},
			onFlags: withdraw(4), onLength: withdraw(5),
		},
	}
}
