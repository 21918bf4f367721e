package bfd

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// read takes TTL and destination from what comes beside a packet. What is missing
// leaves the TTL 0, which passes nowhere that one is asked for.
func (a *arrival) read(beside []byte) {
	messages, err := unix.ParseSocketControlMessage(beside)
	if err != nil {
		return
	}
	for i := range messages {
		m := &messages[i]
		switch data := m.Data; {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_TTL && len(data) >= 4,
			m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_HOPLIMIT && len(data) >= 4:
			a.ttl = int(int32(binary.NativeEndian.Uint32(data)))
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(data) >= 12:
			a.to = netip.AddrFrom4([4]byte(data[8:12])) // struct in_pktinfo: index, ours, the packet's
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(data) >= 16:
			a.to = netip.AddrFrom16([16]byte(data[:16]))
		}
	}
}

// sendingFrom is what has a packet sent from an address; nil if it is not valid.
func sendingFrom(from netip.Addr) []byte {
	switch {
	case !from.IsValid():
		return nil
	case from.Is4():
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: from.As4()})
	}
	return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: from.As16()})
}

func sockaddr(to netip.AddrPort) unix.Sockaddr {
	if to.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
}

func addressOf(from unix.Sockaddr) netip.Addr {
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(from.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(from.Addr)
	}
	return netip.Addr{}
}
