package generate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/topology"
)

// Object draws an object of any kind, with names as Name draws them.
func Object(t *rapid.T) topology.Object { return named(t, Name) }

// Rival draws an object of one of so few names that two often have the same key.
func Rival(t *rapid.T) topology.Object {
	return named(t, func(t *rapid.T) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name") })
}

func named(t *rapid.T, name func(*rapid.T) string) topology.Object {
	switch kind := rapid.SampledFrom(topology.Kinds[:]).Draw(t, "kind"); kind {
	case topology.KindSettings:
		return settings(t)
	case topology.KindRack:
		return topology.Rack{Name: name(t), Summaries: option(t), RouteBudget: rapid.Uint32().Draw(t, "budget")}
	case topology.KindPool:
		return topology.Pool{
			Name: name(t), Prefix: prefix(t, 1), Rack: maybe(t, name), Public: flag(t), Anycast: flag(t), Summaries: option(t),
		}
	case topology.KindNode:
		return topology.Node{Name: name(t), Addresses: addresses(t), Rack: maybe(t, name), PasswordFile: maybe(t, text), BFD: bfd(t)}
	case topology.KindRouter:
		return router(t, name)
	case topology.KindTag:
		return topology.Tag{Name: name(t), ID: rapid.Uint32Range(1, 5).Draw(t, "id")}
	case topology.KindPolicy:
		return topology.Policy{Name: name(t), AppliesTo: names(t, 1), Ingress: rules(t), Egress: rules(t)}
	default:
		return workload(t, name)
	}
}

// Name draws the name of an object; some need quotes in YAML.
func Name(t *rapid.T) string {
	return rapid.OneOf(
		rapid.StringMatching(`[a-d]`),
		rapid.SampledFrom([]string{
			"true", "null", "~", "1", "0x1f", "1e3", "-", "#x", "a:b", "a:", "[", "é", "Yes", "2001-01-01", "a'b", `a"b`, `a\b`,
			"*a", "&a", "!a", "%a", "@a", "`", "{}", ">", "|", "?", ",", ".inf", "fd00::", "::1", "---", "...", "<<",
		}),
	).Draw(t, "name")
}

func settings(t *rapid.T) topology.Settings {
	s := topology.Settings{
		ASN:       bgp.ASN(rapid.Uint32().Draw(t, "asn")),
		Summaries: flag(t),
		Ownership: rapid.SampledFrom([]topology.Ownership{
			topology.OwnershipOff, topology.OwnershipWarn, topology.OwnershipEnforce,
		}).Draw(t, "ownership"),
	}
	if flag(t) {
		s.Discard = append(s.Discard, netip.MustParseAddr("192.0.2.254"))
	}
	if flag(t) {
		s.Discard = append(s.Discard, netip.MustParseAddr("2001:db8::dead"))
	}
	if flag(t) {
		s.HoldTime = time.Duration(rapid.IntRange(3, 65535).Draw(t, "hold")) * time.Second
	}
	if flag(t) {
		s.NormalRoutePriority = rapid.Uint32Range(1, 1<<31-2).Draw(t, "priority")
	}
	s.BFD = bfd(t)
	return s
}

func bfd(t *rapid.T) topology.BFD {
	if flag(t) {
		return topology.BFD{On: option(t)}
	}
	return topology.BFD{
		On: topology.Yes, Interval: time.Duration(rapid.IntRange(300, 60000).Draw(t, "interval")) * time.Millisecond,
		Multiplier: uint8(rapid.IntRange(3, 255).Draw(t, "multiplier")),
	}
}

func router(t *rapid.T, name func(*rapid.T) string) topology.Router {
	r := topology.Router{
		Name: name(t),
		Role: rapid.SampledFrom([]topology.Role{
			topology.ToR, topology.Spine, topology.Border, topology.Reflector,
		}).Draw(t, "role"),
		Addresses:    addresses(t),
		Rack:         maybe(t, name),
		PasswordFile: maybe(t, text),
		TTLSecurity:  uint8(rapid.IntRange(0, 254).Draw(t, "hops")),
		BFD:          bfd(t),
	}
	if r.Role.External() && flag(t) {
		r.MaxRoutes = rapid.Uint32Range(1, 1<<32-1).Draw(t, "routes")
		r.MaxRoutesRestart = time.Duration(rapid.IntRange(0, 65535).Draw(t, "restart")) * time.Second
	}
	if r.Role == topology.Border {
		r.Exceptions = flag(t)
	}
	if r.Role.External() || flag(t) {
		r.ASN = bgp.ASN(rapid.Uint32Range(1, 3).Draw(t, "asn"))
	}
	if r.Role == topology.ToR {
		r.Rack = name(t)
	}
	if r.Role == topology.Reflector {
		r.Serves = names(t, 0)
		r.ClusterID = bgp.ClusterID(rapid.Uint32Range(0, 2).Draw(t, "cluster"))
	}
	return r
}

func workload(t *rapid.T, name func(*rapid.T) string) topology.Workload {
	w := topology.Workload{
		Node: name(t), Name: name(t), Addresses: addresses(t),
		Interface: maybe(t, func(t *rapid.T) string { return rapid.StringMatching(`tap[0-9]{1,3}`).Draw(t, "interface") }),
		Tags:      names(t, 0),
		State:     rapid.SampledFrom([]topology.State{topology.Live, topology.Prepared}).Draw(t, "state"),
	}
	if flag(t) {
		w.MAC = topology.MAC{2, 0, 0, 0, rapid.Byte().Draw(t, "mac"), 1}
	}
	return w
}

func rules(t *rapid.T) []topology.Rule {
	var out []topology.Rule
	for range rapid.IntRange(0, 2).Draw(t, "rules") {
		rule := topology.Rule{
			Action: rapid.SampledFrom([]topology.Action{topology.Allow, topology.Deny}).Draw(t, "action"),
			Protocol: rapid.SampledFrom([]topology.Protocol{
				topology.AnyProtocol, topology.TCP, topology.UDP, topology.ICMP, topology.ICMPv6, topology.SCTP, 89,
			}).Draw(t, "protocol"),
			Peer: topology.Peer{Tags: names(t, 0)},
		}
		if flag(t) {
			rule.Peer.Prefixes = []netip.Prefix{prefix(t, 0)}
		}
		if rule.Protocol.HasPorts() && flag(t) {
			first := rapid.Uint16Range(1, 100).Draw(t, "port")
			rule.Ports = []topology.PortRange{{First: first, Last: first}, {First: 200, Last: 300}}
		}
		if (rule.Protocol == topology.ICMP || rule.Protocol == topology.ICMPv6) && flag(t) {
			rule.ICMPTypes = []uint8{0, rapid.Uint8Range(1, 255).Draw(t, "type")}
		}
		out = append(out, rule)
	}
	return out
}

func addresses(t *rapid.T) []netip.Addr {
	out := []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, rapid.ByteRange(1, 4).Draw(t, "v4")})}
	if flag(t) {
		out = append(out, netip.MustParseAddr(fmt.Sprintf("fd00::%d", rapid.IntRange(0, 4).Draw(t, "v6"))))
	}
	return out
}

func prefix(t *rapid.T, shortest int) netip.Prefix {
	addr := rapid.SampledFrom([]netip.Addr{
		netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("fd00::"),
	}).Draw(t, "base")
	out, err := addr.Prefix(rapid.IntRange(shortest, addr.BitLen()).Draw(t, "bits"))
	if err != nil {
		t.Fatalf("prefix of %s: %v", addr, err)
	}
	return out
}

func names(t *rapid.T, least int) []string {
	out := rapid.SliceOfNDistinct(rapid.Custom(Name), least, 3, rapid.ID).Draw(t, "names")
	if len(out) == 0 {
		return nil
	}
	slices.SortFunc(out, strings.Compare)
	return out
}

func text(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		"/etc/heddle/password", "a b", "a: b", "a #b", " x", "x ", "\\", "'", `"`, "- x", "é", "<&>",
	}).Draw(t, "text")
}

func flag(t *rapid.T) bool { return rapid.Bool().Draw(t, "flag") }

func option(t *rapid.T) topology.Option {
	return rapid.SampledFrom([]topology.Option{topology.Inherit, topology.Yes, topology.No}).Draw(t, "option")
}

func maybe(t *rapid.T, draw func(*rapid.T) string) string {
	if flag(t) {
		return draw(t)
	}
	return ""
}
