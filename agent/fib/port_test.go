package fib

import (
	"errors"
	"net/netip"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// sysctl reads a value under /proc/sys/net, or writes it first if one is given.
func (h *host) sysctl(file string, value ...string) string {
	h.t.Helper()
	file = "/proc/sys/net/" + file
	if len(value) > 0 {
		_, err := h.space.Output(exec.Command("sh", "-c", "echo "+value[0]+" >'"+file+"'"))
		must(h.t, err)
	}
	out, err := h.space.Output(exec.Command("cat", file))
	must(h.t, err)
	return strings.TrimSpace(string(out))
}

// state is all that Port touches on an interface.
func (h *host) state(name string) string {
	var b strings.Builder
	for family, list := range map[string][]sysctl{"ipv4": sysctls4(), "ipv6": sysctls6()} {
		for _, s := range list {
			file := path.Join(family, s.group, name, s.name)
			b.WriteString(file + "=" + h.sysctl(file) + "\n")
		}
	}
	lines := strings.Split(b.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n" + h.ip("-o addr show dev "+name+" to 169.254.0.0/16", "-o addr show dev "+name+" to fe80::1/128", "neigh show nud permanent dev "+name)
}

func workload(h *host, name string) Port {
	return Port{Name: name, Index: h.index(name), MAC: [6]byte{2, 0, 0, 0, 0, 5}, Addresses: []netip.Addr{netip.MustParseAddr("10.1.0.5"), netip.MustParseAddr("2001:db8:9::5")}}
}

func (h *host) ported(p Port, want bool) {
	h.t.Helper()
	changed, err := h.Port(p)
	if err != nil || changed != want {
		h.t.Fatalf("Port says %t, %v; want %t", changed, err, want)
	}
}

func TestAPortIsMadeReadyOnceAndUndoneWithoutATrace(t *testing.T) {
	for _, name := range []string{"tap1", "tap.2", "t@p$x"} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			if name != "tap1" {
				h.ip("link set tap1 down", "link set tap1 name "+name, "link set "+name+" up")
			}
			// Without another address, IPv4's neighbours would go with the gateway's.
			h.ip("addr add 203.0.113.1/32 dev "+name, "neigh add 10.1.0.77 lladdr 02:00:00:00:00:77 dev "+name+" nud permanent")
			h.sysctl("ipv6/conf/"+name+"/accept_dad", "1")
			before := h.state(name)
			p := workload(h, name)
			h.ported(p, true)
			h.ported(p, false)
			ready := h.state(name)
			for _, want := range []string{
				"forwarding=1\n", "rp_filter=1", "proxy_arp=1", "proxy_delay=0", "send_redirects=0", "accept_redirects=0", "accept_ra=0",
				"169.254.1.1/32 scope host", "fe80::1/64 scope link", "10.1.0.5 lladdr 02:00:00:00:00:05 PERMANENT proto 72",
				"2001:db8:9::5 lladdr 02:00:00:00:00:05 PERMANENT proto 72", "10.1.0.77 lladdr",
			} {
				if !strings.Contains(ready, want) {
					t.Errorf("there is no %q in\n%s", want, ready)
				}
			}
			if strings.Contains(ready, "tentative") {
				t.Errorf("the gateway can't be used at once:\n%s", ready)
			}
			must(t, h.Unport(p.Index, name))
			must(t, h.Unport(p.Index, name))
			if after := h.state(name); !same(after, before) {
				t.Errorf("before there was\n%safter\n%s", before, after)
			}
		})
	}
}

func TestWhatSomebodyChangesOnAPortIsPutBack(t *testing.T) {
	h := newHost(t)
	p := workload(h, "tap1")
	h.ported(p, true)
	want := h.state("tap1")
	for _, change := range []func(){
		func() { h.sysctl("ipv4/conf/tap1/rp_filter", "2") },
		func() { h.sysctl("ipv6/conf/tap1/accept_ra", "1") },
		func() { h.sysctl("ipv4/neigh/tap1/proxy_delay", "80") },
		func() { h.ip("addr del 169.254.1.1/32 dev tap1") },
		func() { h.ip("addr del fe80::1/64 dev tap1") },
		func() { h.ip("neigh replace 10.1.0.5 lladdr 02:00:00:00:00:66 dev tap1") },
		func() { h.ip("neigh del 2001:db8:9::5 dev tap1") },
		func() { h.ip("neigh add 10.1.0.6 lladdr 02:00:00:00:00:66 dev tap1 nud permanent protocol 72") },
	} {
		change()
		h.ported(p, true)
		if got := h.state("tap1"); !same(got, want) {
			t.Errorf("there is\n%swant\n%s", got, want)
		}
		h.ported(p, false)
	}
}

// same: the order of neighbours means nothing.
func same(a, b string) bool {
	return slices.Equal(slices.Sorted(strings.Lines(a)), slices.Sorted(strings.Lines(b)))
}

func TestNeighboursFollowTheWorkload(t *testing.T) {
	h := newHost(t)
	p := workload(h, "tap1")
	h.ported(p, true)
	p.Addresses = []netip.Addr{netip.MustParseAddr("10.1.0.6")}
	h.ported(p, true)
	if got := h.ip("neigh show nud permanent dev tap1"); got != "10.1.0.6 lladdr 02:00:00:00:00:05 PERMANENT proto 72 \n" {
		t.Errorf("neighbours are\n%s", got)
	}
	p.MAC = [6]byte{}
	h.ported(p, true)
	if got := h.ip("neigh show nud permanent dev tap1"); got != "" {
		t.Errorf("neighbours are\n%s", got)
	}
	h.ported(p, false)
}

func TestAPortWithoutIPv6(t *testing.T) {
	h := newHost(t)
	h.sysctl("ipv6/conf/tap1/disable_ipv6", "1")
	p := workload(h, "tap1")
	if _, err := h.Port(p); err == nil || !strings.Contains(err.Error(), "disable_ipv6") {
		t.Errorf("an IPv6 workload: %v", err)
	}
	p.Addresses = p.Addresses[:1]
	h.ported(p, true)
	h.ported(p, false)
	must(t, h.Unport(p.Index, p.Name))
}

// An index or a name that another interface has by now is not touched.
func TestAnInterfaceThatIsGoneOrAnotherIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		name     string
		commands []string
	}{
		{"gone", []string{"link del tap1"}},
		{"renamed", []string{"link set tap1 down", "link set tap1 name tap9"}},
		{"gone, and its index given to another", []string{"link del tap1", "link add tap8 index INDEX type bridge"}},
		{"gone, and its name given to another", []string{"link del tap1", "link add name tap1 type bridge"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			p := workload(h, "tap1")
			for _, command := range c.commands {
				h.ip(strings.ReplaceAll(command, "INDEX", strconv.Itoa(p.Index)))
			}
			if changed, err := h.Port(p); changed || !errors.Is(err, unix.ENODEV) {
				t.Errorf("Port says %t, %v", changed, err)
			}
			must(t, h.Unport(p.Index, p.Name))
			if got := h.ip("addr show to 169.254.1.1"); got != "" {
				t.Errorf("somebody has the gateway's address\n%s", got)
			}
		})
	}
}

func TestForwarding(t *testing.T) {
	h := newHost(t)
	h.sysctl("ipv4/ip_forward", "0")
	h.sysctl("ipv6/conf/all/forwarding", "0")
	h.sysctl("ipv6/conf/eth1/accept_ra", "0")
	for _, want := range []bool{true, false} {
		for _, family := range bgp.Families {
			if changed, err := h.Forward(family); changed != want || err != nil {
				t.Errorf("%s: %t, %v; want %t", family, changed, err, want)
			}
		}
	}
	for file, want := range map[string]string{
		"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1", "ipv6/conf/eth0/accept_ra": "2", "ipv6/conf/eth1/accept_ra": "0", "ipv6/conf/default/accept_ra": "1",
	} {
		if got := h.sysctl(file); got != want {
			t.Errorf("%s is %s, want %s", file, got, want)
		}
	}
	for value, want := range map[string]bool{"0": false, "1": false, "2": true} {
		h.sysctl("ipv4/conf/all/rp_filter", value)
		if loose, err := h.LooseRPF(); loose != want || err != nil {
			t.Errorf("rp_filter %s is loose: %t, %v", value, loose, err)
		}
	}
}

func TestThePortAnswersForTheGatewayForOthersAndForTheHost(t *testing.T) {
	h := newHost(t)
	_, err := h.Forward(bgp.IPv4Unicast)
	must(t, err)
	h.ported(Port{Name: "tap1", Index: h.index("tap1"), Addresses: []netip.Addr{netip.MustParseAddr("10.1.0.5")}}, true)
	h.Replace(Route{Prefix: netip.MustParsePrefix("10.1.0.5/32"), Hops: []Hop{{Link: h.index("tap1")}}})
	h.Replace(Route{Prefix: netip.MustParsePrefix("10.1.0.6/32"), Hops: []Hop{{Link: h.index("tap2")}}})
	h.flushed()
	far := func(args string) (string, error) {
		out, err := h.far.Output(exec.Command("ip", strings.Fields(args)...))
		return string(out), err
	}
	// The workload takes all these to be on its link.
	_, err = far("addr add 10.1.0.5/32 dev eth2")
	must(t, err)
	for _, to := range []string{"169.254.1.1", "10.1.0.6", "192.0.2.11"} {
		_, err := far("route add " + to + "/32 dev eth2 src 10.1.0.5")
		must(t, err)
		_, err = h.far.Output(exec.Command("sh", "-c", "echo >/dev/udp/"+to+"/9 2>/dev/null || bash -c 'echo >/dev/udp/"+to+"/9'"))
		must(t, err)
		eventually(t, "an answer for "+to, func() bool {
			out, err := far("neigh show " + to + " dev eth2")
			return err == nil && strings.Contains(out, "lladdr")
		})
	}
}
