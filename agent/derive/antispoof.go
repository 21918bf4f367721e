package derive

import (
	"net/netip"
	"slices"
	"strings"

	"heddle/agent/firewall"
	"heddle/topology"
)

// antispoof judges, before anything else, whether a packet comes from whom it says: the
// right MAC and the right address together, by the port that an answer would take. What
// only routers and servers say, no workload says.
func (b *builder) antispoof() {
	var in []firewall.Rule
	for _, name := range b.guarded() {
		in = append(in, firewall.Rule{In: name, Verdict: firewall.Jump, To: portsChain})
	}
	b.chain(firewall.Raw, preroutingChain, in...)
	b.hook(firewall.Raw, "PREROUTING", preroutingChain)
	b.dispatch(firewall.Raw, portsChain, func(p port) firewall.Rule {
		return firewall.Rule{In: p.Interface, Verdict: firewall.Goto, To: fromChain + p.Interface, Note: "from " + p.Name}
	})
	for _, p := range b.ports {
		b.chain(firewall.Raw, fromChain+p.Interface, b.from(p)...)
	}
}

func (b *builder) from(p port) []firewall.Rule {
	var rules []firewall.Rule
	if p.MAC != (topology.MAC{}) {
		rules = append(rules, firewall.Rule{NotMAC: p.MAC, Verdict: firewall.Drop, Note: "a MAC other than that of " + p.Name})
	}
	if b.six() {
		rules = append(rules, fromLink6()...)
	} else {
		rules = append(rules, fromLink4()...)
	}
	rules = append(rules, firewall.Rule{Spoofed: true, Verdict: firewall.Drop, Note: "the answer would go elsewhere"})
	for _, a := range p.Addresses {
		if a.Is6() == b.six() {
			rules = append(rules, firewall.Rule{Source: netip.PrefixFrom(a, a.BitLen()), Verdict: firewall.Return, Note: "address of " + p.Name})
		}
	}
	return append(rules, firewall.Rule{Verdict: firewall.Drop, Note: "an address other than those of " + p.Name})
}

// fromLink4: a client that has no address yet asks everyone for one, and only so.
func fromLink4() []firewall.Rule {
	udp := uint8(topology.UDP)
	return []firewall.Rule{
		{Protocol: udp, SourcePorts: port1(dhcpServer4), Ports: port1(dhcpClient4), Verdict: firewall.Drop, Note: "a DHCP server"},
		{
			Source: nobody4, Destination: everyone4, Protocol: udp, SourcePorts: port1(dhcpClient4), Ports: port1(dhcpServer4),
			Verdict: firewall.Return, Note: "a DHCP client without an address",
		},
	}
}

// fromLink6: what a host needs to say on its link, from its link-local address or, to
// ask whether that is free, from none (RFC 4861, RFC 4862 §5.4).
func fromLink6() []firewall.Rule {
	const v6 = uint8(topology.ICMPv6)
	rules := []firewall.Rule{
		{Protocol: v6, ICMPType: icmp(routerAdvert), Verdict: firewall.Drop, Note: "a router advertisement"},
		{Protocol: v6, ICMPType: icmp(redirect), Verdict: firewall.Drop, Note: "a redirect"},
		{Protocol: uint8(topology.UDP), SourcePorts: port1(dhcpServer6), Ports: port1(dhcpClient6), Verdict: firewall.Drop, Note: "a DHCP server"},
		{Source: nobody6, Protocol: v6, ICMPType: icmp(neighSolicit), Destination: groups6, Verdict: firewall.Return, Note: "is the address free"},
		{Source: nobody6, Protocol: v6, ICMPType: icmp(routerSolicit), Destination: groups6, Verdict: firewall.Return, Note: "is there a router"},
	}
	// Nothing with a link-local source is forwarded (RFC 4007 §9): the rest is between
	// the workload and its host.
	for _, t := range []uint8{routerSolicit, neighSolicit, neighAdvert} {
		rules = append(rules, firewall.Rule{Source: onLink6, Protocol: v6, ICMPType: icmp(t), Verdict: firewall.Return, Note: "neighbour discovery"})
	}
	return append(rules,
		firewall.Rule{Source: onLink6, Protocol: uint8(topology.UDP), SourcePorts: port1(dhcpClient6), Ports: port1(dhcpServer6), Verdict: firewall.Return, Note: "a DHCP client"},
		firewall.Rule{Source: onLink6, Destination: onLink6, Protocol: v6, Verdict: firewall.Return, Note: "ping on the link"})
}

// fanOut is how many ports are looked through one by one.
const fanOut = 16

// dispatch leads a packet to the chain of its port: by the names of interfaces, letter
// by letter where there are many, so that a thousand ports cost a few rules each packet.
func (b *builder) dispatch(table firewall.Table, name string, rule func(port) firewall.Rule) {
	ports := slices.Clone(b.ports)
	slices.SortFunc(ports, func(x, y port) int { return strings.Compare(x.Interface, y.Interface) })
	rules := b.branch(table, name, "", ports, rule)
	b.chain(table, name, append(rules, firewall.Rule{Verdict: firewall.Drop, Note: "no workload is known by this interface"})...)
}

// branch gives the rules for ports whose names begin with prefix, sorted.
func (b *builder) branch(table firewall.Table, name, prefix string, ports []port, rule func(port) firewall.Rule) []firewall.Rule {
	var rules []firewall.Rule
	if len(ports) <= fanOut {
		for _, p := range ports {
			rules = append(rules, rule(p))
		}
		return rules
	}
	for len(ports) > 0 {
		deeper := shared(ports[0].Interface, len(prefix)+1)
		n := 1
		for n < len(ports) && shared(ports[n].Interface, len(prefix)+1) == deeper {
			n++
		}
		group := ports[:n]
		ports = ports[n:]
		if n == 1 || group[0].Interface == deeper {
			// A name that ends here cannot be told from longer ones by a pattern.
			rules = append(rules, rule(group[0]))
			if group = group[1:]; len(group) == 0 {
				continue
			}
		}
		deeper = common(group)
		target := name + "-" + deeper
		below := b.branch(table, name, deeper, group, rule)
		b.chain(table, target, append(below, firewall.Rule{Verdict: firewall.Drop, Note: "no workload is known by this interface"})...)
		step := rule(group[0])
		if step.In != "" {
			step.In = deeper + "+"
		} else {
			step.Out = deeper + "+"
		}
		step.Verdict, step.To, step.Note = firewall.Goto, target, ""
		rules = append(rules, step)
	}
	return rules
}

func shared(name string, length int) string { return name[:min(length, len(name))] }

// common is the longest beginning of all names, which are sorted; it is shorter than
// each of them or the first.
func common(ports []port) string {
	first, last := ports[0].Interface, ports[len(ports)-1].Interface
	i := 0
	for i < len(first) && i < len(last) && first[i] == last[i] {
		i++
	}
	return first[:i]
}
