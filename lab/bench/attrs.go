package bench

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"net/netip"

	"heddle/bgp"
)

// attrID names an attribute set that some client announces; absent is none.
type attrID uint32

const absent attrID = 0

// attrKey is what one of our attribute sets is made of.
type attrKey struct {
	owner   int32 // the client
	group   int32 // its routes come in groups, one community each; 0 has none
	version int32 // a change is a new version: another community; 0 has none
	pref    uint32
}

const defaultPref = bgp.DefaultLocalPref

// attrSets are the attribute sets in use. They change between phases only, so that
// the threads that read may look without a lock.
type attrSets struct {
	family bgp.Family
	asn    bgp.ASN
	seed   maphash.Seed
	ids    map[attrKey]attrID
	keys   []attrKey // by attrID
	known  map[uint64]attrID
}

func newAttrSets(family bgp.Family, asn bgp.ASN) *attrSets {
	return &attrSets{
		family: family, asn: asn, seed: maphash.MakeSeed(),
		ids: map[attrKey]attrID{}, keys: make([]attrKey, 1), known: map[uint64]attrID{},
	}
}

// id is the number of an attribute set, new or not.
func (a *attrSets) id(key attrKey) attrID {
	if id, ok := a.ids[key]; ok {
		return id
	}
	id := attrID(len(a.keys))
	a.ids[key], a.keys = id, append(a.keys, key)
	var s signature
	s.list(a.encode(key))
	if a.family == bgp.IPv6Unicast {
		s.nextHop(a.nextHop(key).AsSlice())
	}
	a.known[s.hash(a.seed)] = id
	return id
}

func (a *attrSets) owner(id attrID) int32 { return a.keys[id].owner }

func (a *attrSets) nextHop(key attrKey) netip.Addr { return nextHop(int(key.owner), a.family) }

// encode gives the attribute list as a client sends it; the next hop of IPv6 routes
// is not part of it.
func (a *attrSets) encode(key attrKey) []byte {
	list := []byte{
		byte(bgp.FlagTransitive), byte(bgp.AttrOrigin), 1, byte(bgp.OriginIGP),
		byte(bgp.FlagTransitive), byte(bgp.AttrASPath), 0,
	}
	if a.family == bgp.IPv4Unicast {
		list = append(list, byte(bgp.FlagTransitive), byte(bgp.AttrNextHop), 4)
		list = append(list, a.nextHop(key).AsSlice()...)
	}
	list = append(list, byte(bgp.FlagTransitive), byte(bgp.AttrLocalPref), 4)
	list = binary.BigEndian.AppendUint32(list, key.pref)
	var communities []byte
	if key.group > 0 {
		communities = binary.BigEndian.AppendUint32(communities, 64512<<16|uint32(key.group))
	}
	if key.version > 0 {
		communities = binary.BigEndian.AppendUint32(communities, 64513<<16|uint32(key.version))
	}
	if len(communities) > 0 {
		list = append(list, byte(bgp.FlagOptional|bgp.FlagTransitive), byte(bgp.AttrCommunities), byte(len(communities)))
		list = append(list, communities...)
	}
	return list
}

// signature is an attribute set as it must survive reflection: every attribute but
// the two that a reflector adds, in ascending order of type.
type signature struct {
	attrs      [32]attribute
	n          int
	originator uint32
	clusters   int // octets of CLUSTER_LIST
}

type attribute struct {
	typ   byte
	value []byte
}

// list takes an encoded attribute list; ok is false when it is malformed or too
// long to be one of ours.
func (s *signature) list(b []byte) (ok bool) {
	for len(b) > 0 {
		typ, value, rest, ok := nextAttr(b)
		if !ok || !s.add(typ, value) {
			return false
		}
		b = rest
	}
	return true
}

// nextAttr takes an attribute off a list.
func nextAttr(b []byte) (typ byte, value, rest []byte, ok bool) {
	if len(b) < 3 {
		return 0, nil, nil, false
	}
	head, length := 3, int(b[2])
	if bgp.AttrFlags(b[0])&bgp.FlagExtendedLength != 0 {
		if len(b) < 4 {
			return 0, nil, nil, false
		}
		head, length = 4, int(binary.BigEndian.Uint16(b[2:]))
	}
	if len(b) < head+length {
		return 0, nil, nil, false
	}
	return b[1], b[head : head+length], b[head+length:], true
}

func (s *signature) add(typ byte, value []byte) (ok bool) {
	switch bgp.AttrType(typ) {
	case bgp.AttrOriginatorID:
		if len(value) != 4 {
			return false
		}
		s.originator = binary.BigEndian.Uint32(value)
		return true
	case bgp.AttrClusterList:
		s.clusters = len(value)
		return len(value) > 0 && len(value)%4 == 0
	case bgp.AttrMPReach, bgp.AttrMPUnreach: // the caller's
		return true
	case bgp.AttrMED:
		// FRR says 0 where nothing was said, which is the same (RFC 4271 §9.1.2.2 c).
		if bytes.Equal(value, []byte{0, 0, 0, 0}) {
			return true
		}
	}
	return s.insert(typ, value)
}

// nextHop takes the next hop of IPv6 routes, which is not in the list: the first 16
// octets, after which a link-local one may follow (RFC 2545 §3).
func (s *signature) nextHop(value []byte) (ok bool) {
	return len(value) >= hostBytes6 && s.insert(byte(bgp.AttrMPReach), value[:hostBytes6])
}

func (s *signature) insert(typ byte, value []byte) (ok bool) {
	if s.n == len(s.attrs) {
		return false
	}
	i := s.n
	for ; i > 0 && s.attrs[i-1].typ > typ; i-- {
		s.attrs[i] = s.attrs[i-1]
	}
	s.attrs[i] = attribute{typ, value}
	s.n++
	return true
}

func (s *signature) hash(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, a := range s.attrs[:s.n] {
		_ = h.WriteByte(a.typ)
		_ = h.WriteByte(byte(len(a.value)))
		_, _ = h.Write(a.value)
	}
	return h.Sum64()
}

// find says which of our attribute sets was reflected; absent for none. A route
// that is reflected names its originator and at least one cluster (RFC 4456 §8);
// one that is only copied has neither.
func (a *attrSets) find(s *signature, copied bool) attrID {
	id := a.known[s.hash(a.seed)]
	if id == absent || copied {
		return id
	}
	if s.originator != uint32(routerID(int(a.keys[id].owner))) || s.clusters == 0 {
		return absent
	}
	return id
}
