package peering

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"heddle/bgp"
)

// Source says where a session comes from.
type Source uint8

// The sources, as show peers prints them.
const (
	SourceUnknown Source = iota
	SourceEtcd           // the inventory
	SourceStatic         // the configuration file
	SourceRange          // a peer that was not expected, within an accepted range
)

// String is the word of the outside contract.
func (s Source) String() string {
	switch s {
	case SourceEtcd:
		return "etcd"
	case SourceStatic:
		return "static"
	case SourceRange:
		return "range"
	}
	return "unknown"
}

// Session is one session that should exist: a value, equal to another exactly if
// nothing about the session differs.
type Session struct {
	Remote netip.Addr // identifies the session
	Name   string     // of the node or router; several addresses of one share it
	Role   string     // host, tor, spine, border, reflector
	Rack   string
	Source Source
	// Exceptions: a border router hears of exceptions, too.
	Exceptions bool

	Kind         Kind
	RemoteASN    bgp.ASN
	Passive      bool // we never dial: clients come to us
	Families     bgp.FamilySet
	AddPath      bgp.FamilySet // of which we offer to send several routes to one prefix (RFC 7911)
	AddPathTaken bgp.FamilySet // of which we offer to take several
	Keep         bool          // we ask the peer to keep our routes while we restart: nobody else tells it them
	HoldTime     time.Duration // ours to offer; whole seconds
	Hops         int           // GTSM: how many hops away the peer may be; 0 is off
	PasswordFile string        // TCP-MD5; empty is off
	BFD          BFD           // the zero value is off

	MaxRoutes        uint32        // of one family that we take; beyond it the session ends. 0: no limit
	MaxRoutesRestart time.Duration // how long it stays down then
}

// SameWire says whether two versions of a session look the same to the peer: what
// differs only in name, rack, source or BFD does not disturb it, unless the session is
// external, for then role and rack decide what the peer hears. AddPath and Keep are for
// the next OPEN: they are not worth a session. Of a limit the peer
// hears when it exceeds it.
func (s Session) SameWire(t Session) bool {
	t.Name, t.Source = s.Name, s.Source
	if s.Kind != External {
		t.Role, t.Rack = s.Role, s.Rack
	}
	t.AddPath, t.AddPathTaken, t.Keep, t.MaxRoutes, t.MaxRoutesRestart = s.AddPath, s.AddPathTaken, s.Keep, s.MaxRoutes, s.MaxRoutesRestart
	t.BFD = s.BFD
	return s == t
}

// Range admits clients that are not expected: dynamic neighbours.
type Range struct {
	Prefix       netip.Prefix
	PasswordFile string
}

// Plan is every session that should exist. Equal plans are equal in every field.
type Plan struct {
	Sessions []Session // by Remote, ascending, no two with the same
	Ranges   []Range
	Template Session // what a client of a range is, but for Remote
}

// For a peer of a range, Admit builds its session; ok is false when no range
// covers the address.
func (p *Plan) Admit(remote netip.Addr) (s Session, ok bool) {
	best := -1
	for i, r := range p.Ranges {
		if r.Prefix.Contains(remote) && (best < 0 || r.Prefix.Bits() > p.Ranges[best].Prefix.Bits()) {
			best = i
		}
	}
	if best < 0 {
		return Session{}, false
	}
	s = p.Template
	s.Remote, s.Name, s.Source = remote, remote.String(), SourceRange
	s.PasswordFile = p.Ranges[best].PasswordFile
	return s, true
}

// Find returns the session with a peer.
func (p *Plan) Find(remote netip.Addr) (Session, bool) {
	i, ok := slices.BinarySearchFunc(p.Sessions, remote, func(s Session, a netip.Addr) int { return s.Remote.Compare(a) })
	if !ok {
		return Session{}, false
	}
	return p.Sessions[i], true
}

// Change is a session that is wanted otherwise than before.
type Change struct{ Old, New Session }

// Difference is what leads from one plan to another.
type Difference struct {
	Added   []Session
	Removed []Session
	Changed []Change
}

// Diff compares two plans.
func Diff(old, wanted *Plan) Difference {
	var d Difference
	i, j := 0, 0
	for i < len(old.Sessions) || j < len(wanted.Sessions) {
		switch order := compareAt(old.Sessions, i, wanted.Sessions, j); {
		case order < 0:
			d.Removed = append(d.Removed, old.Sessions[i])
			i++
		case order > 0:
			d.Added = append(d.Added, wanted.Sessions[j])
			j++
		default:
			if old.Sessions[i] != wanted.Sessions[j] {
				d.Changed = append(d.Changed, Change{old.Sessions[i], wanted.Sessions[j]})
			}
			i++
			j++
		}
	}
	return d
}

func compareAt(a []Session, i int, b []Session, j int) int {
	switch {
	case i == len(a):
		return 1
	case j == len(b):
		return -1
	}
	return a[i].Remote.Compare(b[j].Remote)
}

// Sort puts sessions in the order Plan wants.
func Sort(sessions []Session) {
	slices.SortFunc(sessions, func(a, b Session) int {
		return cmp.Or(a.Remote.Compare(b.Remote), cmp.Compare(a.Name, b.Name))
	})
}
