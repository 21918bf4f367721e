package racks

import (
	"maps"
	"net/netip"
	"strings"
	"testing"
)

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

// atHome is what each router holds while the workload is in its own rack: the summary
// everywhere, and the host route in the rack alone.
var atHome = map[string]string{
	"tor1": `10.1.0.0/16   192.0.2.254
	         10.1.0.5/32   172.16.1.11
	         fd00:1::/64   2001:db8::dead
	         fd00:1::5/128 2001:db8:1::11`,
	"spine": `10.1.0.0/16  172.16.101.1
	          fd00:1::/64  2001:db8:101::2`,
	"tor2": `10.1.0.0/16   172.16.102.0
	         fd00:1::/64   2001:db8:102::1`,
	"border": `10.1.0.0/16 172.16.103.0
	           fd00:1::/64 2001:db8:103::1`,
}

// away is the same while it runs in the other rack, under "resident" of its own rack:
// a route that the spine hears of from the rack it is in; the ToR at home has it, too.
var away = map[string]string{
	"tor1": `10.1.0.0/16   192.0.2.254
	         10.1.0.5/32   172.16.2.21
	         fd00:1::/64   2001:db8::dead
	         fd00:1::5/128 2001:db8:2::21`,
	"spine": `10.1.0.0/16   172.16.101.1
	          10.1.0.5/32   172.16.102.1
	          fd00:1::/64   2001:db8:101::2
	          fd00:1::5/128 2001:db8:102::2`,
	"tor2": `10.1.0.0/16   172.16.102.0
	         10.1.0.5/32   172.16.2.21
	         fd00:1::/64   2001:db8:102::1
	         fd00:1::5/128 2001:db8:2::21`,
	"border": atHome["border"],
}

func TestX(t *testing.T) {
	f := newFabric(t, "x", makers{"bird", "bird"})
	home, other := f.nodes["host11"].host(), f.nodes["host21"].host()
	f.runsOn(map[string]string{"host11": "live"})
	home.announces(normal)
	for name, table := range atHome {
		f.holds(name, table)
	}
	receiver, streams := f.traffic(t)
	for i, s := range streams {
		f.until("packets from everywhere", func() string {
			if len(receiver.take(byte(i))) == 0 {
				return s.from + " to " + s.to.String()
			}
			return ""
		})
	}
	m := move{f: f, source: home, target: other, streams: streams, receiver: receiver, tables: away, sourcePort: receiver.ports[0], observations: 300}
	f.step("away", func() { m.run(); m.report() })
	m = move{f: f, source: other, target: home, streams: streams, receiver: receiver, tables: atHome, sourcePort: receiver.ports[1], observations: 300}
	f.step("home", func() { m.run(); m.report() })
}

var _ = maps.Keys[map[string]int]
var _ = strings.Join
