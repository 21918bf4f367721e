package oracle

import (
	"encoding/binary"
	"slices"
)

// The communities of RFC 9494, and NO_EXPORT.
const (
	longLivedStale = 0xffff0006
	noLongLived    = 0xffff0007
	noExport       = 0xffffff01
)

// has says whether a route bears a community.
func has(r Route, community uint32) bool {
	v, _ := r.Attr(8)
	for c := range slices.Chunk(v, 4) {
		if binary.BigEndian.Uint32(c) == community {
			return true
		}
	}
	return false
}

// add gives a route a community, in front of the first that is greater.
func add(r Route, community uint32) Route {
	if has(r, community) {
		return r
	}
	var list []uint32
	v, _ := r.Attr(8)
	for c := range slices.Chunk(v, 4) {
		list = append(list, binary.BigEndian.Uint32(c))
	}
	i := slices.IndexFunc(list, func(c uint32) bool { return c > community })
	if i < 0 {
		i = len(list)
	}
	var value []byte
	for _, c := range slices.Insert(list, i, community) {
		value = append(value, Number(c)...)
	}
	return r.With(Attr{0xc0, 8, value})
}

// LongLive makes what a peer said of a family and is stale long-lived stale (RFC 9494
// §4.2).
func (m *Model) LongLive(name string, four bool) {
	for prefix, by := range m.said {
		p := by[name]
		switch {
		case p == nil || !p.stale || prefix.Addr().Is4() != four:
		case has(p.route, noLongLived):
			delete(by, name)
		default:
			p.route, p.raw = add(p.route, longLivedStale), add(p.raw, longLivedStale)
		}
	}
}
