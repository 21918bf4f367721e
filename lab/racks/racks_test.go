package racks

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAWorkloadMovesBetweenRacksOfFRR(t *testing.T) {
	story(t, "frr", makers{tor2: "frr", border: "frr"})
}

func TestAWorkloadMovesBetweenARackOfFRRAndOneOfBIRD(t *testing.T) {
	story(t, "bird", makers{tor2: "bird", border: "bird"})
}

// story moves a workload to the other rack and back, twice: first the source delivers
// until it withdraws, as where two instances overlap; then it sends everything on as
// soon as it hears of the target, as where a machine is paused here and runs there.
func story(t *testing.T, name string, m makers) {
	f := newFabric(t, name, m)
	home, other := f.host("host11"), f.host("host21")
	f.step("at home: summaries in the fabric, the host route in the rack, the public pool outside", func() {
		f.runsOn(map[string]string{"host11": "live"})
		home.announces(normal)
		for router, table := range atHome {
			f.holds(router, table)
		}
	})
	f.step("each rack's hosts have the default route of their own ToR", func() {
		f.leaves("host11", "172.16.1.1", "2001:db8:1::1")
		f.leaves("host22", "172.16.2.1", "2001:db8:2::1")
	})
	receiver, streams := f.traffic(t)
	for _, keeps := range []bool{true, false} {
		kind := "the source sends on at once"
		if keeps {
			kind = "the source delivers until it withdraws"
		}
		home.keeps, other.keeps = keeps, keeps
		home.configure()
		other.configure()
		f.step("away, "+kind, func() {
			m := move{
				f: f, source: home, target: other, tables: away, ports: portsAway,
				streams: streams, receiver: receiver, sourcePort: receiver.ports[0],
			}
			m.run()
			m.report()
			f.shows([]string{"show", "exceptions"}, "10.1.0.5/32", "r1", "r2", "host21")
			f.shows([]string{"show", "summaries"}, "10.1.0.0/16", "since") // by which the border finds it
			f.shows([]string{"show", "racks"}, "r1")
			f.shows([]string{"explain", "10.1.0.5", "--to", "tor1"}, "NO_ADVERTISE")
			f.shows([]string{"explain", "10.1.0.5", "--to", "tor2"}, "an exception that lives in the rack")
		})
		f.step("home, "+kind, func() {
			m := move{
				f: f, source: other, target: home, tables: atHome, ports: portsAtHome,
				streams: streams, receiver: receiver, sourcePort: receiver.ports[1],
			}
			m.run()
			m.report()
		})
	}
}

// leaves sees to it that a host's kernel sends what is for outside to a gateway.
func (f *fabric) leaves(host, v4, v6 string) {
	f.t.Helper()
	for address, gateway := range map[string]string{"198.51.100.1": v4, "2001:db8:ffff::10": v6} {
		f.until(host+" to know the way out", func() string {
			out, err := f.nodes[host].output("ip", "route", "get", address)
			if err != nil || !strings.Contains(out, "via "+gateway+" ") {
				return out
			}
			return ""
		})
	}
}

// shows waits until what heddle prints has a line with these words.
func (f *fabric) shows(command []string, words ...string) {
	f.t.Helper()
	f.until(fmt.Sprintf("heddle %s to have a line with %q", strings.Join(command, " "), words), func() string {
		out, err := f.nodes["rr"].output(heddle, command...)
		if err != nil {
			return err.Error()
		}
		for _, line := range strings.Split(out, "\n") {
			if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
				f.t.Logf("heddle %s\n%s", strings.Join(command, " "), out)
				return ""
			}
		}
		return out
	})
}
