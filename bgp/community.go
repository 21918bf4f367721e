package bgp

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Community is an RFC 1997 community.
type Community uint32

// Well-known communities (RFC 1997, RFC 8326, RFC 9494).
const (
	GracefulShutdown  Community = 0xffff0000
	LongLivedStale    Community = 0xffff0006 // LLGR_STALE
	NoLongLived       Community = 0xffff0007 // NO_LLGR
	NoExport          Community = 0xffffff01
	NoAdvertise       Community = 0xffffff02
	NoExportSubconfed Community = 0xffffff03
)

// String is the high:low form, or the name of a well-known community.
func (c Community) String() string {
	switch c {
	case GracefulShutdown:
		return "graceful-shutdown"
	case LongLivedStale:
		return "llgr-stale"
	case NoLongLived:
		return "no-llgr"
	case NoExport:
		return "no-export"
	case NoAdvertise:
		return "no-advertise"
	case NoExportSubconfed:
		return "no-export-subconfed"
	}
	return fmt.Sprintf("%d:%d", uint32(c)>>16, uint32(c)&0xffff)
}

// LargeCommunity is an RFC 8092 community: global administrator and two local
// data parts.
type LargeCommunity struct {
	Global, Local1, Local2 uint32
}

// The first local data part of the large communities that a fabric writes itself,
// its AS being the global administrator. Nobody else's are trusted.
const (
	// LargeTag: the second part is the ID of a tag of the workload.
	LargeTag uint32 = 1
	// LargeClass: the second part is the class of an exported route.
	LargeClass uint32 = 2
	// LargeLocalPref: the second part is the LOCAL_PREF of an exported route, which
	// external peers are not sent (RFC 4271 §5.1.5).
	LargeLocalPref uint32 = 3
)

// Own says whether the community is one that a fabric of this AS writes itself.
func (c LargeCommunity) Own(asn ASN) bool {
	return c.Global == uint32(asn) && c.Local1 >= LargeTag && c.Local1 <= LargeLocalPref
}

// Compare orders communities as RFC 8092 §4 writes them, part by part.
func (c LargeCommunity) Compare(d LargeCommunity) int {
	return cmp.Or(cmp.Compare(c.Global, d.Global), cmp.Compare(c.Local1, d.Local1), cmp.Compare(c.Local2, d.Local2))
}

// String is the canonical form of RFC 8092 §4.
func (c LargeCommunity) String() string {
	return fmt.Sprintf("%d:%d:%d", c.Global, c.Local1, c.Local2)
}

// ParseLargeCommunity reads what String prints.
func ParseLargeCommunity(text string) (LargeCommunity, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return LargeCommunity{}, fmt.Errorf("large community %q: want three numbers such as 64512:1:7", text)
	}
	var n [3]uint32
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return LargeCommunity{}, fmt.Errorf("large community %q: part %d is not a 32-bit number", text, i+1)
		}
		n[i] = uint32(v)
	}
	return LargeCommunity{n[0], n[1], n[2]}, nil
}
