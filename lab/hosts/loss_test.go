package hosts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// etcdctl runs commands of it, which may have words of the shell in them, beside the
// embedded etcd.
func (f *fabric) etcdctl(commands string) {
	f.t.Helper()
	f.nodes["rr"].must("sh", "-c", `etcdctl() { command etcdctl --command-timeout 30s "$@"; }; `+commands)
}

// untilProblem waits until a host's agent names a problem that has all the words; none:
// that it has no problems.
func (n *node) untilProblem(words ...string) {
	n.f.t.Helper()
	n.f.until(n.name+"'s agent to say so", func() string {
		out, err := n.output(agent, "show", "problems")
		if err != nil {
			return err.Error()
		}
		if len(words) == 0 && strings.TrimSpace(out) != "no problems" {
			return out
		}
		for _, word := range words {
			if !strings.Contains(out, word) {
				return "no " + word + " in " + out
			}
		}
		return ""
	})
}

// sent waits until each flow has sent so many packets.
func (f *fabric) sent(n uint64, flows ...*flow) {
	f.t.Helper()
	for _, l := range flows {
		f.until(l.name+" to have been busy", func() string {
			if got := uint64(l.sent()); got < n {
				return fmt.Sprintf("%d sent", got)
			}
			return ""
		})
	}
}

func TestAnInventoryThatIsDeletedDisturbsNoFlow(t *testing.T) {
	f := newFabric(t, "loss")
	hosts := []*node{f.nodes["h1"], f.nodes["h2"]}
	f.agents()
	f.whole()
	f.acquaint()
	good, bad := f.flows()
	for _, lost := range []string{"/heddle/v1/workloads/", "/heddle/v1/"} {
		// Nobody can tell any more how many there were: every agent judges by its own.
		f.etcdctl(`etcdctl compact $(etcdctl put -w json /elsewhere x | grep -o '"revision":[0-9]*' | grep -o '[0-9]*')`)
		f.etcdctl("etcdctl del --prefix " + lost)
		for _, n := range hosts {
			n.untilProblem("frozen", "heddle accept", "heddle reject")
		}
		f.until("the reflector to say so", func() string {
			if out, err := f.nodes["rr"].output(reflector, "show", "problems"); err != nil || !strings.Contains(out, "frozen") {
				return out
			}
			return ""
		})
		f.nodes["rr"].must(reflector, "reject")
		for _, n := range hosts {
			n.untilProblem()
		}
	}
	f.sent(1000, append(good, bad...)...)
	checkFlows(t, good, bad)
	f.whole()
}

func TestAnAgentThatStartsWithoutEtcdGoesByItsDisk(t *testing.T) {
	f := newFabric(t, "without")
	h1, rr := f.nodes["h1"], f.nodes["rr"]
	f.agents()
	f.whole()
	f.acquaint()
	kept := filepath.Join(h1.dir, "data", "inventory")
	f.until("the inventory to be on disk", func() string {
		if content, err := os.ReadFile(kept); err != nil || !strings.Contains(string(content), "h1/w1") {
			return kept + " has no w1"
		}
		return ""
	})
	good, bad := f.flows()
	wall := []string{"INPUT", "-p", "tcp", "--dport", "2379", "!", "-i", "lo", "-j", "REJECT", "--reject-with", "tcp-reset"}
	rr.must("iptables", append([]string{"-I"}, wall...)...)
	h1.stop(syscall.SIGKILL)
	h1.start()
	h1.untilProblem("kept on disk", "ago")
	if out := h1.must(agent, "show", "workloads"); !strings.Contains(out, "w1") {
		t.Errorf("workloads: %s", out)
	}
	rr.must("iptables", append([]string{"-D"}, wall...)...)
	h1.untilProblem()
	f.sent(1000, append(good, bad...)...)
	checkFlows(t, good, bad)
	f.whole()
}
