package wire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	gobgp "github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"heddle/bgp"
)

// Described is an attribute set in words, for people.
type Described struct {
	ASPath           string
	Communities      []string
	LargeCommunities []string
	Clusters         []string
	Others           []string // attributes this project has no opinion about
}

// Describe puts an attribute set into words. Attributes that we don't handle go
// through GoBGP's codec, guarded; what it can't read or doesn't know is shown as
// octets.
func Describe(attrs *bgp.Attrs) Described {
	var d Described
	for i := 0; i+4 <= len(attrs.Clusters); i += 4 {
		d.Clusters = append(d.Clusters, bgp.ClusterID(binary.BigEndian.Uint32(attrs.Clusters[i:])).String())
	}
	for _, list := range [][]byte{attrs.Before, attrs.After} {
		for len(list) > 0 {
			a, rest, ok := nextAttribute(list)
			if !ok {
				break
			}
			list = rest
			d.add(a)
		}
	}
	return d
}

func (d *Described) add(a attribute) {
	switch a.typ {
	case bgp.AttrOrigin, bgp.AttrNextHop, bgp.AttrMED, bgp.AttrLocalPref:
	case bgp.AttrASPath:
		d.ASPath = pathText(a.value)
	case bgp.AttrCommunities:
		for i := 0; i+4 <= len(a.value); i += 4 {
			d.Communities = append(d.Communities, bgp.Community(binary.BigEndian.Uint32(a.value[i:])).String())
		}
	case bgp.AttrLargeCommunities:
		for i := 0; i+12 <= len(a.value); i += 12 {
			d.LargeCommunities = append(d.LargeCommunities, bgp.LargeCommunity{
				Global: binary.BigEndian.Uint32(a.value[i:]),
				Local1: binary.BigEndian.Uint32(a.value[i+4:]),
				Local2: binary.BigEndian.Uint32(a.value[i+8:]),
			}.String())
		}
	default:
		d.Others = append(d.Others, otherText(a))
	}
}

// pathText is an AS_PATH as operators write it: sequences plain, sets in braces,
// confederation segments in brackets.
func pathText(path []byte) string {
	marks := map[uint8][2]string{segmentSet: {"{", "}"}, segmentConfedSequence: {"(", ")"}, segmentConfedSet: {"[", "]"}}
	text := ""
	for len(path) > 0 {
		s, rest, ok := nextSegment(path, 4)
		if !ok {
			break
		}
		path = rest
		if text != "" {
			text += " "
		}
		text += marks[s.typ][0]
		for i := range s.count() {
			if i > 0 {
				text += " "
			}
			text += s.at(i).String()
		}
		text += marks[s.typ][1]
	}
	return text
}

func otherText(a attribute) string {
	read, err := guarded(func() (gobgp.PathAttributeInterface, error) {
		attr, err := gobgp.GetPathAttribute(a.whole)
		if err != nil {
			return nil, err
		}
		return attr, attr.DecodeFromBytes(a.whole)
	})
	if _, unknown := read.(*gobgp.PathAttributeUnknown); err == nil && !unknown {
		text, err := guarded(func() (string, error) { return read.String(), nil })
		if err == nil {
			return fmt.Sprintf("%s %s", a.typ, text)
		}
	}
	return fmt.Sprintf("%s 0x%s", a.typ, hex.EncodeToString(a.value))
}
