package oracle

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sort"
	"strings"
)

// Table is what a peer holds: the routes it was sent, in text form.
type Table map[netip.Prefix]string

// Replay reads a stream of messages as a peer would and keeps the table that
// results.
type Replay struct {
	Table Table
	// AddPath: prefixes come with path identifiers (RFC 7911).
	AddPath bool
	// EndOfRIB counts the markers, IPv4 first.
	EndOfRIB [2]int
	// Refreshes counts ROUTE-REFRESH messages by subtype.
	Refreshes [3]int
	// Updates counts UPDATEs, Octets everything.
	Updates, Octets int
	// Needless counts withdrawals of what was not held.
	Needless int
	// On, if set, is told everything in order.
	On func(Event)
	// Raw, if set, is handed each whole UPDATE.
	Raw func([]byte)

	rest  []byte
	paths map[netip.Prefix]map[uint32]string
}

// Event is one thing the stream said: an announcement when Route is not nil, a
// withdrawal when only Prefix is valid, and else what Text says.
type Event struct {
	Prefix netip.Prefix
	Path   uint32 // identifier, 0 without add-path
	Route  *Route
	Text   string // "end-of-rib ipv4", "begin-refresh", …
}

func (r *Replay) tell(e Event) {
	if r.On != nil {
		r.On(e)
	}
}

// NewReplay returns a reader with an empty table.
func NewReplay() *Replay { return &Replay{Table: Table{}, paths: map[netip.Prefix]map[uint32]string{}} }

// Feed reads more of the stream; messages may be cut anywhere.
func (r *Replay) Feed(octets []byte) error {
	r.Octets += len(octets)
	r.rest = append(r.rest, octets...)
	for len(r.rest) >= 19 {
		length := int(binary.BigEndian.Uint16(r.rest[16:]))
		if length < 19 {
			return fmt.Errorf("message of length %d", length)
		}
		if len(r.rest) < length {
			return nil
		}
		if err := r.message(r.rest[18], r.rest[19:length], r.rest[:length]); err != nil {
			return err
		}
		r.rest = r.rest[length:]
	}
	return nil
}

// Whole says whether the stream ended between two messages.
func (r *Replay) Whole() bool { return len(r.rest) == 0 }

func (r *Replay) message(typ byte, body, whole []byte) error {
	switch typ {
	case 2:
		r.Updates++
		if r.Raw != nil {
			r.Raw(whole)
		}
		return r.update(body)
	case 4:
		return nil
	case 5:
		r.Refreshes[body[2]]++
		r.tell(Event{Text: [...]string{"refresh", "begin-refresh", "end-refresh"}[body[2]] + " " + family(body[1] == 1)})
		return nil
	}
	return fmt.Errorf("message of type %d among the routes", typ)
}

func (r *Replay) update(body []byte) error {
	withdrawn, rest := take16(body)
	attrs, reach := take16(rest)
	if len(body) == 4 {
		r.EndOfRIB[0]++
		r.tell(Event{Text: "end-of-rib ipv4"})
		return nil
	}
	for _, p := range r.prefixes(withdrawn, true) {
		r.withdraw(p)
	}
	route, mpReach, mpUnreach, err := parseRoute(attrs)
	if err != nil {
		return err
	}
	if mpUnreach != nil {
		if len(mpUnreach) == 3 {
			r.EndOfRIB[1]++
			r.tell(Event{Text: "end-of-rib ipv6"})
		}
		for _, p := range r.prefixes(mpUnreach[3:], false) {
			r.withdraw(p)
		}
	}
	for _, p := range r.prefixes(reach, true) {
		r.announce(p, route)
	}
	if mpReach != nil {
		route.NextHop = netip.AddrFrom16([16]byte(mpReach[4:20]))
		for _, p := range r.prefixes(mpReach[21:], false) {
			r.announce(p, route)
		}
	}
	return nil
}

// named is a prefix with its path identifier.
type named struct {
	netip.Prefix
	id uint32
}

func (r *Replay) announce(p named, route Route) {
	if r.paths[p.Prefix] == nil {
		r.paths[p.Prefix] = map[uint32]string{}
	}
	r.paths[p.Prefix][p.id] = route.String()
	r.join(p.Prefix)
	r.tell(Event{Prefix: p.Prefix, Path: p.id, Route: &route})
}

func (r *Replay) withdraw(p named) {
	if _, held := r.paths[p.Prefix][p.id]; !held {
		r.Needless++
	}
	delete(r.paths[p.Prefix], p.id)
	r.join(p.Prefix)
	r.tell(Event{Prefix: p.Prefix, Path: p.id})
}

// join writes the paths of a prefix into the table.
func (r *Replay) join(p netip.Prefix) {
	var texts []string
	for _, text := range r.paths[p] {
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		delete(r.Table, p)
		return
	}
	sort.Strings(texts)
	r.Table[p] = strings.Join(texts, " and ")
}

func family(four bool) string {
	if four {
		return "ipv4"
	}
	return "ipv6"
}

func take16(b []byte) (value, rest []byte) {
	n := int(binary.BigEndian.Uint16(b))
	return b[2 : 2+n], b[2+n:]
}

func parseRoute(b []byte) (route Route, mpReach, mpUnreach []byte, err error) {
	last := -1
	for len(b) > 0 {
		a := Attr{Flags: b[0], Type: b[1]}
		n, head := int(b[2]), 3
		if a.Flags&0x10 != 0 {
			n, head = int(binary.BigEndian.Uint16(b[2:])), 4
		}
		a.Value, b = b[head:head+n], b[head+n:]
		switch a.Type {
		case 3:
			route.NextHop, _ = netip.AddrFromSlice(a.Value)
		case 14:
			mpReach = a.Value
			continue
		case 15:
			mpUnreach = a.Value
			continue
		default:
			route.Attrs = append(route.Attrs, a)
		}
		if int(a.Type) <= last {
			return route, nil, nil, fmt.Errorf("attribute %d after attribute %d", a.Type, last)
		}
		last = int(a.Type)
	}
	return route, mpReach, mpUnreach, nil
}

func (r *Replay) prefixes(b []byte, four bool) []named {
	var list []named
	for len(b) > 0 {
		var id uint32
		if r.AddPath {
			id, b = binary.BigEndian.Uint32(b), b[4:]
		}
		bits := int(b[0])
		size := (bits + 7) / 8
		var octets [16]byte
		copy(octets[:], b[1:1+size])
		addr := netip.AddrFrom16(octets)
		if four {
			addr = netip.AddrFrom4([4]byte(octets[:4]))
		}
		list = append(list, named{netip.PrefixFrom(addr, bits), id})
		b = b[1+size:]
	}
	return list
}

// Paths counts the paths of each prefix of a family that is held.
func (r *Replay) Paths(four bool) map[netip.Prefix]int {
	counts := map[netip.Prefix]int{}
	for p, by := range r.paths {
		if p.Addr().Is4() == four && len(by) > 0 {
			counts[p] = len(by)
		}
	}
	return counts
}
