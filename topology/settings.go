package topology

import (
	"cmp"
	"net/netip"
	"time"

	"heddle/bgp"
)

// Settings are what the whole fabric agrees on, at /heddle/v1/settings:
//
//	{"asn":64512,"summaries":true,"ownership":"warn","discard":["192.0.2.254","2001:db8::dead"],"holdTime":90,
//	 "normalRoutePriority":1024,"bfd":{"interval":300,"multiplier":3}}
type Settings struct {
	// ASN of hosts and reflectors; 0: the daemon's flag or default.
	ASN bgp.ASN
	// Summaries: whether racks and pools that do not say otherwise are summarised.
	// Absent means yes.
	Summaries bool
	// Ownership of addresses inside pools. Absent means warn.
	Ownership Ownership
	// Discard is the next hop of every summary, at most one per family.
	Discard []netip.Addr
	// HoldTime offered to every peer, in whole seconds from 3 to 65535; 0: the
	// daemon's default.
	HoldTime time.Duration
	// NormalRoutePriority is the metric of a route that is not migrating, as Calico
	// encodes it in LOCAL_PREF; 0: DefaultNormalRoutePriority. See Elevated.
	NormalRoutePriority uint32
	// BFD of sessions whose ends say nothing of it. Absent means off.
	BFD BFD
}

// DefaultNormalRoutePriority is Calico's, unless its ipv4NormalRoutePriority says
// otherwise.
const DefaultNormalRoutePriority = 1024

// maxLocalPref is what Calico subtracts a metric from to get a LOCAL_PREF.
const maxLocalPref = 1<<31 - 1

// DefaultSettings hold where there is no settings key.
func DefaultSettings() Settings {
	return Settings{Summaries: true, Ownership: OwnershipWarn}
}

// Key is that of the one settings object.
func (s Settings) Key() Key { return Key{Kind: KindSettings} }

// DiscardFor is the discard address of a family, if there is one.
func (s Settings) DiscardFor(family bgp.Family) (netip.Addr, bool) {
	for _, addr := range s.Discard {
		if bgp.FamilyOf(addr) == family {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// Elevated says whether a LOCAL_PREF is that of a live migration: one of a metric
// below NormalRoutePriority.
//
//	0 … 2147483647 − priority      normal; other vendors' 100 stands here
//	    … 2147483647               elevated
//	    … 4294967295               not of this encoding
func (s Settings) Elevated(localPref uint32) bool {
	normal := maxLocalPref - cmp.Or(s.NormalRoutePriority, DefaultNormalRoutePriority)
	return normal < localPref && localPref <= maxLocalPref
}

func (s Settings) fields() fields {
	return fields{
		{"asn", uint32(s.ASN)},
		{"summaries", s.Summaries},
		{"ownership", s.Ownership.String()},
		{"discard", texts(s.Discard)},
		{"holdTime", uint32(s.HoldTime / time.Second)},
		{"normalRoutePriority", s.NormalRoutePriority},
		{"bfd", s.BFD.value()},
	}
}

func readSettings(r *reader) Settings {
	s := Settings{
		ASN:       bgp.ASN(one(r, "asn", parseNumber(1, maxUint32))),
		Summaries: one(r, "summaries", parseFlag).Or(true),
		Ownership: one(r, "ownership", parseWord[Ownership](ownershipWords)),
		Discard:   set(r, "discard", parseAddress, netip.Addr.Compare),
		HoldTime:  time.Duration(one(r, "holdTime", parseNumber(3, 65535))) * time.Second,

		NormalRoutePriority: one(r, "normalRoutePriority", parseNumber(1, maxLocalPref-1)),
		BFD:                 readBFD(r),
	}
	if s.Ownership == OwnershipUnset {
		s.Ownership = OwnershipWarn
	}
	for i := 1; i < len(s.Discard); i++ {
		r.need(s.Discard[i].Is4() != s.Discard[i-1].Is4(), "discard",
			"%s and %s are of one family: keep one", s.Discard[i-1], s.Discard[i])
	}
	return s
}

// Ownership says what happens to a host route whose sender does not run the
// workload, as the inventory has it.
type Ownership uint8

// The modes.
const (
	OwnershipUnset Ownership = iota
	OwnershipOff
	OwnershipWarn
	OwnershipEnforce
)

var ownershipWords = []string{"unset", "off", "warn", "enforce"}

// String is the word used in values.
func (o Ownership) String() string { return word(ownershipWords, o) }

// ParseOwnership reads what String prints.
func ParseOwnership(text string) (Ownership, error) {
	return parseWord[Ownership](ownershipWords)(text)
}

// Option is a yes or no that may be left to the level above.
type Option uint8

// The options.
const (
	Inherit Option = iota
	Yes
	No
)

func optionOf(flag bool) Option {
	if flag {
		return Yes
	}
	return No
}

// Or is the option, or what the level above says.
func (o Option) Or(above bool) bool {
	if o == Inherit {
		return above
	}
	return o == Yes
}

func (o Option) value() any {
	if o == Inherit {
		return nil
	}
	return o == Yes
}

const maxUint32 = 1<<32 - 1

// word names a member of an enumeration.
func word[T ~uint8](words []string, value T) string {
	if int(value) < len(words) {
		return words[value]
	}
	return "invalid"
}
