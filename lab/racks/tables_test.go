package racks

import (
	"net/netip"
	"testing"
)

// The workload that moves.
var (
	w4 = netip.MustParseAddr("10.1.0.5")
	w6 = netip.MustParseAddr("fd00:1::5")
)

const (
	normal    = 100
	migrating = 2147483135
)

func TestX(t *testing.T) {
	f := newFabric(t, "x", makers{"bird", "bird"})
	h := f.nodes["host11"].host()
	f.runsOn(map[string]string{"host11": "live"})
	h.announces(normal)
	f.holds("tor1", `10.1.0.0/16 192.0.2.254
		10.1.0.5/32 172.16.1.11
		fd00:1::/64 2001:db8::dead
		fd00:1::5/128 2001:db8:1::11`)
	f.holds("spine", `10.1.0.0/16 172.16.101.1
		fd00:1::/64 2001:db8:101::2`)
	f.holds("tor2", ``)
	f.holds("border", ``)
}
