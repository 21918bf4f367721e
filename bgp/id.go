package bgp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// RouterID is a BGP Identifier: four octets, AS-wide unique and not zero
// (RFC 6286). ORIGINATOR_ID carries one (RFC 4456 §8).
type RouterID uint32

// ClusterID names a reflection cluster in CLUSTER_LIST (RFC 4456 §7).
type ClusterID uint32

// ParseRouterID reads the dotted form; 0.0.0.0 is refused (RFC 6286 §2.1).
func ParseRouterID(text string) (RouterID, error) {
	n, err := parseDotted(text)
	if err != nil {
		return 0, fmt.Errorf("router ID %q: %w", text, err)
	}
	return RouterID(n), nil
}

// ParseClusterID reads the dotted form; 0.0.0.0 is refused, since it would make
// every reflector that forgot to set one part of the same cluster.
func ParseClusterID(text string) (ClusterID, error) {
	n, err := parseDotted(text)
	if err != nil {
		return 0, fmt.Errorf("cluster ID %q: %w", text, err)
	}
	return ClusterID(n), nil
}

// String is the dotted form.
func (id RouterID) String() string { return dotted(uint32(id)) }

// String is the dotted form.
func (id ClusterID) String() string { return dotted(uint32(id)) }

func parseDotted(text string) (uint32, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is4() {
		return 0, fmt.Errorf("want four octets such as 192.0.2.1")
	}
	octets := addr.As4()
	n := binary.BigEndian.Uint32(octets[:])
	if n == 0 {
		return 0, fmt.Errorf("0.0.0.0 identifies nobody")
	}
	return n, nil
}

func dotted(n uint32) string {
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], n)
	return netip.AddrFrom4(octets).String()
}
