package interop

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"heddle/internal/oracle"
)

// The attributes that need a name here.
const (
	attrOrigin      = 1
	attrASPath      = 2
	attrNextHop     = 3
	attrMED         = 4
	attrLocalPref   = 5
	attrAtomic      = 6
	attrAggregator  = 7
	attrCommunities = 8
	attrOriginator  = 9
	attrClusterList = 10
	attrMPReach     = 14
	attrExtended    = 16
	attrAS4Path     = 17
	attrAS4Aggr     = 18
	attrLarge       = 32
)

// straighten rewrites an UPDATE into the one form that oracle.Replay reads:
// attributes in the order of their types, one next hop in MP_REACH_NLRI, AS numbers
// of four octets. What peers send need not be so; what the reflector sends must be,
// but for the AS numbers of a peer that knows short ones only.
func straighten(update message, narrow, sorted bool) []byte {
	body := update.body
	withdrawn := 2 + int(binary.BigEndian.Uint16(body))
	end := withdrawn + 2 + int(binary.BigEndian.Uint16(body[withdrawn:]))
	attrs := readAttributes(body[withdrawn+2 : end])
	if len(attrs) == 0 {
		return update.whole
	}
	if narrow {
		attrs = widen(attrs)
	}
	if sorted {
		slices.SortStableFunc(attrs, func(a, b oracle.Attr) int { return int(a.Type) - int(b.Type) })
	}
	var list []byte
	for _, a := range attrs {
		if v := a.Value; a.Type == attrMPReach && v[3] == 32 {
			a.Value = slices.Concat(v[:3], []byte{16}, v[4:20], v[36:])
		}
		list = append(list, a.Flags|0x10, a.Type, byte(len(a.Value)>>8), byte(len(a.Value)))
		list = append(list, a.Value...)
	}
	out := binary.BigEndian.AppendUint16(slices.Clone(body[:withdrawn]), uint16(len(list)))
	return frame(typeUpdate, append(append(out, list...), body[end:]...))
}

func readAttributes(b []byte) []oracle.Attr {
	var list []oracle.Attr
	for len(b) > 0 {
		n, head := int(b[2]), 3
		if b[0]&0x10 != 0 {
			n, head = int(binary.BigEndian.Uint16(b[2:])), 4
		}
		list = append(list, oracle.Attr{Flags: b[0], Type: b[1], Value: b[head : head+n]})
		b = b[head+n:]
	}
	return list
}

// widen puts AS numbers of four octets in place of short ones (RFC 6793 §4.2.3):
// the AS4 attributes count, and of AS_PATH what it has more at its head.
func widen(attrs []oracle.Attr) []oracle.Attr {
	var path, path4, aggregator4 []byte
	for _, a := range attrs {
		switch a.Type {
		case attrASPath:
			path = widePath(a.Value)
		case attrAS4Path:
			path4 = a.Value
		case attrAS4Aggr:
			aggregator4 = a.Value
		}
	}
	if more := hops(path) - hops(path4); path4 != nil && more >= 0 {
		// The tests have one sequence each: a head of it is a head of the path.
		path = append([]byte{2, byte(hops(path))}, slices.Concat(path[2:2+4*more], path4[2:])...)
	}
	var out []oracle.Attr
	for _, a := range attrs {
		switch {
		case a.Type == attrAS4Path, a.Type == attrAS4Aggr:
			continue
		case a.Type == attrASPath:
			a.Value = path
		case a.Type == attrAggregator && aggregator4 != nil:
			a.Value = aggregator4
		case a.Type == attrAggregator:
			a.Value = append([]byte{0, 0}, a.Value...)
		}
		out = append(out, a)
	}
	return out
}

func widePath(path []byte) []byte {
	var wide []byte
	for len(path) > 0 {
		wide = append(wide, path[0], path[1])
		for i := range int(path[1]) {
			wide = append(wide, 0, 0, path[2+2*i], path[3+2*i])
		}
		path = path[2+2*int(path[1]):]
	}
	return wide
}

func hops(path []byte) int {
	if len(path) < 2 {
		return 0
	}
	return int(path[1])
}

// routeOf undoes oracle.Route.String.
func routeOf(text string) oracle.Route {
	words := strings.Fields(text)
	route := oracle.Route{NextHop: netip.MustParseAddr(words[1])}
	for _, w := range words[2:] {
		var a oracle.Attr
		head, value, _ := strings.Cut(w, ":")
		number, flags, _ := strings.Cut(head, "/")
		n, err := strconv.ParseUint(number, 10, 8)
		f, err2 := strconv.ParseUint(flags, 16, 8)
		v, err3 := hex.DecodeString(value)
		if err != nil || err2 != nil || err3 != nil {
			panic(fmt.Sprintf("interop: %q is not an attribute", w))
		}
		a.Type, a.Flags, a.Value = byte(n), byte(f), v
		route.Attrs = append(route.Attrs, a)
	}
	return route
}
