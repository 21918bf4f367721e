package hosts

import (
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A workload that moves: its flows are over where it was and nobody else's are; it is
// reached where it is.
func TestAWorkloadMoves(t *testing.T) {
	f := newFabric(t, "move")
	h1, h2 := f.nodes["h1"], f.nodes["h2"]
	f.agents()
	f.whole()
	f.acquaint()
	stays := f.send("w3", "w4", "10.2.0.4", 7000) // nothing allows it: it keeps a flow out of the tables
	other := f.send("w3", "outside", "192.0.2.100", 53)
	leaves := f.send("w1", "w3", "10.2.0.3", 7002)
	leaves.begun()
	other.begun()
	if flows := h1.tracked("10.1.0.1"); flows == 0 {
		t.Fatal("no flow of the workload is tracked where it is")
	}
	if flows := h2.tracked("10.2.0.3"); flows == 0 {
		t.Fatal("no flow of the bystander is tracked")
	}
	leaves.end()
	f.plug("w1", "h2", "tap9")
	f.delete("workload", "h1/w1")
	f.apply("kind: workload\nnode: h2\nname: w1\naddresses: [10.1.0.1, \"fd00:1::1\"]\nmac: 02:00:0a:01:00:01\ninterface: tap9\ntags: [web]\n")
	f.until("the route at the old host to follow", func() string {
		out, err := h1.output("ip", "route", "show", "10.1.0.1")
		if err != nil || !strings.Contains(out, "via 192.0.2.12") {
			return fmt.Sprint(out, err)
		}
		return ""
	})
	f.until("the old host to forget its flows", func() string {
		if flows := h1.tracked("10.1.0.1"); flows != 0 {
			return fmt.Sprintf("%d flows of the workload are tracked where it was", flows)
		}
		return ""
	})
	f.until("the old host to forget its chains", func() string { return h1.failure("sh", "-c", "! iptables-save | grep tap1") })
	arrives := f.send("w3", "w1", "10.1.0.1", 7003)
	arrives.begun()
	if lost := other.end(); lost != 0 {
		t.Errorf("a bystander lost %d of %d packets", lost, other.sent())
	}
	stays.end()
	if stays.leaked() != 0 {
		t.Errorf("%d packets leaked", stays.leaked())
	}
	checkMovedBack(t, f)
}

// checkMovedBack brings the workload home, prepared first.
func checkMovedBack(t *testing.T, f *fabric) {
	t.Helper()
	h1 := f.nodes["h1"]
	f.cable("w1", "eth1", "", "h1", "tap1") // as a hypervisor does, while it still runs elsewhere
	prepared := "kind: workload\nnode: h1\nname: w1\naddresses: [10.1.0.1, \"fd00:1::1\"]\nmac: 02:00:0a:01:00:01\ninterface: tap1\ntags: [web]\nstate: %s\n"
	f.apply(fmt.Sprintf(prepared, "prepared"))
	f.until("its chains to be in place where it is prepared", func() string {
		return h1.failure("sh", "-c", "iptables-save -t raw | grep -q heddle-from-tap1")
	})
	if out := h1.must("ip", "route", "show", "10.1.0.1"); !strings.Contains(out, "via 192.0.2.12") {
		t.Errorf("while it is prepared, the route is %s", out)
	}
	f.delete("workload", "h2/w1")
	f.apply(fmt.Sprintf(prepared, "live"))
	f.until("it to be routed", func() string {
		out, err := h1.output("ip", "route", "show", "10.1.0.1")
		if err != nil || !strings.Contains(out, "dev tap1") {
			return fmt.Sprint(out, err)
		}
		return ""
	})
}

// plug moves a workload's cable to a port of a host.
func (f *fabric) plug(name, host, port string) {
	f.t.Helper()
	w := workloads[name]
	n := f.nodes[name]
	n.must("ip", "link", "del", "eth0")
	f.cable(name, "eth0", "", host, port)
	n.must("ip", "link", "set", "eth0", "address", w.mac)
	n.must("ip", "addr", "add", w.four+"/32", "dev", "eth0")
	n.must("ip", "addr", "add", w.six+"/128", "dev", "eth0", "nodad")
	n.must("ip", "route", "add", "169.254.1.1", "dev", "eth0", "scope", "link")
	n.must("ip", "route", "add", "default", "via", "169.254.1.1")
	n.must("ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")
}

// tracked counts the flows that conntrack has of an address.
func (n *node) tracked(address string) int {
	n.f.t.Helper()
	out := n.must("sh", "-c", "conntrack -L 2>/dev/null | grep -c '="+address+" ' || true")
	count, err := strconv.Atoi(strings.TrimSpace(out))
	n.f.must(err)
	return count
}

// What cannot carry traffic is not announced.
func TestAWorkloadThatIsDownIsNotAnnounced(t *testing.T) {
	f := newFabric(t, "down")
	h1, h2 := f.nodes["h1"], f.nodes["h2"]
	f.agents()
	f.whole()
	routed := func(yes bool) func() string {
		return func() string {
			out, err := h2.output("ip", "route", "show", "10.1.0.2")
			if err != nil || (out != "") != yes {
				return fmt.Sprintf("%q %v", out, err)
			}
			return ""
		}
	}
	h1.must("ip", "link", "set", "tap2", "down")
	f.until("the others to hear that w2 is gone", routed(false))
	h1.must("ip", "link", "set", "tap2", "up")
	f.until("the others to hear that w2 is back", routed(true))
	f.nodes["w2"].must("ip", "link", "set", "eth0", "down")
	f.until("the others to hear that w2 has no carrier", routed(false))
	f.nodes["w2"].must("ip", "link", "set", "eth0", "up")
	f.until("the others to hear that w2 is back", routed(true))
	h2.must("ip", "addr", "del", "10.9.0.53/32", "dev", "lo")
	f.until("the others to hear that the service is gone", func() string {
		if out, err := h1.output("ip", "route", "show", "10.9.0.53"); err != nil || out != "" {
			return fmt.Sprint(out, err)
		}
		return ""
	})
}

// A port that nobody has vouched for carries nothing, not even while no agent runs.
func TestAPortThatNobodyKnowsIsClosed(t *testing.T) {
	f := newFabric(t, "closed")
	h1 := f.nodes["h1"]
	f.agents()
	f.whole()
	f.acquaint()
	h1.stop(9)
	f.space("w9")
	workloads["w9"] = workload{"h1", "tap9", "02:00:0a:01:00:09", "10.1.0.9", "fd00:1::9"}
	defer delete(workloads, "w9")
	f.workload("w9", workloads["w9"])
	h1.must("ip", "route", "add", "10.1.0.9", "dev", "tap9")
	h1.must("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/tap9/proxy_arp")
	leaks := []*flow{f.send("w9", "w1", "10.1.0.1", 7000), f.send("w9", "outside", "192.0.2.100", 53), f.send("w9", "h1", "192.0.2.11", 7001)}
	known := f.send("w3", "w1", "10.1.0.1", 7002)
	known.begun()
	f.until("enough to have been sent", func() string {
		for _, l := range leaks {
			if l.sent() < 500 {
				return fmt.Sprint(l.sent())
			}
		}
		return ""
	})
	for _, l := range leaks {
		if l.end(); l.leaked() != 0 {
			t.Errorf("%s: %d of %d packets leaked", l.name, l.leaked(), l.sent())
		}
	}
	known.end()
}

// What a workload says in ARP changes nothing on its host.
func TestALieInARPChangesNothing(t *testing.T) {
	f := newFabric(t, "arp")
	h1 := f.nodes["h1"]
	f.agents()
	f.whole()
	f.acquaint()
	// Not the link-local ones: a workload may speak for its own at any time.
	const neighbours = "ip neigh show | grep tap | grep -v '^fe80' | sort"
	before := h1.must("sh", "-c", neighbours)
	mac := func(text string) []byte { m, err := net.ParseMAC(text); f.must(err); return m }
	for _, claim := range []string{"10.1.0.2", "192.0.2.12", "169.254.1.1", "10.1.0.1"} {
		frame := append(append([]byte{}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), mac("02:00:00:00:00:66")...)
		frame = append(frame, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2)
		frame = append(append(frame, mac("02:00:00:00:00:66")...), net.ParseIP(claim).To4()...)
		frame = append(append(frame, mac("ff:ff:ff:ff:ff:ff")...), net.ParseIP(claim).To4()...)
		f.must(f.nodes["w1"].inject(frame))
	}
	// The answer to this comes after whatever those did.
	f.until("w1 to reach its host", func() string { return f.nodes["w1"].failure("ping", "-c", "1", "-W", "1", "192.0.2.11") })
	if after := h1.must("sh", "-c", neighbours); after != before {
		t.Errorf("neighbours were\n%s\nand are\n%s", before, after)
	}
	if all := h1.must("ip", "neigh", "show"); strings.Contains(all, "00:66") {
		t.Errorf("the liar is a neighbour:\n%s", all)
	}
}

// away is how long etcd and the reflector are gone.
const away = 15 * time.Second

// The whole control plane goes away: nothing is written, traffic flows, and nobody is
// busy about it; when it is back, only what differs is written.
func TestNothingHappensWhileTheControlPlaneIsAway(t *testing.T) {
	f := newFabric(t, "away")
	h1, rr := f.nodes["h1"], f.nodes["rr"]
	f.agents()
	f.whole()
	f.acquaint()
	flow := f.send("w1", "w3", "10.2.0.3", 7000)
	flow.begun()
	monitor := h1.history()
	rules := func() string { return h1.must("sh", "-c", "(iptables-save; ip6tables-save) | grep -e ^-A -e ^:heddle") }
	before := rules()
	f.must(rr.space.Kill())
	began, busy := time.Now(), h1.cpu()
	f.until("the control plane to have been away for long", func() string {
		if rest := away - time.Since(began); rest > 0 {
			return rest.String()
		}
		return ""
	})
	used := (h1.cpu() - busy) / time.Since(began).Seconds() * 100
	t.Logf("the agent used %.2f %% of a core while both were away", used)
	if lines := monitor(); lines != "" {
		t.Errorf("routes were written:\n%s", lines)
	}
	if now := rules(); now != before {
		t.Errorf("rules were\n%s\nand are\n%s", before, now)
	}
	monitor = h1.history()
	f.startReflector()
	f.until("the reflector to answer", func() string { return rr.failure(reflector, "show", "problems") })
	f.apply("kind: workload\nnode: h2\nname: new\naddresses: [10.2.0.8]\ninterface: tap8\ntags: [web]\n")
	f.space("w8")
	f.cable("w8", "", "", "h2", "tap8")
	f.until("the news to arrive", func() string {
		out, err := h1.output("ip", "route", "show", "10.2.0.8")
		if err != nil || out == "" {
			return fmt.Sprint("no route ", err)
		}
		return ""
	})
	for line := range strings.Lines(monitor()) {
		if !strings.Contains(line, "10.2.0.8 ") {
			t.Errorf("more than the difference was written: %s", line)
		}
	}
	lost := flow.end()
	t.Logf("%d packets sent, %d lost", flow.sent(), lost)
	if lost != 0 {
		t.Errorf("%d of %d packets lost", lost, flow.sent())
	}
}

// history gives what happened to routes when it is asked, by everybody's hand.
func (n *node) history() (stop func() string) {
	n.f.t.Helper()
	path := n.dir + "/monitor"
	cmd := exec.Command("sh", "-c", "exec ip monitor route >"+path)
	n.f.must(n.space.Start(cmd))
	marker := 0
	mark := func() {
		marker++
		address := fmt.Sprintf("198.18.1.%d", marker)
		n.f.until("the monitor to listen", func() string {
			n.must("ip", "route", "replace", "blackhole", address)
			n.must("ip", "route", "del", "blackhole", address)
			return n.failure("grep", "-q", address, path)
		})
	}
	mark()
	return func() string {
		n.f.t.Helper()
		mark()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return n.must("sh", "-c", "grep -v -e 198.18.1 -e 'table local' "+path+" || true")
	}
}

// cpu is the seconds of processor time that the agent has used, its children included.
func (n *node) cpu() float64 {
	n.f.t.Helper()
	out := n.must("cat", fmt.Sprintf("/proc/%d/stat", n.agent.Process.Pid))
	fields := strings.Fields(out[strings.LastIndex(out, ")")+1:])
	total := 0
	for _, i := range []int{11, 12, 13, 14} {
		ticks, err := strconv.Atoi(fields[i])
		n.f.must(err)
		total += ticks
	}
	return float64(total) / 100
}
