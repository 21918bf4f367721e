package interop

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"heddle/internal/oracle"
)

// view is a route in words that every speaker has. Sets are sorted, since a
// speaker may show them in any order.
type view struct {
	NextHop     netip.Addr
	Origin      string // igp, egp, incomplete
	Path        []uint32
	LocalPref   uint32
	MED         uint32
	HasMED      bool
	Communities []string // 64512:7
	Large       []string // 64512:10:2
	Originator  netip.Addr
	Clusters    []netip.Addr
	Unknown     []string // type:value in hexadecimal
}

// views are the routes a speaker holds of one peer.
type views map[netip.Prefix]view

// origins are the names of ORIGIN's values.
var origins = [...]string{"igp", "egp", "incomplete"}

// viewOf puts a route into words.
func viewOf(route oracle.Route) view {
	v := view{NextHop: route.NextHop}
	for _, a := range route.Attrs {
		switch a.Type {
		case attrOrigin:
			v.Origin = origins[a.Value[0]]
		case attrASPath:
			for path := a.Value; len(path) > 0; path = path[2+4*int(path[1]):] {
				v.Path = append(v.Path, numbers(path[2:2+4*int(path[1])])...)
			}
		case attrMED:
			v.MED, v.HasMED = binary.BigEndian.Uint32(a.Value), true
		case attrLocalPref:
			v.LocalPref = binary.BigEndian.Uint32(a.Value)
		case attrOriginator:
			v.Originator = netip.AddrFrom4([4]byte(a.Value))
		case attrClusterList:
			for id := range slices.Chunk(a.Value, 4) {
				v.Clusters = append(v.Clusters, netip.AddrFrom4([4]byte(id)))
			}
		case attrCommunities:
			for c := range slices.Chunk(a.Value, 4) {
				v.Communities = append(v.Communities, community(binary.BigEndian.Uint32(c)))
			}
		case attrLarge:
			for c := range slices.Chunk(a.Value, 12) {
				n := numbers(c)
				v.Large = append(v.Large, fmt.Sprintf("%d:%d:%d", n[0], n[1], n[2]))
			}
		case attrAtomic, attrAggregator, attrExtended: // compared on the wire alone
		default:
			v.Unknown = append(v.Unknown, unknown(a.Type, a.Value))
		}
	}
	return v.sorted()
}

// unknown is the head of an attribute: BIRD doesn't show more of a long one.
func unknown(typ byte, value []byte) string {
	return fmt.Sprintf("%d:%x", typ, value[:min(len(value), 100)])
}

func (v view) sorted() view {
	slices.Sort(v.Communities)
	slices.Sort(v.Large)
	slices.Sort(v.Unknown)
	return v
}

func community(n uint32) string { return fmt.Sprintf("%d:%d", n>>16, n&0xffff) }

func numbers(b []byte) []uint32 {
	var list []uint32
	for n := range slices.Chunk(b, 4) {
		list = append(list, binary.BigEndian.Uint32(n))
	}
	return list
}

// String is the view as a line.
func (v view) String() string {
	text := fmt.Sprintf("via %s origin %s path %v lp %d", v.NextHop, v.Origin, v.Path, v.LocalPref)
	if v.HasMED {
		text += fmt.Sprintf(" med %d", v.MED)
	}
	return text + fmt.Sprintf(" comm %v large %v originator %s clusters %v unknown %v", v.Communities, v.Large, v.Originator, v.Clusters, v.Unknown)
}

// viewsOf puts a table into words.
func viewsOf(table oracle.Table) views {
	list := views{}
	for prefix, text := range table {
		list[prefix] = viewOf(routeOf(text))
	}
	return list
}

// through shows views as a speaker would that does not show everything.
func (list views) through(blind func(view) view) views {
	if blind == nil {
		return list
	}
	seen := views{}
	for prefix, v := range list {
		seen[prefix] = blind(v)
	}
	return seen
}

// difference says in which prefixes what is held is not what is wanted: empty when
// they are the same.
func difference[V any](held, want map[netip.Prefix]V) string {
	var text strings.Builder
	all := maps.Clone(held)
	if all == nil {
		all = map[netip.Prefix]V{}
	}
	maps.Copy(all, want)
	for _, p := range slices.SortedFunc(maps.Keys(all), netip.Prefix.Compare) {
		h, isHeld := held[p]
		w, isWanted := want[p]
		switch {
		case !isHeld:
			fmt.Fprintf(&text, "  %s is missing, want %v\n", p, w)
		case !isWanted:
			fmt.Fprintf(&text, "  %s should be gone, is %v\n", p, h)
		case fmt.Sprint(h) != fmt.Sprint(w):
			fmt.Fprintf(&text, "  %s is %v\n  %swant %v\n", p, h, strings.Repeat(" ", max(0, len(p.String())-2)), w)
		}
	}
	return text.String()
}
