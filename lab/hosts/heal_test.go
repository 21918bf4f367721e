package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What somebody removes that is ours is back: a rule within seconds, a route at once.
func TestWhatIsRemovedComesBack(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			f := newFabric(t, "heal-"+backend)
			h1 := f.nodes["h1"]
			f.agents("--iptables", backend)
			f.whole()
			tables := func() string {
				return plainRules(h1.must("iptables-"+backend+"-save", "-t", "filter") + h1.must("iptables-"+backend+"-save", "-t", "raw") +
					h1.must("ip6tables-"+backend+"-save", "-t", "filter"))
			}
			routes := func() string { return h1.must("ip", "route", "show", "proto", "72") }
			iptables := "iptables-" + backend
			for _, damage := range []struct {
				name, program string
				args          []string
				same          func() string
				within        time.Duration // as promised
			}{
				{"a rule", iptables, []string{"-w", "-D", "heddle-pass", "1"}, tables, 5 * time.Second},
				{"all rules of a chain", iptables, []string{"-w", "-F", "heddle-leave"}, tables, 5 * time.Second},
				{"the way into our chains", iptables, []string{"-w", "-D", "FORWARD", "1"}, tables, 5 * time.Second},
				{"a rule before ours", iptables, []string{"-w", "-I", "FORWARD", "1", "-j", "heddle-FORWARD"}, tables, 5 * time.Second},
				{"a rule of anti-spoofing", iptables, []string{"-w", "-t", "raw", "-F", "heddle-from-tap1"}, tables, 5 * time.Second},
				{"a rule in IPv6", "ip6tables-" + backend, []string{"-w", "-F", "heddle-INPUT"}, tables, 5 * time.Second},
				{"a route to a workload", "ip", []string{"route", "del", "10.1.0.1", "proto", "72"}, routes, time.Second},
				{"a route to another host", "ip", []string{"route", "del", "10.2.0.3", "proto", "72"}, routes, time.Second},
				{"all routes", "ip", []string{"route", "flush", "proto", "72"}, routes, time.Second},
				{"a route that leads elsewhere", "ip", []string{"route", "replace", "10.2.0.3", "via", "192.0.2.251", "proto", "72", "metric", "2048"}, routes, time.Second},
			} {
				before := damage.same()
				began := time.Now()
				h1.must(damage.program, damage.args...)
				f.until(damage.name+" to be back", func() string {
					if now := damage.same(); now != before {
						return "it is\n" + now + "\nand was\n" + before
					}
					return ""
				})
				t.Logf("%s: back after %s, promised within %s", damage.name, time.Since(began).Round(time.Millisecond), damage.within)
			}
		})
	}
}

var noise = regexp.MustCompile(`(?m)^#.*\n|\[\d+:\d+\] ?`)

// plainRules is the output of iptables-save without what differs from time to time.
func plainRules(text string) string { return noise.ReplaceAllString(text, "") }

// Whatever we do, what is not ours stays, to the octet: while others write, too.
func TestForeignRulesSetsAndRoutesStay(t *testing.T) {
	f := newFabric(t, "foreign")
	h1 := f.nodes["h1"]
	foreign := func() string {
		var text strings.Builder
		for _, tool := range []string{"iptables-nft-save", "ip6tables-nft-save"} {
			for line := range strings.Lines(plainRules(h1.must(tool))) {
				// A table without rules comes and goes with who looks at it.
				if (strings.HasPrefix(line, "-A ") || strings.HasPrefix(line, ":mine")) && !strings.Contains(line, "heddle-") && !strings.Contains(line, "churn") {
					text.WriteString(line)
				}
			}
		}
		for line := range strings.Lines(h1.must("ipset", "save")) {
			if !strings.Contains(line, "heddle-") && !strings.Contains(line, "churn") {
				text.WriteString(line)
			}
		}
		for _, family := range []string{"-4", "-6"} {
			for line := range strings.Lines(h1.must("ip", family, "route", "show")) {
				// The kernel's own come when it has made an address.
				if !strings.Contains(line, "proto 72") && !strings.Contains(line, "proto kernel") && !strings.Contains(line, "198.18.") && !strings.Contains(line, "tap") {
					text.WriteString(line)
				}
			}
		}
		return text.String()
	}
	h1.must("sh", "-c", `iptables -N mine && iptables -A mine -s 198.51.100.0/24 -m comment --comment "heddles are mine" -j DROP &&
		iptables -A FORWARD -j mine && iptables -t raw -A PREROUTING -p tcp --dport 9 -j DROP && ip6tables -A INPUT -p tcp --dport 9 -j DROP &&
		iptables -t nat -A POSTROUTING -s 198.51.100.0/24 -j MASQUERADE &&
		ipset create mine hash:net && ipset add mine 10.2.0.0/16 && iptables -A mine -m set --match-set mine src -j RETURN &&
		ip route add 10.2.0.3/32 via 192.0.2.12 metric 5 && ip route add 198.51.100.0/24 via 192.0.2.251 &&
		ip route add 10.2.0.4/32 via 192.0.2.12 proto bird && ip -6 route add fd00:2::3/128 via 2001:db8::12`)
	before := foreign()
	f.agents()
	f.whole()
	stop := h1.others()
	rr := f.nodes["rr"]
	var files []string
	for i, port := range []int{6000, 6001} {
		path := filepath.Join(rr.dir, fmt.Sprint("policy", i, ".yaml"))
		f.must(os.WriteFile(path, []byte(fmt.Sprintf(
			"kind: policy\nname: churn\nappliesTo: [web]\ningress:\n  - {action: allow, protocol: tcp, ports: [%d], from: {tags: [lb]}}\n---\n"+
				"kind: workload\nnode: h2\nname: churn\naddresses: [10.2.9.%d]\ninterface: tap9\ntags: [web]\n", port, i+1)), 0o644))
		files = append(files, path)
	}
	const cycles = 1000
	for i := range cycles {
		rr.must(reflector, "apply", "-f", files[i%2])
		if i%10 == 0 {
			h1.must("ip", "link", "set", "tap2", []string{"down", "up"}[i/10%2])
		}
	}
	stop()
	h1.must("ip", "link", "set", "tap2", "up")
	written := h1.counter("heddle_agent_rules_written_total")
	t.Logf("%d cycles, rules written %g times", cycles, written)
	if written < 100 {
		t.Errorf("rules were written %g times: nothing was shown", written)
	}
	if after := foreign(); after != before {
		t.Errorf("what is not ours was\n%s\nand is\n%s", before, after)
	}
	h1.stop(15)
	h1.must(agent, "purge")
	if after := foreign(); after != before {
		t.Errorf("after purge, what is not ours was\n%s\nand is\n%s", before, after)
	}
	for _, words := range []string{"iptables-nft-save", "ip6tables-nft-save", "iptables-legacy-save", "ipset save", "ip route show", "ip -6 route show", "ip addr show", "ip neigh show"} {
		list := strings.Fields(words)
		for line := range strings.Lines(h1.must(list[0], list[1:]...)) {
			if (strings.Contains(line, "heddle-") && !strings.Contains(line, "heddles are mine")) || strings.Contains(line, "proto 72") || strings.Contains(line, "169.254.1.1") || strings.Contains(line, "PERMANENT") {
				t.Errorf("purge left %s", line)
			}
		}
	}
}

// others writes rules, sets and routes of its own until it is told to stop.
func (n *node) others() (stop func()) {
	n.f.t.Helper()
	script := `while [ ! -e stop ]; do
		iptables -w -A INPUT -p tcp --dport 1 -m comment --comment churn -j ACCEPT; iptables -w -D INPUT -p tcp --dport 1 -m comment --comment churn -j ACCEPT
		ip6tables-save >save; ip6tables-restore -w <save
		ipset create churn hash:ip; ipset add churn 198.18.0.1; ipset destroy churn
		ip route add 198.18.0.0/24 via 192.0.2.251; ip route del 198.18.0.0/24
	done`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = n.dir
	n.f.must(n.space.Start(cmd))
	return func() {
		n.f.must(os.WriteFile(filepath.Join(n.dir, "stop"), nil, 0o644))
		_ = cmd.Wait()
	}
}
