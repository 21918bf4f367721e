package bench

import (
	"encoding/binary"
	"net/netip"

	"heddle/bgp"
)

// Clients count from 0; their addresses from 127.1.0.1. The next hops they announce
// are not addresses of the machine: every speaker treats a loopback address as a
// martian.
const (
	clientNet  = 127<<24 | 1<<16
	nextHopNet = 10<<24 | 255<<16
)

func addr4(n uint32) netip.Addr {
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], n)
	return netip.AddrFrom4(octets)
}

// clientAddr is the address that a client connects from.
func clientAddr(client int) netip.Addr { return addr4(clientNet + uint32(client) + 1) }

// routerID is a client's BGP Identifier: its address.
func routerID(client int) bgp.RouterID { return bgp.RouterID(clientNet + uint32(client) + 1) }

// nextHop is what a client announces as NEXT_HOP: 10.255.x.y or 2001:db8:ffff::x:y.
func nextHop(client int, family bgp.Family) netip.Addr {
	if family == bgp.IPv4Unicast {
		return addr4(nextHopNet + uint32(client) + 1)
	}
	octets := [16]byte{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff}
	binary.BigEndian.PutUint32(octets[12:], uint32(client)+1)
	return netip.AddrFrom16(octets)
}

// Routes count from 0, too: 100.64.0.0/10 in order, or the last 32 bits of
// 2001:db8:0:1::/96. Each is a host route.
const (
	routeNet4  = 100<<24 | 64<<16
	routeNet6  = 0x20010db8_00000001 // the upper half of the address
	hostBits4  = 32
	hostBits6  = 128
	hostBytes4 = 4
	hostBytes6 = 16
)
