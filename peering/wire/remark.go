package wire

import (
	"encoding/binary"

	"heddle/bgp"
)

// Remark rewrites an encoded attribute list for those who are to think less of a route:
// communities are added where they are missing, and with least LOCAL_PREF, where there
// is one, becomes 0. It allocates; it is for what happens rarely.
func Remark(list []byte, least bool, add ...bgp.Community) []byte {
	out := make([]byte, 0, len(list)+4*len(add)+4)
	done := len(add) == 0
	for len(list) > 0 {
		a, rest, ok := nextAttribute(list)
		if !ok {
			break
		}
		list = rest
		if !done && a.typ > bgp.AttrCommunities {
			out, done = appendCommunities(out, attribute{}, add), true
		}
		switch {
		case a.typ == bgp.AttrLocalPref && least:
			out = appendAttribute(out, a.flags, a.typ, make([]byte, 4))
		case a.typ == bgp.AttrCommunities && !done:
			out, done = appendCommunities(out, a, add), true
		default:
			out = append(out, a.whole...)
		}
	}
	if !done {
		out = appendCommunities(out, attribute{}, add)
	}
	return out
}

// appendCommunities appends COMMUNITIES with more among them, each before the first that
// is greater.
func appendCommunities(dst []byte, a attribute, add []bgp.Community) []byte {
	value := a.value
	for _, c := range add {
		value = withCommunity(value, c)
	}
	return appendAttribute(dst, a.flags|optionalPassed, bgp.AttrCommunities, value)
}

// withCommunity is a list of communities with one more, unless it is there.
func withCommunity(list []byte, c bgp.Community) []byte {
	at := len(list)
	for i := 0; i+4 <= len(list); i += 4 {
		switch have := bgp.Community(binary.BigEndian.Uint32(list[i:])); {
		case have == c:
			return list
		case have > c:
			at = min(at, i)
		}
	}
	more := append(make([]byte, 0, len(list)+4), list[:at]...)
	return append(binary.BigEndian.AppendUint32(more, uint32(c)), list[at:]...)
}

// HasCommunity says whether an attribute set bears a community.
func HasCommunity(attrs *bgp.Attrs, c bgp.Community) bool {
	for list := attrs.Before; len(list) > 0; {
		a, rest, ok := nextAttribute(list)
		if !ok {
			break
		}
		list = rest
		for v := a.value; a.typ == bgp.AttrCommunities && len(v) >= 4; v = v[4:] {
			if bgp.Community(binary.BigEndian.Uint32(v)) == c {
				return true
			}
		}
	}
	return false
}
