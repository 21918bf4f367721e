package fib

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// ndaProtocol (NDA_PROTOCOL) marks a neighbour as ours. A kernel before 5.0 does not
// keep it: neighbours of a port then stay until the port goes.
const ndaProtocol = 12

// neighbor is a permanent one.
type neighbor struct {
	addr netip.Addr
	mac  [6]byte
	own  bool
}

// neighbors makes the workload's addresses permanent neighbours of its port, or none
// if its MAC address is not known, and removes what else there is of ours.
func (k *Kernel) neighbors(p Port) (changed bool, err error) {
	found, err := k.permanent(p.Index)
	if err != nil {
		return false, fmt.Errorf("list neighbours: %w", err)
	}
	var want []netip.Addr
	if p.MAC != [6]byte{} {
		want = p.Addresses
		if slices.ContainsFunc(want, netip.Addr.Is6) {
			want = append(slices.Clone(want), workload6)
		}
	}
	for _, n := range found {
		if !n.own || slices.Contains(want, n.addr) {
			continue
		}
		if err := k.neighbor(unix.RTM_DELNEIGH, p.Index, n); err != nil && !errors.Is(err, unix.ENOENT) {
			return changed, fmt.Errorf("remove neighbour %s: %w", n.addr, err)
		}
		changed = true
	}
	for _, addr := range want {
		there := slices.ContainsFunc(found, func(n neighbor) bool { return n.addr == addr && n.mac == p.MAC })
		if there {
			continue
		}
		if err := k.neighbor(unix.RTM_NEWNEIGH, p.Index, neighbor{addr, p.MAC, true}); err != nil {
			return changed, fmt.Errorf("add neighbour %s: %w", addr, err)
		}
		changed = true
	}
	return changed, nil
}

// permanent lists the permanent neighbours of an interface.
func (k *Kernel) permanent(index int) (list []neighbor, err error) {
	for attempt := 1; ; attempt++ {
		list = nil
		b := k.ask.request(unix.RTM_GETNEIGH, 0, neighborSize)
		b = appendUint32(b, unix.NDA_IFINDEX, uint32(index))
		err = k.ask.dump(b, func(m message) {
			b := m.payload
			if m.kind != unix.RTM_NEWNEIGH || len(b) < neighborSize || int(native.Uint32(b[4:])) != index {
				return
			}
			inet := b[0] == unix.AF_INET || b[0] == unix.AF_INET6
			if inet && native.Uint16(b[8:])&unix.NUD_PERMANENT != 0 {
				list = append(list, neighborFrom(b[neighborSize:]))
			}
		})
		if !errors.Is(err, ErrInterrupted) || attempt == 10 {
			return list, err
		}
	}
}

func neighborFrom(list attributes) (n neighbor) {
	for {
		kind, value, ok := list.next()
		if !ok {
			return n
		}
		switch {
		case kind == unix.NDA_DST:
			n.addr, _ = netip.AddrFromSlice(value)
		case kind == unix.NDA_LLADDR && len(value) == len(n.mac):
			n.mac = [6]byte(value)
		case kind == ndaProtocol && len(value) > 0:
			n.own = value[0] == Protocol
		}
	}
}

func (k *Kernel) neighbor(kind, index int, n neighbor) error {
	var flags uint16
	if kind == unix.RTM_NEWNEIGH {
		flags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	}
	b := k.write.request(kind, flags, neighborSize)
	b[headerSize] = afOf(n.addr)
	native.PutUint32(b[headerSize+4:], uint32(index))
	native.PutUint16(b[headerSize+8:], unix.NUD_PERMANENT)
	b = appendAddr(b, unix.NDA_DST, n.addr)
	if kind == unix.RTM_NEWNEIGH {
		b = append(appendAttr(b, unix.NDA_LLADDR, len(n.mac)), n.mac[:]...)
		b = append(b, 0, 0) // to the next multiple of four
		b = append(appendAttr(b, ndaProtocol, 1), Protocol, 0, 0, 0)
	}
	return k.write.do(b)
}
