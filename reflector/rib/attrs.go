package rib

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	"heddle/bgp"
	"heddle/peering/wire"
	"heddle/summarize"
)

// setID names an interned attribute set; 0 is none.
type setID uint32

// set is an interned attribute set: one per distinct content, however many
// routes carry it. Its octets are one allocation that attrs' slices alias.
type set struct {
	attrs bgp.Attrs // Originator, where an iBGP peer gave none, is that peer
	key   []byte
	refs  uint32
	hash  uint64
	chain setID // next set with the same hash

	host   summarize.Host // that the next hop belongs to, by the map in force
	hosted bool           // there is one
	reach  summarize.Reach

	longLived bool // bears LLGR_STALE (RFC 9494): the last resort
	mortal    bool // bears NO_LLGR
}

// interner keeps every attribute set once. Equal ids mean equal sets, so that
// comparing and grouping routes by attributes is comparing integers.
type interner struct {
	seed   maphash.Seed
	sets   []set
	spare  []setID
	byHash map[uint64]setID
	work   []byte // key under construction
}

func newInterner() interner {
	return interner{seed: maphash.MakeSeed(), sets: make([]set, 1), byHash: map[uint64]setID{}}
}

func (in *interner) get(id setID) *set { return &in.sets[id] }

// intern returns the id of an attribute set as heard from a peer whose BGP
// Identifier is originator (0: not an iBGP peer), with one reference that the caller
// owns. The set is copied if it is new.
func (in *interner) intern(m *summarize.Map, attrs *bgp.Attrs, originator bgp.RouterID) setID {
	if attrs.Originator != 0 {
		originator = attrs.Originator
	}
	in.work = appendSetKey(in.work[:0], attrs, originator)
	hash := maphash.Bytes(in.seed, in.work)
	for id := in.byHash[hash]; id != 0; id = in.sets[id].chain {
		if s := &in.sets[id]; bytes.Equal(s.key, in.work) {
			s.refs++
			return id
		}
	}
	id := in.alloc()
	s := &in.sets[id]
	*s = set{attrs: *attrs, key: bytes.Clone(in.work), refs: 1, hash: hash, chain: in.byHash[hash]}
	s.attrs.Originator = originator
	rest := s.key[setKeyHead:]
	s.attrs.Before, rest = cut(rest, len(attrs.Before))
	s.attrs.Clusters, rest = cut(rest, len(attrs.Clusters))
	s.attrs.After = rest
	known := wire.WellKnown(&s.attrs)
	s.reach, s.longLived, s.mortal = reachOf(known), known.LongLivedStale, known.NoLongLived
	s.place(m)
	in.byHash[hash] = id
	return id
}

func reachOf(known wire.Honoured) summarize.Reach {
	switch {
	case known.NoAdvertise:
		return summarize.Nowhere
	case known.NoExport:
		return summarize.WithinAS
	}
	return summarize.Anywhere
}

// place finds the host that the set's next hop belongs to.
func (s *set) place(m *summarize.Map) { s.host, s.hosted = m.HostAt(s.attrs.NextHop) }

// settle places every set by a new map.
func (in *interner) settle(m *summarize.Map) {
	for i := 1; i < len(in.sets); i++ {
		if s := &in.sets[i]; s.refs > 0 {
			s.place(m)
		}
	}
}

const setKeyHead = 16 + 4 + 2 + 2

// appendSetKey makes the octets that tell one set from another: everything that
// is sent on, with lengths so that no two splits look alike.
func appendSetKey(dst []byte, attrs *bgp.Attrs, originator bgp.RouterID) []byte {
	hop := attrs.NextHop.As16()
	dst = append(dst, hop[:]...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(originator))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(attrs.Before)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(attrs.Clusters)))
	dst = append(dst, attrs.Before...)
	dst = append(dst, attrs.Clusters...)
	return append(dst, attrs.After...)
}

func cut(b []byte, n int) (head, rest []byte) { return b[:n:n], b[n:] }

func (in *interner) alloc() setID {
	if n := len(in.spare); n > 0 {
		id := in.spare[n-1]
		in.spare = in.spare[:n-1]
		return id
	}
	in.sets = append(in.sets, set{})
	return setID(len(in.sets) - 1)
}

// hold adds references; drop gives one back and frees the set with the last.
func (in *interner) hold(id setID, n int) { in.sets[id].refs += uint32(n) }

func (in *interner) drop(id setID) {
	s := &in.sets[id]
	if s.refs--; s.refs > 0 {
		return
	}
	if next := s.chain; in.byHash[s.hash] == id {
		if next == 0 {
			delete(in.byHash, s.hash)
		} else {
			in.byHash[s.hash] = next
		}
	} else {
		before := in.byHash[s.hash]
		for in.sets[before].chain != id {
			before = in.sets[before].chain
		}
		in.sets[before].chain = next
	}
	*s = set{}
	in.spare = append(in.spare, id)
}

// count is how many sets are in use.
func (in *interner) count() int { return len(in.sets) - 1 - len(in.spare) }

// loops says why a route with these attributes must not be used, or LoopNone
// (RFC 4456 §8, RFC 4271 §9.1.2). It looks at what was received: the ORIGINATOR_ID
// that we would add ourselves is the peer's, never ours.
func (r *RIB) loops(attrs *bgp.Attrs) Loop {
	switch {
	case attrs.Originator != 0 && attrs.Originator == r.self.RouterID:
		return LoopOriginator
	case inClusters(attrs.Clusters, r.self.Cluster):
		return LoopCluster
	case wire.HasAS(attrs, r.self.ASN):
		return LoopAS
	}
	return LoopNone
}

func inClusters(clusters []byte, id bgp.ClusterID) bool {
	for ; len(clusters) >= 4; clusters = clusters[4:] {
		if binary.BigEndian.Uint32(clusters) == uint32(id) {
			return true
		}
	}
	return false
}
