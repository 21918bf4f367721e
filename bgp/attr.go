package bgp

import (
	"fmt"
	"net/netip"
)

// AttrType is a path attribute type code (IANA "BGP Path Attributes").
type AttrType uint8

// The attributes we parse. Every other one is carried as octets or dropped, as
// its flags say (RFC 4271 §5).
const (
	AttrOrigin           AttrType = 1
	AttrASPath           AttrType = 2
	AttrNextHop          AttrType = 3
	AttrMED              AttrType = 4
	AttrLocalPref        AttrType = 5
	AttrAtomicAggregate  AttrType = 6
	AttrAggregator       AttrType = 7
	AttrCommunities      AttrType = 8
	AttrOriginatorID     AttrType = 9
	AttrClusterList      AttrType = 10
	AttrMPReach          AttrType = 14
	AttrMPUnreach        AttrType = 15
	AttrExtCommunities   AttrType = 16
	AttrAS4Path          AttrType = 17
	AttrAS4Aggregator    AttrType = 18
	AttrIPv6ExtCommunity AttrType = 25
	AttrLargeCommunities AttrType = 32
)

var attrNames = map[AttrType]string{
	AttrOrigin:           "ORIGIN",
	AttrASPath:           "AS_PATH",
	AttrNextHop:          "NEXT_HOP",
	AttrMED:              "MULTI_EXIT_DISC",
	AttrLocalPref:        "LOCAL_PREF",
	AttrAtomicAggregate:  "ATOMIC_AGGREGATE",
	AttrAggregator:       "AGGREGATOR",
	AttrCommunities:      "COMMUNITIES",
	AttrOriginatorID:     "ORIGINATOR_ID",
	AttrClusterList:      "CLUSTER_LIST",
	AttrMPReach:          "MP_REACH_NLRI",
	AttrMPUnreach:        "MP_UNREACH_NLRI",
	AttrExtCommunities:   "EXTENDED_COMMUNITIES",
	AttrAS4Path:          "AS4_PATH",
	AttrAS4Aggregator:    "AS4_AGGREGATOR",
	AttrIPv6ExtCommunity: "IPV6_EXTENDED_COMMUNITIES",
	AttrLargeCommunities: "LARGE_COMMUNITIES",
}

// Read says whether it is one of the attributes that we parse.
func (t AttrType) Read() bool {
	_, read := attrNames[t]
	return read
}

// AttrSet is a set of attribute types; the zero value is empty.
type AttrSet [4]uint64

// AttrsOf is the set of some types.
func AttrsOf(types ...AttrType) (s AttrSet) {
	for _, t := range types {
		s[t>>6] |= 1 << (t & 63)
	}
	return s
}

// Has says whether a type is in the set.
func (s *AttrSet) Has(t AttrType) bool { return s[t>>6]&(1<<(t&63)) != 0 }

// String is the name in the RFC's spelling, or the number.
func (t AttrType) String() string {
	if name, ok := attrNames[t]; ok {
		return name
	}
	return fmt.Sprintf("attribute %d", uint8(t))
}

// AttrFlags is the flags octet of a path attribute (RFC 4271 §4.3).
type AttrFlags uint8

// The four defined flag bits; the lower four are zero when sent and ignored
// when received.
const (
	FlagOptional       AttrFlags = 0x80
	FlagTransitive     AttrFlags = 0x40
	FlagPartial        AttrFlags = 0x20
	FlagExtendedLength AttrFlags = 0x10
)

// Origin is the value of ORIGIN; lower is preferred (RFC 4271 §9.1.2.2 b).
type Origin uint8

// The three origins.
const (
	OriginIGP        Origin = 0
	OriginEGP        Origin = 1
	OriginIncomplete Origin = 2
)

// String is the word that show prints.
func (o Origin) String() string {
	switch o {
	case OriginIGP:
		return "igp"
	case OriginEGP:
		return "egp"
	case OriginIncomplete:
		return "incomplete"
	}
	return fmt.Sprintf("origin(%d)", uint8(o))
}

// DefaultLocalPref is the degree of preference of a route that names none.
const DefaultLocalPref = 100

// Attrs is one set of path attributes as a route carries it from one iBGP peer
// to another, NLRI and the framing of MP_REACH_NLRI apart:
//
//	Before        │ ORIGINATOR_ID │ CLUSTER_LIST │ After
//	types 1 to 8  │ 9             │ 10           │ 11 and up
//	as received   │ Originator    │ Clusters     │ as received
//
// A reflector changes only the two in the middle (RFC 4456 §8), so the octets on
// either side travel untouched: they stand in ascending order of type, AS_PATH
// and AGGREGATOR with four-octet ASNs, without MP_REACH_NLRI, MP_UNREACH_NLRI
// and what RFC 4271 §5 forbids to pass on, and flag bits without a meaning are
// zero. NEXT_HOP is in Before for IPv4
// routes only; NextHop holds the address in both families.
//
// The other fields say what the decision asks. Slices alias whatever the
// decoder read from: copy before keeping.
type Attrs struct {
	Before     []byte
	Originator RouterID // 0: the attribute is absent
	Clusters   []byte   // four octets each, nearest reflector first
	After      []byte

	NextHop      netip.Addr
	Origin       Origin
	HasLocalPref bool // the peer sent one; Before has LOCAL_PREF either way
	HasMED       bool
	ASPathLength uint16 // confederation segments count nothing
	NeighborAS   ASN    // leftmost AS; ASNone for an empty path
	LocalPref    uint32 // DefaultLocalPref when absent
	MED          uint32 // 0 when absent
}
