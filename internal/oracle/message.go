package oracle

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sort"
)

// Attr is one path attribute. MP_REACH_NLRI, MP_UNREACH_NLRI and NEXT_HOP are not
// among them: Route says the next hop.
type Attr struct {
	Flags byte
	Type  byte
	Value []byte
}

// Route is what a peer says of a prefix.
type Route struct {
	Attrs   []Attr
	NextHop netip.Addr
}

// Attr returns the value of an attribute.
func (r Route) Attr(typ byte) ([]byte, bool) {
	for _, a := range r.Attrs {
		if a.Type == typ {
			return a.Value, true
		}
	}
	return nil, false
}

// With returns the route with one attribute set, in place of what it had.
func (r Route) With(a Attr) Route {
	out := Route{NextHop: r.NextHop}
	for _, have := range r.Attrs {
		if have.Type != a.Type {
			out.Attrs = append(out.Attrs, have)
		}
	}
	out.Attrs = append(out.Attrs, a)
	sort.Slice(out.Attrs, func(i, j int) bool { return out.Attrs[i].Type < out.Attrs[j].Type })
	return out
}

// String is a form in which equal routes are equal texts. The extended length bit
// is left out, since it says nothing.
func (r Route) String() string {
	sorted := append([]Attr(nil), r.Attrs...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Type < sorted[j].Type })
	text := "via " + r.NextHop.String()
	for _, a := range sorted {
		text += fmt.Sprintf(" %d/%02x:%x", a.Type, a.Flags&^0x10, a.Value)
	}
	return text
}

func header(typ byte, body []byte) []byte {
	m := make([]byte, 0, 19+len(body))
	for range 16 {
		m = append(m, 0xff)
	}
	m = binary.BigEndian.AppendUint16(m, uint16(19+len(body)))
	return append(append(m, typ), body...)
}

func nlri(prefixes []netip.Prefix) []byte {
	var b []byte
	for _, p := range prefixes {
		b = append(b, byte(p.Bits()))
		b = append(b, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
	}
	return b
}

func attribute(a Attr) []byte {
	if len(a.Value) > 255 || a.Flags&0x10 != 0 {
		b := []byte{a.Flags | 0x10, a.Type, byte(len(a.Value) >> 8), byte(len(a.Value))}
		return append(b, a.Value...)
	}
	return append([]byte{a.Flags, a.Type, byte(len(a.Value))}, a.Value...)
}

func update(withdrawn, attrs, reach []byte) []byte {
	body := binary.BigEndian.AppendUint16(nil, uint16(len(withdrawn)))
	body = append(body, withdrawn...)
	body = binary.BigEndian.AppendUint16(body, uint16(len(attrs)))
	body = append(body, attrs...)
	return header(2, append(body, reach...))
}

// Announce is one UPDATE for prefixes of one family. It is up to the caller that
// they fit.
func Announce(route Route, prefixes ...netip.Prefix) []byte {
	var attrs []byte
	four := prefixes[0].Addr().Is4()
	if !four {
		hop := route.NextHop.As16()
		value := append([]byte{0, 2, 1, 16}, hop[:]...)
		value = append(append(value, 0), nlri(prefixes)...)
		attrs = attribute(Attr{0x90, 14, value})
	}
	hopDone := !four
	for _, a := range route.Attrs {
		if !hopDone && a.Type > 3 {
			attrs = append(attrs, attribute(Attr{0x40, 3, route.NextHop.AsSlice()})...)
			hopDone = true
		}
		attrs = append(attrs, attribute(a)...)
	}
	if !hopDone {
		attrs = append(attrs, attribute(Attr{0x40, 3, route.NextHop.AsSlice()})...)
	}
	if four {
		return update(nil, attrs, nlri(prefixes))
	}
	return update(nil, attrs, nil)
}

// Withdraw is one UPDATE that withdraws prefixes of one family.
func Withdraw(prefixes ...netip.Prefix) []byte {
	if prefixes[0].Addr().Is4() {
		return update(nlri(prefixes), nil, nil)
	}
	return update(nil, attribute(Attr{0x90, 15, append([]byte{0, 2, 1}, nlri(prefixes)...)}), nil)
}

// EndOfRIB is the End-of-RIB of IPv4 (four true) or IPv6 unicast.
func EndOfRIB(four bool) []byte {
	if four {
		return update(nil, nil, nil)
	}
	return update(nil, []byte{0x80, 15, 3, 0, 2, 1}, nil)
}

// Number is a four-octet attribute value.
func Number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// Plain is the usual route of a host: IGP origin, empty AS_PATH, LOCAL_PREF 100.
func Plain(hop netip.Addr) Route {
	return Route{NextHop: hop, Attrs: []Attr{{0x40, 1, []byte{0}}, {0x40, 2, nil}, {0x40, 5, Number(100)}}}
}
