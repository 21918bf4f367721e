package hosts

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// cycles is how often an agent is ended in each way.
const cycles = 50

// An agent that ends in whatever way, and comes back, is not noticed by a packet: not by
// one that should pass, nor by one that should not.
func TestAnAgentThatEndsDisturbsNoFlow(t *testing.T) {
	f := newFabric(t, "restarts")
	h1, h2 := f.nodes["h1"], f.nodes["h2"]
	f.agents()
	f.whole()
	f.acquaint()
	good, bad := f.flows()
	outside := f.send("outside", "w4", "10.2.0.4", 7001) // it may not say this: it only keeps conntrack busy
	before := map[string]map[string]int{"h1": h1.counters(), "h2": h2.counters()}
	for i := range cycles {
		for _, way := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			n := h1
			if (i+int(way))%2 == 0 {
				n = h2
			}
			n.stop(way)
			n.start()
		}
	}
	for _, n := range []*node{h1, h2} {
		checkCounters(t, n, before[n.name], n.counters())
		n.untilProblem()
	}
	checkFlows(t, good, bad)
	outside.end()
}

// flows are two that should pass, and do, and two that should not.
func (f *fabric) flows() (good, bad []*flow) {
	f.t.Helper()
	good = []*flow{f.send("w1", "w3", "10.2.0.3", 7000), f.send("w3", "w1", "fd00:1::1", 7000)}
	bad = []*flow{f.send("w2", "w3", "10.2.0.3", 7002), f.send("w1", "w4", "fd00:2::4", 7003)}
	for _, l := range good {
		l.begun()
	}
	return good, bad
}

// checkFlows ends flows: of the good nothing is lost, of the bad everything.
func checkFlows(t *testing.T, good, bad []*flow) {
	t.Helper()
	for _, l := range good {
		lost := l.end()
		_, twice := l.received()
		t.Logf("%s: %d sent, %d lost, %d twice", l.name, l.sent(), lost, twice)
		if lost != 0 || l.sent() < 1000 {
			t.Errorf("%s: %d of %d lost", l.name, lost, l.sent())
		}
	}
	for _, l := range bad {
		l.end()
		t.Logf("%s: %d sent, %d leaked", l.name, l.sent(), l.leaked())
		if l.leaked() != 0 || l.sent() < 1000 {
			t.Errorf("%s: %d of %d leaked", l.name, l.leaked(), l.sent())
		}
	}
}

var counted = regexp.MustCompile(`^\[(\d+):\d+\] -A (heddle-\S+) (.*)$`)

// counters is how many packets each rule of ours has matched.
func (n *node) counters() map[string]int {
	n.f.t.Helper()
	out := map[string]int{}
	for _, tool := range []string{"iptables-nft-save", "ip6tables-nft-save"} {
		for _, table := range []string{"raw", "filter"} {
			for line := range strings.Lines(n.must(tool, "-c", "-t", table)) {
				if m := counted.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
					var count int
					_, err := fmt.Sscan(m[1], &count)
					n.f.must(err)
					out[tool+" "+m[2]+" "+m[3]] = count
				}
			}
		}
	}
	return out
}

// checkCounters: a rule that was not written again counts on.
func checkCounters(t *testing.T, n *node, before, after map[string]int) {
	t.Helper()
	if len(before) < 50 || len(after) != len(before) {
		t.Errorf("%s: %d rules, then %d", n.name, len(before), len(after))
	}
	for rule, count := range before {
		if now, stays := after[rule]; !stays || now < count {
			t.Errorf("%s: %q counted %d packets, and then %d", n.name, rule, count, now)
		}
	}
}

// An agent of another release may have called its chains otherwise: the new one puts its
// own in their place in one step.
func TestAnUpgradeThatRenamesChainsDisturbsNoFlow(t *testing.T) {
	f := newFabric(t, "upgrade")
	h1, h2 := f.nodes["h1"], f.nodes["h2"]
	f.agents()
	f.whole()
	f.acquaint()
	good, bad := f.flows()
	for range 10 {
		for _, n := range []*node{h1, h2} {
			n.stop(syscall.SIGKILL)
			renamed := n.renameChains()
			if renamed < 10 {
				t.Errorf("%s: %d chains", n.name, renamed)
			}
			n.start()
			f.until("the other names to be gone", func() string {
				for rule := range n.counters() {
					if strings.Contains(rule, "heddle-0") {
						return rule + " is left"
					}
				}
				return ""
			})
		}
	}
	checkFlows(t, good, bad)
}

// renameChains gives every chain of ours another name.
func (n *node) renameChains() (count int) {
	n.f.t.Helper()
	for _, tool := range []string{"iptables", "ip6tables"} {
		for _, table := range []string{"raw", "filter"} {
			for line := range strings.Lines(n.must(tool+"-nft-save", "-t", table)) {
				name, ok := strings.CutPrefix(line, ":heddle-")
				if !ok {
					continue
				}
				name, _, _ = strings.Cut(name, " ")
				n.must(tool+"-nft", "-t", table, "-E", "heddle-"+name, fmt.Sprintf("heddle-0%d", count))
				count++
			}
		}
	}
	return count
}
