package wire

import (
	"encoding/binary"

	"heddle/bgp"
)

// Honoured is the communities that everybody honours (RFC 1997, RFC 9494).
type Honoured struct {
	NoExport       bool // NO_EXPORT_SUBCONFED is one more to who is no confederation
	NoAdvertise    bool
	LongLivedStale bool
	NoLongLived    bool
}

// WellKnown says which of these an attribute set has.
func WellKnown(attrs *bgp.Attrs) (has Honoured) {
	for list := attrs.Before; len(list) > 0; {
		a, rest, ok := nextAttribute(list)
		if !ok {
			break
		}
		list = rest
		if a.typ != bgp.AttrCommunities {
			continue
		}
		for v := a.value; len(v) >= 4; v = v[4:] {
			switch bgp.Community(binary.BigEndian.Uint32(v)) {
			case bgp.NoExport, bgp.NoExportSubconfed:
				has.NoExport = true
			case bgp.NoAdvertise:
				has.NoAdvertise = true
			case bgp.LongLivedStale:
				has.LongLivedStale = true
			case bgp.NoLongLived:
				has.NoLongLived = true
			}
		}
	}
	return has
}
