package hosts

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// case4 is a packet and what should become of it. Addresses are written as in IPv4; the
// same packet is sent in IPv6, where it has a meaning there.
type passage struct {
	name   string
	sender string // workload, or outside
	at     string // where it should be heard: a workload, outside
	packet packet
	passes bool
	only   string // family, where the other has no such thing
}

// passages is what should pass and what should drop.
var passages = []passage{
	// Who it says it is.
	{"a workload's own address and MAC", "w1", "outside", packet{from: "10.1.0.1", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, true, ""},
	{"the address of another workload of the host", "w1", "outside", packet{from: "10.1.0.2", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"the address of a workload of another host", "w1", "outside", packet{from: "10.2.0.3", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"the address of the host", "w1", "outside", packet{from: "192.0.2.11", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"the address of another host", "w1", "outside", packet{from: "192.0.2.12", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"an address outside", "w1", "outside", packet{from: "198.51.100.1", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"an address of the pool that nobody has", "w1", "outside", packet{from: "10.1.0.99", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"no address, but not DHCP", "w1", "outside", packet{from: "0.0.0.0", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, "4"},
	{"the broadcast address", "w1", "outside", packet{from: "255.255.255.255", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, "4"},
	{"a multicast address", "w1", "outside", packet{from: "224.0.0.5", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, "4"},
	{"the loopback address", "w1", "outside", packet{from: "127.0.0.1", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"its own address with another's MAC", "w1", "outside", packet{mac: "02:00:0a:01:00:02", from: "10.1.0.1", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"its own address with a MAC of nobody's", "w1", "outside", packet{mac: "02:00:00:00:00:99", from: "10.1.0.1", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"another's address and MAC, by the wrong port", "w2", "outside", packet{mac: "02:00:0a:01:00:01", from: "10.1.0.1", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"another's address by the wrong port", "w2", "outside", packet{from: "10.1.0.1", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},
	{"a link-local address that would be forwarded", "w1", "outside", packet{from: "fe80::99", to: "2001:db8::100", protocol: udp, sport: 5000, dport: 53}, false, "6"},

	// What only servers and routers say.
	{"a DHCP server's answer to a neighbour", "w1", "w2", packet{from: "10.1.0.1", to: "10.1.0.2", protocol: udp, sport: 67, dport: 68}, false, "4"},
	{"a DHCPv6 server's answer to a neighbour", "w1", "w2", packet{from: "fd00:1::1", to: "fd00:1::2", protocol: udp, sport: 547, dport: 546}, false, "6"},
	{"a router advertisement to a neighbour", "w1", "w2", packet{from: "fd00:1::1", to: "fd00:1::2", protocol: icmp6, icmp: 134}, false, "6"},
	{"a redirect to a neighbour", "w1", "w2", packet{from: "fd00:1::1", to: "fd00:1::2", protocol: icmp6, icmp: 137}, false, "6"},
	{"a router advertisement beyond the host", "w1", "w3", packet{from: "fd00:1::1", to: "fd00:2::3", protocol: icmp6, icmp: 134}, false, "6"},

	// Tags.
	{"the same tag on another host", "w1", "w3", packet{from: "10.1.0.1", to: "10.2.0.3", protocol: tcp, sport: 5000, dport: 9999, syn: true}, true, ""},
	{"the same tag, another protocol", "w1", "w3", packet{from: "10.1.0.1", to: "10.2.0.3", protocol: udp, sport: 5000, dport: 9999}, true, ""},
	{"the same tag, the other way", "w3", "w1", packet{from: "10.2.0.3", to: "10.1.0.1", protocol: udp, sport: 5000, dport: 9998}, true, ""},
	{"the same tag, and a policy that denies the port", "w1", "w3", packet{from: "10.1.0.1", to: "10.2.0.3", protocol: tcp, sport: 5000, dport: 22, syn: true}, false, ""},
	{"another tag of the same host, which nothing allows", "w1", "w2", packet{from: "10.1.0.1", to: "10.1.0.2", protocol: tcp, sport: 5000, dport: 9999, syn: true}, false, ""},
	{"another tag of another host, which nothing allows", "w2", "w3", packet{from: "10.1.0.2", to: "10.2.0.3", protocol: tcp, sport: 5000, dport: 80, syn: true}, false, ""},

	// Rules: both ends must agree.
	{"web to db on the port allowed", "w1", "w2", packet{from: "10.1.0.1", to: "10.1.0.2", protocol: tcp, sport: 5000, dport: 5432, syn: true}, true, ""},
	{"web to db on another port", "w1", "w2", packet{from: "10.1.0.1", to: "10.1.0.2", protocol: tcp, sport: 5000, dport: 5433, syn: true}, false, ""},
	{"web to db, the port of another protocol", "w1", "w2", packet{from: "10.1.0.1", to: "10.1.0.2", protocol: udp, sport: 5000, dport: 5432}, false, ""},
	{"web of another host to db", "w3", "w2", packet{from: "10.2.0.3", to: "10.1.0.2", protocol: tcp, sport: 5000, dport: 5432, syn: true}, true, ""},
	{"db to web, which db may not say", "w2", "w1", packet{from: "10.1.0.2", to: "10.1.0.1", protocol: tcp, sport: 5000, dport: 80, syn: true}, false, ""},
	{"lb to web on the first port", "w4", "w1", packet{from: "10.2.0.4", to: "10.1.0.1", protocol: tcp, sport: 5000, dport: 80, syn: true}, true, ""},
	{"lb to web on the first port of a range", "w4", "w1", packet{from: "10.2.0.4", to: "10.1.0.1", protocol: tcp, sport: 5000, dport: 8000, syn: true}, true, ""},
	{"lb to web on the last port of a range", "w4", "w1", packet{from: "10.2.0.4", to: "10.1.0.1", protocol: tcp, sport: 5000, dport: 8010, syn: true}, true, ""},
	{"lb to web beyond the range", "w4", "w1", packet{from: "10.2.0.4", to: "10.1.0.1", protocol: tcp, sport: 5000, dport: 8011, syn: true}, false, ""},
	{"lb to web of its own host", "w4", "w3", packet{from: "10.2.0.4", to: "10.2.0.3", protocol: tcp, sport: 5000, dport: 8005, syn: true}, true, ""},
	{"lb to db, which nobody allows", "w4", "w2", packet{from: "10.2.0.4", to: "10.1.0.2", protocol: tcp, sport: 5000, dport: 5432, syn: true}, false, ""},
	{"web to lb on the port open to all, which web may not say", "w1", "w4", packet{from: "10.1.0.1", to: "10.2.0.4", protocol: tcp, sport: 5000, dport: 443, syn: true}, false, ""},

	// Prefixes, and the outside.
	{"outside to lb on the port open to all", "outside", "w4", packet{from: "192.0.2.100", to: "10.2.0.4", protocol: tcp, sport: 5000, dport: 443, syn: true}, true, ""},
	{"outside to lb on another port", "outside", "w4", packet{from: "192.0.2.100", to: "10.2.0.4", protocol: tcp, sport: 5000, dport: 444, syn: true}, false, ""},
	{"outside to web", "outside", "w1", packet{from: "192.0.2.100", to: "10.1.0.1", protocol: tcp, sport: 5000, dport: 80, syn: true}, false, ""},
	{"outside with the address of an lb", "outside", "w1", packet{from: "10.2.0.77", to: "10.1.0.1", protocol: tcp, sport: 5000, dport: 80, syn: true}, false, ""},
	{"web to the outside on a port not allowed", "w1", "outside", packet{from: "10.1.0.1", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 54}, false, ""},
	{"db to the outside", "w2", "outside", packet{from: "10.1.0.2", to: "192.0.2.100", protocol: udp, sport: 5000, dport: 53}, false, ""},

	// ICMP types.
	{"an echo request from outside", "outside", "w1", packet{from: "192.0.2.100", to: "10.1.0.1", protocol: icmp4, icmp: 8}, true, "4"},
	{"a timestamp request from outside", "outside", "w1", packet{from: "192.0.2.100", to: "10.1.0.1", protocol: icmp4, icmp: 13}, false, "4"},
	{"an ICMPv6 echo request from outside", "outside", "w1", packet{from: "2001:db8::100", to: "fd00:1::1", protocol: icmp6, icmp: 128}, true, "6"},
	{"an ICMPv6 node information query from outside", "outside", "w1", packet{from: "2001:db8::100", to: "fd00:1::1", protocol: icmp6, icmp: 139}, false, "6"},
	{"an echo request to where none is allowed", "outside", "w4", packet{from: "192.0.2.100", to: "10.2.0.4", protocol: icmp4, icmp: 8}, false, "4"},

	// Answers.
	{"an answer out of the blue", "w2", "w1", packet{from: "10.1.0.2", to: "10.1.0.1", protocol: tcp, sport: 5432, dport: 6000, syn: true, ack: true}, false, ""},
	{"an answer to what was allowed", "w2", "w1", packet{from: "10.1.0.2", to: "10.1.0.1", protocol: tcp, sport: 5432, dport: 5000, syn: true, ack: true}, true, ""},
	{"an answer from outside to what was allowed", "outside", "w1", packet{from: "192.0.2.100", to: "10.1.0.1", protocol: udp, sport: 53, dport: 5000}, true, ""},
	{"an answer from outside that nobody asked for", "outside", "w1", packet{from: "192.0.2.100", to: "10.1.0.1", protocol: udp, sport: 53, dport: 5001}, false, ""},
}

// six is the same packet in IPv6.
func (p passage) six() passage {
	swap := strings.NewReplacer(
		"10.1.0.99", "fd00:1::99", "10.1.0.", "fd00:1::", "10.2.0.", "fd00:2::", "192.0.2.100", "2001:db8::100", "192.0.2.11", "2001:db8::11",
		"192.0.2.12", "2001:db8::12", "198.51.100.1", "2001:db8:ffff::1", "127.0.0.1", "::1")
	p.packet.from, p.packet.to = swap.Replace(p.packet.from), swap.Replace(p.packet.to)
	p.name += ", IPv6"
	return p
}

func bothFamilies() (list []passage) {
	for _, p := range passages {
		if p.only != "6" {
			list = append(list, p)
		}
		switch p.only {
		case "":
			list = append(list, p.six())
		case "6":
			list = append(list, p)
		}
	}
	return list
}

// macs finds what a frame from a node is addressed by: the node's own MAC, and that of
// its next hop.
func (f *fabric) macs(p passage) (source, target net.HardwareAddr) {
	f.t.Helper()
	n := f.nodes[p.sender]
	source = f.mac(p.sender, "eth0")
	if p.sender == "outside" {
		host := "h2"
		if at := workloads[p.at]; at.host == "h1" {
			host = "h1"
		}
		target = f.mac(host, "eth0")
	} else {
		w := workloads[n.name]
		target = f.mac(w.host, w.port)
	}
	if p.packet.mac != "" {
		var err error
		source, err = net.ParseMAC(p.packet.mac)
		f.must(err)
	}
	return source, target
}

func (f *fabric) mac(node, port string) (mac net.HardwareAddr) {
	f.t.Helper()
	f.must(f.nodes[node].space.Do(func() error {
		link, err := net.InterfaceByName(port)
		if err == nil {
			mac = link.HardwareAddr
		}
		return err
	}))
	return mac
}

func TestWhatPassesAndWhatDrops(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			f := newFabric(t, "pass-"+backend)
			f.agents("--iptables", backend)
			f.whole()
			f.acquaint()
			checkPassages(t, f, bothFamilies())
		})
	}
}

// acquaint has everybody know the MAC of whom they send to, so that no packet waits for
// that while another overtakes it; and has workloads be silent about ports that nobody
// listens on, so that a flow that was allowed stays one.
func (f *fabric) acquaint() {
	f.t.Helper()
	for _, from := range []string{"h1", "h2", "rr", "outside"} {
		for _, to := range []string{"192.0.2.11", "192.0.2.12", "192.0.2.100", "192.0.2.251", "2001:db8::11", "2001:db8::12", "2001:db8::100"} {
			f.until(from+" to reach "+to, func() string { return f.nodes[from].failure("ping", "-c", "1", "-W", "1", to) })
		}
	}
	for name, w := range workloads {
		for _, tool := range []string{"iptables", "ip6tables"} {
			f.nodes[name].must(tool, "-A", "OUTPUT", "-p", "tcp", "--tcp-flags", "RST", "RST", "-j", "DROP")
		}
		for _, to := range []string{w.four, w.six} {
			f.until(w.host+" to reach "+to, func() string { return f.nodes[w.host].failure("ping", "-c", "1", "-W", "1", to) })
		}
	}
}

// checkPassages sends the packets one after the other. What should arrive is waited for;
// what should not, no longer than a packet takes that is sent after it the same way: the
// host itself reaches its workloads, and the outside hears the other hosts. Another way it
// is not quite, since each processor has a queue of its own, so that it can be overtaken.
func checkPassages(t *testing.T, f *fabric, list []passage) {
	t.Helper()
	t.Logf("%d packets", len(list))
	for _, host := range []string{"h1", "h2"} {
		// An answer may be the last of the list, and what asked for it the first.
		for _, name := range []string{"udp_timeout", "tcp_timeout_syn_sent"} {
			f.must(f.nodes[host].space.Sysctl("net.netfilter.nf_conntrack_"+name, "3600"))
		}
	}
	for i, p := range list {
		word := fmt.Sprintf("packet-%d-%s.", i, t.Name())
		last := fmt.Sprintf("overtakes-%d-%s.", i, t.Name())
		at, err := f.nodes[p.at].tap("eth0")
		f.must(err)
		source, target := f.macs(p)
		f.must(f.nodes[p.sender].inject(p.packet.frame(source, target, word)))
		if p.passes {
			last = word
		} else {
			f.overtake(p.at, last)
		}
		heard, err := at.hears(last, []string{word})
		at.close()
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		if heard[word] != p.passes {
			t.Errorf("%s: heard %t, want %t", p.name, heard[word], p.passes)
		}
	}
}

// overtake has a packet sent to a node that always arrives.
func (f *fabric) overtake(at, word string) {
	f.t.Helper()
	from, to := "rr", "192.0.2.100"
	if w, ok := workloads[at]; ok {
		from, to = w.host, w.four
	}
	f.must(f.nodes[from].space.Do(func() error {
		conn, err := net.Dial("udp", net.JoinHostPort(to, "7"))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte(word))
		return err
	}))
}
