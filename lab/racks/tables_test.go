package racks

import "net/netip"

// The workload that moves.
var (
	w4 = netip.MustParseAddr("10.1.0.5")
	w6 = netip.MustParseAddr("fd00:1::5")
)

// The LOCAL_PREF of a workload that runs, and of one that arrives.
const (
	normal    = 100
	migrating = 2147483135
)

// atHome is what each router holds while the workload that moves is in its own rack.
// Host routes stay in the rack they are at home in; outside it there are summaries;
// beyond the spine there is that of the public pool alone.
var atHome = map[string]string{
	"tor1": `
		10.1.0.0/16   192.0.2.254
		10.1.0.5/32   172.16.1.11
		10.2.0.0/16   172.16.101.0
		fd00:1::/64   2001:db8::dead
		fd00:1::5/128 2001:db8:1::11
		fd00:2::/64   2001:db8:101::1`,
	"tor2": `
		10.1.0.0/16   172.16.102.0
		10.2.0.0/16   192.0.2.254
		10.2.0.7/32   172.16.2.22
		fd00:1::/64   2001:db8:102::1
		fd00:2::/64   2001:db8::dead
		fd00:2::7/128 2001:db8:2::22`,
	"spine": `
		10.1.0.0/16   172.16.101.1
		10.2.0.0/16   172.16.102.1
		fd00:1::/64   2001:db8:101::2
		fd00:2::/64   2001:db8:102::2`,
	"border": `
		10.1.0.0/16   172.16.103.0
		fd00:1::/64   2001:db8:103::1`,
}

// away is the same while it runs in the other rack: that rack's ToR tells its host
// route on, and the ToR at home knows that it must not look for it in the rack.
var away = map[string]string{
	"tor1": `
		10.1.0.0/16   192.0.2.254
		10.1.0.5/32   172.16.2.21
		10.2.0.0/16   172.16.101.0
		fd00:1::/64   2001:db8::dead
		fd00:1::5/128 2001:db8:2::21
		fd00:2::/64   2001:db8:101::1`,
	"tor2": atHome["tor2"] + `
		10.1.0.5/32   172.16.2.21
		fd00:1::5/128 2001:db8:2::21`,
	"spine": atHome["spine"] + `
		10.1.0.5/32   172.16.102.1
		fd00:1::5/128 2001:db8:102::2`,
	"border": atHome["border"],
}

// portsAtHome and portsAway are where the routers' kernels send what is for the
// workload: eth0 of a ToR is the rack, eth1 the spine; those of the spine are the ToRs.
var (
	portsAtHome = map[string]string{"tor1": "eth0", "tor2": "eth1", "spine": "eth0"}
	portsAway   = map[string]string{"tor1": "eth1", "tor2": "eth0", "spine": "eth1"}
)
