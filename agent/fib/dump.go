package fib

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// dumped is what Dump reuses from route to route.
type dumped struct {
	now, last Found // of the message, and of those before it
	nowProto  uint8
	lastProto uint8
}

// Dump calls yield for each unicast and dead route of table main of a family, until
// yield says false. The Found and its Hops are valid only during the call. It returns
// ErrInterrupted after the last if it has to be done again.
//
// yield may call Replace and Remove. Should these be sent before the dump is over,
// then the kernel may leave out routes of IPv6, whose walk a change disturbs.
func (k *Kernel) Dump(family bgp.Family, yield func(*Found) bool) error {
	if family == bgp.IPv6Unicast && k.ipv6 == nil {
		return nil
	}
	d := &k.dumped
	pending, more := false, true
	b := k.ask.request(unix.RTM_GETROUTE, 0, routeSize)
	b[headerSize], b[headerSize+4] = af(family), unix.RT_TABLE_MAIN
	b = appendUint32(b, unix.RTA_TABLE, unix.RT_TABLE_MAIN)
	err := k.ask.dump(b, func(m message) {
		// After yield said no the rest is read all the same: the kernel has no other end.
		if !more || !d.parse(m, af(family)) {
			return
		}
		if pending && d.sibling() {
			d.last.Hops = append(d.last.Hops, d.now.Hops...)
			return
		}
		if pending {
			more = yield(&d.last)
		}
		d.now, d.last, d.lastProto, pending = d.last, d.now, d.nowProto, true
	})
	if pending && more {
		yield(&d.last)
	}
	if err != nil && !errors.Is(err, ErrInterrupted) {
		return fmt.Errorf("dump %s routes: %w", family, err)
	}
	return err
}

// sibling: the message is about the same route as those before it. IPv6 has hops
// that no gateway binds together, as of two router advertisements, as routes of
// their own with the same metric, one behind the other.
func (d *dumped) sibling() bool {
	return d.now.Prefix.Addr().Is6() && d.now.Prefix == d.last.Prefix && d.now.Metric == d.last.Metric &&
		d.nowProto == d.lastProto && !d.now.Dead && !d.last.Dead
}

// parse reads a route into now; ok is false for one that nobody wants to know of.
func (d *dumped) parse(m message, family uint8) (ok bool) {
	b := m.payload
	if m.kind != unix.RTM_NEWROUTE || len(b) < routeSize || b[0] != family {
		return false
	}
	flags := native.Uint32(b[8:])
	if flags&unix.RTM_F_CLONED != 0 {
		return false
	}
	d.now = Found{Route: Route{Hops: d.now.Hops[:0]}}
	d.nowProto = b[5]
	switch b[7] {
	case unix.RTN_UNICAST:
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT, unix.RTN_THROW:
		d.now.Dead = true
	default:
		return false
	}
	table, dst := d.attributes(b[routeSize:], uint32(b[4]), flags)
	if table != unix.RT_TABLE_MAIN {
		return false
	}
	d.now.Prefix = prefixFrom(family, b[1], dst)
	d.now.Own = d.nowProto == Protocol && d.now.Metric == Metric
	if d.now.Dead {
		d.now.Hops = d.now.Hops[:0] // IPv6 says lo
	}
	d.now.normalise()
	return true
}

func (d *dumped) attributes(list attributes, header, flags uint32) (table uint32, dst []byte) {
	table = header
	hop := Hop{Onlink: flags&unix.RTNH_F_ONLINK != 0}
	for {
		kind, value, ok := list.next()
		if !ok {
			break
		}
		switch kind {
		case unix.RTA_TABLE:
			table = uint32From(value)
		case unix.RTA_DST:
			dst = value
		case unix.RTA_PRIORITY:
			d.now.Metric = uint32From(value)
		case unix.RTA_PREFSRC:
			d.now.Source, _ = netip.AddrFromSlice(value)
		case unix.RTA_OIF:
			hop.Link = int(uint32From(value))
		case unix.RTA_GATEWAY, unix.RTA_VIA:
			hop.Via = gateway(kind, value)
		case unix.RTA_MULTIPATH:
			d.hops(value)
		}
	}
	if len(d.now.Hops) == 0 {
		d.now.Hops = append(d.now.Hops, hop)
	}
	return table, dst
}

// hops reads RTA_MULTIPATH.
func (d *dumped) hops(b []byte) {
	for len(b) >= hopSize {
		size := int(native.Uint16(b))
		if size < hopSize || size > len(b) {
			return
		}
		hop := Hop{Link: int(native.Uint32(b[4:])), Onlink: b[2]&unix.RTNH_F_ONLINK != 0}
		for list := attributes(b[hopSize:size]); ; {
			kind, value, ok := list.next()
			if !ok {
				break
			}
			if kind == unix.RTA_GATEWAY || kind == unix.RTA_VIA {
				hop.Via = gateway(kind, value)
			}
		}
		d.now.Hops = append(d.now.Hops, hop)
		b = b[min(align(size), len(b)):]
	}
}

// gateway reads RTA_GATEWAY or RTA_VIA, the gateway of another family.
func gateway(kind uint16, value []byte) netip.Addr {
	if kind == unix.RTA_VIA && len(value) > 2 {
		value = value[2:]
	}
	addr, _ := netip.AddrFromSlice(value)
	return addr
}

// normalise undoes what appendHops does for hops without a gateway in IPv6.
func (f *Found) normalise() {
	for i := range f.Hops {
		if f.Own && f.Hops[i].Via == workload6 {
			f.Hops[i].Via = netip.Addr{}
		}
	}
}

func uint32From(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return native.Uint32(b)
}
