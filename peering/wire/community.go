package wire

import (
	"encoding/binary"

	"heddle/bgp"
)

// WellKnown says which of the communities that everybody honours an attribute set has
// (RFC 1997). NO_EXPORT_SUBCONFED is one NO_EXPORT more to who is no confederation.
func WellKnown(attrs *bgp.Attrs) (noExport, noAdvertise bool) {
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
				noExport = true
			case bgp.NoAdvertise:
				noAdvertise = true
			}
		}
	}
	return noExport, noAdvertise
}
