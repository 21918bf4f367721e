package derive

import (
	"fmt"
	"net/netip"
	"strings"

	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/topology"
)

// The chains. What stands behind a kernel's chain has its name.
const (
	preroutingChain = firewall.Prefix + "PREROUTING"
	inputChain      = firewall.Prefix + "INPUT"
	forwardChain    = firewall.Prefix + "FORWARD"
	outputChain     = firewall.Prefix + "OUTPUT"

	portsChain    = firewall.Prefix + "ports"   // raw: by which port it came
	fromChain     = firewall.Prefix + "from-"   // raw, per port: is it who it says
	passChain     = firewall.Prefix + "pass"    // forwarded from or to a port
	leaveChain    = firewall.Prefix + "leave"   // by which port: the sender's egress
	enterChain    = firewall.Prefix + "enter"   // by which port: the receiver's ingress
	hostChain     = firewall.Prefix + "host"    // from a port to the host
	toServices    = firewall.Prefix + "svc-in"  // to a service on the host
	fromServices  = firewall.Prefix + "svc-out" // from one
	ingressChain  = firewall.Prefix + "ingress-"
	egressChain   = firewall.Prefix + "egress-"
	dhcpServer4   = 67
	dhcpClient4   = 68
	dhcpServer6   = 547
	dhcpClient6   = 546
	routerSolicit = 133
	routerAdvert  = 134
	neighSolicit  = 135
	neighAdvert   = 136
	redirect      = 137
)

var (
	everyone4 = netip.MustParsePrefix("255.255.255.255/32")
	nobody4   = netip.MustParsePrefix("0.0.0.0/32")
	nobody6   = netip.MustParsePrefix("::/128")
	onLink6   = netip.MustParsePrefix("fe80::/10")
	groups6   = netip.MustParsePrefix("ff00::/8")
)

// filter writes the chains of both families:
//
//	raw     PREROUTING ─ a port ─► ports ─► from-PORT     right MAC, right address, the way it would go back; else drop
//
//	filter  FORWARD ─ a port, in or out ─► pass           established first; then both must agree:
//	                                        ├─► leave ─► egress-TAGS      of the workload it comes from
//	                                        └─► enter ─► ingress-TAGS     of the workload it goes to
//	        INPUT ─ a port ─► host                        the host's own rules have the last word
//	              ─ a service ─► svc-in ─► ingress-TAGS
//	        OUTPUT ─ a service ─► svc-out ─► egress-TAGS
//
// Whoever agrees returns; what nobody agreed to is dropped where it is. Workloads with
// the same tags share chains, so that a change of a policy is one change.
func (d *deriver) filter() {
	for _, f := range bgp.Families {
		b := &builder{deriver: d, family: f, rules: d.state.Filter.Of(f)}
		b.antispoof()
		b.forward()
		b.host()
		b.profiles()
	}
	d.sets()
}

// builder writes the rules of one family.
type builder struct {
	*deriver
	family bgp.Family
	rules  *firewall.Ruleset
}

func (b *builder) six() bool { return b.family == bgp.IPv6Unicast }

func (b *builder) chain(table firewall.Table, name string, rules ...firewall.Rule) {
	b.rules.Chains = append(b.rules.Chains, firewall.Chain{Table: table, Name: name, Rules: rules})
}

func (b *builder) hook(table firewall.Table, chain, to string) {
	b.rules.Hooks = append(b.rules.Hooks, firewall.Hook{Table: table, Chain: chain, To: to})
}

// guarded is every interface that packets are judged by: patterns, and ports that none
// of them covers.
func (d *deriver) guarded() []string {
	list := append([]string(nil), d.cfg.Patterns...)
	for _, p := range d.ports {
		if !d.covered(p.Interface) {
			list = append(list, p.Interface)
		}
	}
	return list
}

func (d *deriver) covered(name string) bool {
	for _, pattern := range d.cfg.Patterns {
		if covers(pattern, name) {
			return true
		}
	}
	return false
}

func covers(pattern, name string) bool {
	prefix, any := strings.CutSuffix(pattern, "+")
	return name == pattern || (any && strings.HasPrefix(name, prefix))
}

// forward judges what passes through the host.
func (b *builder) forward() {
	var in, rules []firewall.Rule
	rules = append(rules,
		firewall.Rule{State: firewall.Invalid, Verdict: firewall.Drop, Note: "no packet of any flow"},
		firewall.Rule{State: firewall.Established, Verdict: firewall.Accept, Note: "of a flow that was allowed"})
	for _, name := range b.guarded() {
		in = append(in,
			firewall.Rule{In: name, Verdict: firewall.Jump, To: passChain},
			firewall.Rule{Out: name, Verdict: firewall.Jump, To: passChain})
		rules = append(rules, firewall.Rule{In: name, Verdict: firewall.Jump, To: leaveChain})
	}
	for _, name := range b.guarded() {
		rules = append(rules, firewall.Rule{Out: name, Verdict: firewall.Jump, To: enterChain})
	}
	rules = append(rules, firewall.Rule{Verdict: firewall.Accept, Note: "both ends agree"})
	b.chain(firewall.Filter, forwardChain, in...)
	b.chain(firewall.Filter, passChain, rules...)
	b.hook(firewall.Filter, "FORWARD", forwardChain)
	b.dispatch(firewall.Filter, leaveChain, func(p port) firewall.Rule {
		return firewall.Rule{In: p.Interface, Verdict: firewall.Goto, To: egressChain + p.profile, Note: "from " + p.Name}
	})
	b.dispatch(firewall.Filter, enterChain, func(p port) firewall.Rule {
		return firewall.Rule{Out: p.Interface, Verdict: firewall.Goto, To: ingressChain + p.profile, Note: "to " + p.Name}
	})
}

// host judges what workloads send to the host, and what reaches and leaves services on
// it. The host's own sockets reach its workloads: who is root there needs no leave.
func (b *builder) host() {
	in := []firewall.Rule{{In: "lo", Verdict: firewall.Return, Note: "the host with itself"}}
	out := []firewall.Rule{{Out: "lo", Verdict: firewall.Return, Note: "the host with itself"}}
	for _, name := range b.guarded() {
		in = append(in, firewall.Rule{In: name, Verdict: firewall.Jump, To: hostChain})
	}
	svcIn, svcOut := b.serviceRules(b.cfg.FailsafeIn), b.serviceRules(b.cfg.FailsafeOut)
	for _, s := range b.mine() {
		at := netip.PrefixFrom(s.addr, s.addr.BitLen())
		in = append(in, firewall.Rule{Destination: at, Verdict: firewall.Jump, To: toServices, Note: "service " + s.name})
		out = append(out, firewall.Rule{Source: at, Verdict: firewall.Jump, To: fromServices, Note: "service " + s.name})
		svcIn = append(svcIn, firewall.Rule{Destination: at, Verdict: firewall.Goto, To: ingressChain + s.profile, Note: "to " + s.name})
		svcOut = append(svcOut, firewall.Rule{Source: at, Verdict: firewall.Goto, To: egressChain + s.profile, Note: "from " + s.name})
	}
	b.chain(firewall.Filter, inputChain, in...)
	b.chain(firewall.Filter, outputChain, out...)
	b.chain(firewall.Filter, hostChain, b.toHost()...)
	b.chain(firewall.Filter, toServices, svcIn...)
	b.chain(firewall.Filter, fromServices, svcOut...)
	b.hook(firewall.Filter, "INPUT", inputChain)
	b.hook(firewall.Filter, "OUTPUT", outputChain)
}

// mine is the services of the family.
func (b *builder) mine() (list []service) {
	for _, s := range b.services {
		if s.addr.Is6() == b.six() {
			list = append(list, s)
		}
	}
	return list
}

// toHost is what a workload may send to its host.
func (b *builder) toHost() []firewall.Rule {
	rules := b.linkRules()
	client, server := uint16(dhcpClient4), uint16(dhcpServer4)
	if b.six() {
		client, server = dhcpClient6, dhcpServer6
	}
	rules = append(rules,
		firewall.Rule{Protocol: uint8(topology.UDP), SourcePorts: port1(client), Ports: port1(server), Verdict: firewall.Return, Note: "DHCP"},
		firewall.Rule{State: firewall.Invalid, Verdict: firewall.Drop, Note: "no packet of any flow"},
		firewall.Rule{State: firewall.Established, Verdict: firewall.Return, Note: "of a flow that was allowed"})
	for _, s := range b.mine() {
		at := netip.PrefixFrom(s.addr, s.addr.BitLen())
		rules = append(rules,
			firewall.Rule{Destination: at, Verdict: firewall.Jump, To: leaveChain, Note: "service " + s.name},
			firewall.Rule{Destination: at, Verdict: firewall.Return, Note: "service " + s.name})
	}
	if b.cfg.Isolate {
		return append(rules, firewall.Rule{Verdict: firewall.Drop, Note: "workloads don't reach their host"})
	}
	return append(rules, firewall.Rule{Verdict: firewall.Return, Note: "an address of the host"})
}

// linkRules lets pass what IPv6 needs on a link (RFC 4861).
func (b *builder) linkRules() (rules []firewall.Rule) {
	if !b.six() {
		return nil
	}
	for _, t := range []uint8{routerSolicit, neighSolicit, neighAdvert} {
		rules = append(rules, firewall.Rule{Protocol: uint8(topology.ICMPv6), ICMPType: icmp(t), Verdict: firewall.Return, Note: "neighbour discovery"})
	}
	return rules
}

// serviceRules come before the policies of services on the host.
func (b *builder) serviceRules(failsafe []Service) []firewall.Rule {
	rules := b.linkRules()
	for _, s := range failsafe {
		rules = append(rules, firewall.Rule{Protocol: uint8(s.Protocol), Ports: port1(s.Port), Verdict: firewall.Return, Note: "failsafe"})
	}
	return append(rules,
		firewall.Rule{State: firewall.Invalid, Verdict: firewall.Drop, Note: "no packet of any flow"},
		firewall.Rule{State: firewall.Established, Verdict: firewall.Return, Note: "of a flow that was allowed"})
}

func port1(n uint16) []firewall.Ports { return []firewall.Ports{{First: n, Last: n}} }

func icmp(t uint8) firewall.ICMPType { return firewall.ICMPType{Type: t, Valid: true} }

func (d *deriver) problem(w topology.Workload, format string, args ...any) {
	d.state.Problems = append(d.state.Problems, topology.Problem{
		Object: topology.WorkloadKey(d.cfg.Node, w.Name).String(), Text: fmt.Sprintf(format, args...),
	})
}
