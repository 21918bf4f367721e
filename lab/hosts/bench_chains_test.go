package hosts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	manyWorkloads = 1000
	rulesEach     = 20
	sharedTags    = 10
	// settleTime is how long the agent is left alone after a change: it looks at the
	// tables every few seconds, and reads them again after a change.
	settleTime = 6 * time.Second
)

// BenchmarkChains has workloads' chains written, and one rule of them changed. Cores
// count with the programs of iptables.
func BenchmarkChains(b *testing.B) {
	for range b.N {
		rows := [][]string{{"", "first apply: wall s", "agent core-s", "iptables core-s", "one rule: wall s", "agent core-s", "iptables core-s", "idle core", "RSS MB", "peak MB", "rules"}}
		for _, backend := range []string{"nft", "legacy"} {
			for _, tags := range []int{sharedTags, manyWorkloads} {
				rows = append(rows, chains(b, backend, tags))
			}
		}
		table(fmt.Sprintf("%d workloads with %d rules each, two families", manyWorkloads, rulesEach), rows)
	}
}

func chains(b *testing.B, backend string, tags int) []string {
	x := newBench(b, fmt.Sprintf("%s%d", backend, tags))
	defer x.over()
	file := filepath.Join(x.dir, "chains.yaml")
	x.must(os.WriteFile(file, []byte(chainsInventory(tags)), 0o644))
	x.nodes["rr"].must(reflector, "apply", "-f", file)
	n := x.nodes["h1"]
	start := time.Now()
	n.run("--iptables", backend)
	pid := n.agent.Process.Pid
	x.until("the agent to connect", x.feeder.connected)
	x.must(x.feeder.say(load(0)))
	n.written(1)
	wall := time.Since(start)
	n.synced()
	time.Sleep(settleTime)
	row := []string{fmt.Sprintf("%s, %d sets of tags", backend, tags), seconds(wall)}
	own, children := x.spent(pid)
	row = append(row, seconds(own), seconds(children))

	times := n.counter("heddle_agent_rules_written_total")
	start = time.Now()
	x.apply(policy(0, tags, 9))
	n.written(times + 1)
	wall = time.Since(start)
	time.Sleep(settleTime)
	o, c := x.spent(pid)
	row = append(row, seconds(wall), seconds(o-own), seconds(c-children))
	row = append(row, fmt.Sprintf("%.1f %%", x.usedIn(pid, 10*time.Second)))
	now, peak := x.resident(pid)
	rules := 0
	for _, program := range []string{"iptables-", "ip6tables-"} {
		rules += strings.Count(n.must(program+backend+"-save"), "\n-A ")
	}
	return append(row, megas(now), megas(peak), fmt.Sprint(rules))
}

// written waits until the agent has written rules so many times.
func (n *node) written(times float64) {
	n.f.t.Helper()
	limit := time.Now().Add(2 * time.Minute)
	for n.counter("heddle_agent_rules_written_total") < times {
		if time.Now().After(limit) {
			n.f.t.Fatalf("%s: rules were not written %g times", n.name, times)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// counter is a value of the agent's metrics; 0: there is none.
func (n *node) counter(name string) (value float64) {
	out, _ := n.metrics()
	_, rest, _ := strings.Cut("\n"+out, "\n"+name+" ")
	_, _ = fmt.Sscan(rest, &value)
	return value
}

func chainsInventory(tags int) string {
	var text strings.Builder
	for i := range manyWorkloads {
		fmt.Fprintf(&text, "kind: workload\nnode: h1\nname: w%d\naddresses: [10.1.%d.%d, \"fd00:1::%x\"]\nmac: 02:00:0a:01:%02x:%02x\ninterface: tap%d\ntags: [t%d]\n---\n",
			i, i>>8, i&255, i+1, i>>8, i&255, i, i%tags)
	}
	for i := range tags {
		text.WriteString(policy(i, tags, 0) + "---\n")
	}
	return text.String()
}

// policy is the rules of one tag: half for what comes, half for what goes.
func policy(i, tags, port int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "kind: policy\nname: p%d\nappliesTo: [t%d]\n", i, i)
	for _, way := range []string{"ingress", "egress"} {
		fmt.Fprintf(&text, "%s:\n", way)
		other := map[string]string{"ingress": "from", "egress": "to"}[way]
		for rule := range rulesEach / 2 {
			peer := fmt.Sprintf("prefixes: [10.%d.0.0/16, \"fd00:%x::/32\"]", rule+10, rule+16)
			if rule == 0 {
				peer = fmt.Sprintf("tags: [t%d]", (i+1)%tags)
			}
			fmt.Fprintf(&text, "  - {action: allow, protocol: tcp, ports: [%d], %s: {%s}}\n", 1000+rule+port, other, peer)
		}
	}
	return text.String()
}
