package fib

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// appendRoute writes the body of a route's message, which starts at an offset. The
// prefix must be the first attribute, where batch.prefix looks for it.
func appendRoute(b []byte, start, kind int, r Route) []byte {
	m := b[start+headerSize:]
	m[0], m[1] = afOf(r.Prefix.Addr()), uint8(r.Prefix.Bits())
	m[4], m[5] = unix.RT_TABLE_MAIN, Protocol
	b = appendAddr(b, unix.RTA_DST, r.Prefix.Addr())
	b = appendUint32(b, unix.RTA_PRIORITY, Metric)
	if kind == unix.RTM_DELROUTE {
		// Whatever type and scope the route has that bears our mark.
		m[6], m[7] = unix.RT_SCOPE_NOWHERE, unix.RTN_UNSPEC
		return b
	}
	m[6], m[7] = scope(r), unix.RTN_UNICAST
	if r.Source.IsValid() {
		b = appendAddr(b, unix.RTA_PREFSRC, r.Source)
	}
	if len(r.Hops) > 1 {
		return appendHops(b, r)
	}
	hop := r.Hops[0]
	b = appendUint32(b, unix.RTA_OIF, uint32(hop.Link))
	if hop.Via.IsValid() {
		if hop.Onlink {
			native.PutUint32(b[start+headerSize+8:], unix.RTNH_F_ONLINK)
		}
		b = appendVia(b, r.Prefix.Addr(), hop.Via)
	}
	return b
}

// scope is that of a route in IPv4; IPv6 has none and does not look. A gateway must
// be nearer than what is behind it.
func scope(r Route) uint8 {
	for i := range r.Hops {
		if r.Hops[i].Via.IsValid() {
			return unix.RT_SCOPE_UNIVERSE
		}
	}
	return unix.RT_SCOPE_LINK
}

// workload6 stands for the workload of a port where a hop must have a gateway: in
// IPv6, all that share traffic must. Port makes it a neighbour with the workload's
// MAC address. The destination as its own gateway would not do, for the kernel looks
// up where a gateway is and refuses one that another route has elsewhere; of
// addresses of the link it does not ask. The last octets are "heddle".
var workload6 = netip.MustParseAddr("fe80::6865:6464:6c65")

func appendHops(b []byte, r Route) []byte {
	list := len(b)
	b = appendAttr(b, unix.RTA_MULTIPATH, 0)
	for _, hop := range r.Hops {
		if r.Prefix.Addr().Is6() && !hop.Via.IsValid() {
			hop.Via, hop.Onlink = workload6, false
		}
		start := len(b)
		b = append(b, 0, 0, 0, 0)
		b = native.AppendUint32(b, uint32(hop.Link))
		if hop.Via.IsValid() {
			if hop.Onlink {
				b[start+2] = unix.RTNH_F_ONLINK
			}
			b = appendVia(b, r.Prefix.Addr(), hop.Via)
		}
		native.PutUint16(b[start:], uint16(len(b)-start))
	}
	native.PutUint16(b[list:], uint16(len(b)-list))
	return b
}

// appendVia writes a gateway, also one of IPv6 for IPv4 (RFC 8950).
func appendVia(b []byte, to, via netip.Addr) []byte {
	if to.Is4() == via.Is4() {
		return appendAddr(b, unix.RTA_GATEWAY, via)
	}
	raw := via.As16()
	b = appendAttr(b, unix.RTA_VIA, 2+len(raw))
	b = native.AppendUint16(b, unix.AF_INET6)
	b = append(b, raw[:]...)
	return append(b, 0, 0) // to the next multiple of four
}
