package racks

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heddle/lab/netns"
)

// tor1 is the configuration of the FRR ToR of the first rack.
var tor1 = config("tor1.frr.conf")

// config is a configuration as the documents show it.
func config(name string) string {
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		panic("racks: " + err.Error())
	}
	return string(text)
}

// router starts a router of a kind.
func (f *fabric) router(name, maker string) {
	f.t.Helper()
	switch {
	case maker == "bird":
		f.nodes[name].bird(config(name + ".bird.conf"))
	case name == "tor2":
		// The ToRs of all racks are alike but for their numbers.
		f.frr(name, strings.NewReplacer("tor1", "tor2", "65001", "65002", "172.16.1.", "172.16.2.", "172.16.101.", "172.16.102.",
			"2001:db8:1:", "2001:db8:2:").Replace(tor1))
	default:
		f.frr(name, config(name+".frr.conf"))
	}
}

// frr starts FRR as distributions do: daemons without a configuration, then vtysh
// with the whole.
func (f *fabric) frr(name, text string) {
	f.t.Helper()
	n := f.nodes[name]
	n.file("frr.conf", text)
	vty := filepath.Join(n.dir, "vty")
	f.must(os.Mkdir(vty, 0o755))
	f.must(netns.OwnedBy("frr", n.dir, vty))
	options := map[string][]string{"zebra": {"--v6-rr-semantics"}} // an IPv6 route is replaced, not removed and added
	for _, daemon := range []string{"zebra", "staticd", "bgpd"} {
		n.launch("/usr/lib/frr/"+daemon, append(options[daemon], "-f", "/dev/null", "-i", filepath.Join(n.dir, daemon+".pid"), "-z", filepath.Join(n.dir, "zserv"),
			"--vty_socket", vty, "-P", "0", "--log", "stdout")...)
		// A socket that is there may not be listened on yet; vtysh passes over who does not.
		f.until(name+"'s "+daemon+" to listen", func() string {
			return n.failure("vtysh", "--vty_socket", vty, "-d", daemon, "-c", "show version")
		})
	}
	out := n.must("vtysh", "--vty_socket", vty, "-f", filepath.Join(n.dir, "frr.conf"))
	if strings.Contains(out, "%") {
		f.t.Fatalf("%s does not take its configuration:\n%s", name, out)
	}
}

func (n *node) vtysh(command string) (string, error) {
	return n.output("vtysh", "--vty_socket", filepath.Join(n.dir, "vty"), "-c", command)
}

func (n *node) bird(text string) {
	n.f.t.Helper()
	n.launch("bird", "-f", "-c", n.file("bird.conf", text), "-s", filepath.Join(n.dir, "ctl"))
}

func (n *node) birdc(words ...string) (string, error) {
	return n.output("birdc", append([]string{"-s", filepath.Join(n.dir, "ctl")}, words...)...)
}

// host is a machine that runs workloads.
type host struct {
	*node
	runs map[netip.Addr]route
	// keeps: what runs here stays on, whoever else says that it has it, until we say
	// otherwise. Else a migration's announcement from elsewhere takes over at once.
	keeps bool
}

// route is how a host announces a workload.
type route struct {
	via        string // in BIRD's words
	preference uint32
}

func (f *fabric) host(name string) *host {
	return &host{node: f.nodes[name], runs: map[netip.Addr]route{}}
}

func (h *host) config() string {
	workloads := map[bool]string{}
	for addr, r := range h.runs {
		workloads[addr.Is4()] += fmt.Sprintf("route %s/%d %s { bgp_local_pref = %d; };", addr, addr.BitLen(), r.via, r.preference)
	}
	text := config("host.bird.conf.in")
	if h.keeps {
		text = strings.Replace(text, "then preference = 250;", "then preference = 100;", 1)
	}
	rack, number := h.name[4:5], h.name[4:]
	return strings.NewReplacer("@RACK@", rack, "@HOST@", number, "@WORKLOADS4@", workloads[true], "@WORKLOADS6@", workloads[false]).Replace(text)
}

// start runs BIRD with what the host runs from the beginning.
func (h *host) start() { h.bird(h.config()) }

// announces sets the preference of both addresses of the workload that moves; 0 is:
// not here.
func (h *host) announces(preference uint32) {
	h.f.t.Helper()
	for _, addr := range []netip.Addr{w4, w6} {
		delete(h.runs, addr)
		if preference > 0 {
			h.runs[addr] = route{`via "eth1"`, preference}
		}
	}
	h.configure()
}

func (h *host) configure() {
	h.f.t.Helper()
	h.file("bird.conf", h.config())
	h.f.until(h.name+" to take its configuration", func() string { // it may not listen yet
		if out, err := h.birdc("configure"); err != nil || !strings.Contains(out, "Reconfig") {
			return fmt.Sprintf("%v\n%s", err, out)
		}
		return ""
	})
}

// table is what a router holds within the pools, in its own words: the next hops of
// its best routes.
func (n *node) table() (map[netip.Prefix]string, error) {
	if _, err := os.Stat(filepath.Join(n.dir, "vty")); err == nil {
		return n.tableOfFRR()
	}
	return n.tableOfBIRD()
}

func (n *node) tableOfFRR() (map[netip.Prefix]string, error) {
	table := map[netip.Prefix]string{}
	for _, family := range []string{"ipv4", "ipv6"} {
		out, err := n.vtysh("show bgp " + family + " unicast json")
		if err != nil {
			return nil, err
		}
		var shown struct {
			Routes map[netip.Prefix][]struct {
				BestPath bool
				Nexthops []struct {
					IP    netip.Addr
					Scope string
				}
			}
		}
		if err := json.Unmarshal([]byte(out), &shown); err != nil {
			return nil, fmt.Errorf("%w in %s", err, out)
		}
		for prefix, paths := range shown.Routes {
			for _, p := range paths {
				for _, hop := range p.Nexthops {
					if pooled(prefix) && p.BestPath && hop.Scope != "link-local" {
						table[prefix] = hop.IP.String()
					}
				}
			}
		}
	}
	return table, nil
}

// tableOfBIRD reads
//
//	10.1.0.5/32          unicast [spine 10:01:02.345] * (100) [AS65001i]
//		via 172.16.102.0 on eth1
//	…
//		BGP.next_hop: 172.16.102.0
func (n *node) tableOfBIRD() (map[netip.Prefix]string, error) {
	out, err := n.birdc("show", "route", "primary", "all")
	if err != nil {
		return nil, err
	}
	table := map[netip.Prefix]string{}
	var prefix netip.Prefix
	for _, line := range strings.Split(out, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if p, err := netip.ParsePrefix(words[0]); err == nil {
			prefix = p
		} else if words[0] == "BGP.next_hop:" && pooled(prefix) {
			table[prefix] = words[1]
		}
	}
	return table, nil
}

var pools = []netip.Prefix{
	netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("10.2.0.0/16"),
	netip.MustParsePrefix("fd00:1::/64"), netip.MustParsePrefix("fd00:2::/64"),
}

func pooled(p netip.Prefix) bool {
	return slices.ContainsFunc(pools, func(pool netip.Prefix) bool { return pool.Overlaps(p) && pool.Bits() <= p.Bits() })
}

// holds waits until a router's table within the pools is this: lines of a prefix and
// a next hop.
func (f *fabric) holds(name, want string) {
	f.t.Helper()
	f.until(name+" to hold its routes", func() string { return f.lacks(name, want) })
}

func (f *fabric) lacks(name, want string) string {
	table, err := f.nodes[name].table()
	if err != nil {
		return err.Error()
	}
	var lines []string
	for prefix, hop := range table {
		lines = append(lines, prefix.String()+" "+hop)
	}
	slices.Sort(lines)
	var wanted []string
	for _, line := range strings.Split(want, "\n") {
		if words := strings.Fields(line); len(words) > 0 {
			wanted = append(wanted, strings.Join(words, " "))
		}
	}
	slices.Sort(wanted)
	if slices.Equal(lines, wanted) {
		return ""
	}
	return fmt.Sprintf("%s holds\n  %s\nand should\n  %s", name, strings.Join(lines, "\n  "), strings.Join(wanted, "\n  "))
}
