package interop

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// bird is BIRD 2.
type bird struct {
	*host
	neighbors []neighbor
	options   string // more lines of each session
	flags     []string
	more      string // protocols beside the sessions
}

func (f *fabric) bird(n byte, neighbors ...neighbor) *bird {
	h := f.host("bird", n)
	if neighbors == nil {
		neighbors = []neighbor{h.heddleOf()}
	}
	return &bird{host: h, neighbors: neighbors}
}

func (b *bird) start() {
	b.f.t.Helper()
	b.run("bird", append([]string{"-f", "-c", b.file("bird.conf", b.config()), "-s", b.path("ctl")}, b.flags...)...)
}

func (b *bird) config() string {
	var text strings.Builder
	fmt.Fprintf(&text, "router id %s;\nlog stderr all;\nprotocol device { }\nprotocol direct { ipv4; ipv6; }\n", b.v4)
	for i, family := range []string{"ipv4", "ipv6"} {
		fmt.Fprintf(&text, "protocol static own%d {\n    %s;\n", i, family)
		for _, p := range slices.SortedFunc(maps.Keys(b.offers), netip.Prefix.Compare) {
			if p.Addr().Is4() == (i == 0) {
				fmt.Fprintf(&text, "    route %s blackhole {%s };\n", p, birdAttributes(b.offers[p]))
			}
		}
		text.WriteString("}\n")
	}
	for i, n := range b.neighbors {
		b.session(&text, i, n)
	}
	text.WriteString(b.more)
	return text.String()
}

func (b *bird) session(text *strings.Builder, i int, n neighbor) {
	local := b.v4
	if n.address.Is6() {
		local = b.v6
	}
	fmt.Fprintf(text, "protocol bgp peer%d {\n    local %s as %d;\n    neighbor %s as %d;\n", i, local, asn, n.address, asn)
	fmt.Fprintf(text, "    connect retry time 1; connect delay time 1; error wait time 1, 2; direct;\n    %s\n", b.options)
	if n.client {
		text.WriteString("    rr client;\n")
	}
	if n.password != "" {
		fmt.Fprintf(text, "    password %q;\n", n.password)
	}
	if n.nearby {
		text.WriteString("    ttl security on;\n")
	}
	fmt.Fprintf(text, "    ipv4 { import all; export where source ~ [RTS_STATIC, RTS_BGP]; next hop address %s; };\n", b.v4)
	fmt.Fprintf(text, "    ipv6 { import all; export where source ~ [RTS_STATIC, RTS_BGP]; next hop address %s; };\n}\n", b.v6)
}

func birdAttributes(o offer) string {
	var text strings.Builder
	if o.localPref > 0 {
		fmt.Fprintf(&text, " bgp_local_pref = %d;", o.localPref)
	}
	if o.med > 0 {
		fmt.Fprintf(&text, " bgp_med = %d;", o.med)
	}
	for _, n := range slices.Backward(o.path) {
		fmt.Fprintf(&text, " bgp_path.prepend(%d);", n)
	}
	for _, c := range o.communities {
		fmt.Fprintf(&text, " bgp_community.add((%s));", strings.ReplaceAll(c, ":", ","))
	}
	for _, c := range o.large {
		fmt.Fprintf(&text, " bgp_large_community.add((%s));", strings.ReplaceAll(c, ":", ","))
	}
	return text.String()
}

func (b *bird) control(command ...string) {
	b.command("birdc", append([]string{"-s", b.path("ctl")}, command...)...)
}

func (b *bird) announce(...offer) {
	b.file("bird.conf", b.config())
	b.control("configure")
}

func (b *bird) withdraw(...netip.Prefix) { b.announce() }

func (b *bird) refresh() bool {
	b.control("reload", "in", "peer0")
	return true
}

func (b *bird) holds() (views, error) {
	out, err := b.query("birdc", "-s", b.path("ctl"), "show", "route", "protocol", "peer0", "all")
	if err != nil {
		return nil, err
	}
	return readBird(string(out))
}

// readBird reads what `show route all` prints:
//
//	10.0.3.1/32          unicast [peer0 04:52:35.904 from 192.0.2.1] * (100) [AS65002i]
//		BGP.origin: IGP
//		BGP.as_path: 65001 65002
func readBird(text string) (views, error) {
	list := views{}
	var prefix netip.Prefix
	for _, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "BIRD") || strings.HasPrefix(line, "Table") {
			continue
		}
		if line[0] != '\t' && line[0] != ' ' {
			p, err := netip.ParsePrefix(strings.Fields(line)[0])
			if err != nil {
				return nil, err
			}
			prefix = p
			continue
		}
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && strings.HasPrefix(name, "BGP.") {
			list[prefix] = readBirdAttribute(list[prefix], name, strings.TrimSpace(value))
		}
	}
	for p, v := range list {
		list[p] = v.sorted()
	}
	return list, nil
}

func readBirdAttribute(v view, name, value string) view {
	switch name {
	case "BGP.origin":
		v.Origin = strings.ToLower(value)
	case "BGP.as_path":
		for _, w := range strings.Fields(value) {
			v.Path = append(v.Path, number(w))
		}
	case "BGP.next_hop":
		v.NextHop = netip.MustParseAddr(strings.Fields(value)[0])
	case "BGP.med":
		v.MED, v.HasMED = number(value), true
	case "BGP.local_pref":
		v.LocalPref = number(value)
	case "BGP.originator_id":
		v.Originator = netip.MustParseAddr(value)
	case "BGP.cluster_list":
		for _, w := range strings.Fields(value) {
			v.Clusters = append(v.Clusters, netip.MustParseAddr(w))
		}
	case "BGP.community":
		v.Communities = birdCommunities(value)
	case "BGP.large_community":
		v.Large = birdCommunities(value)
	case "BGP.aggregator", "BGP.atomic_aggr", "BGP.ext_community":
	default:
		v.Unknown = append(v.Unknown, birdUnknown(name, value))
	}
	return v
}

// birdCommunities reads (64512,7) (64512, 1, 2).
func birdCommunities(text string) []string {
	var list []string
	for _, c := range strings.Split(strings.ReplaceAll(text, ", ", ","), " ") {
		list = append(list, strings.ReplaceAll(strings.Trim(c, "()"), ",", ":"))
	}
	return list
}

// birdUnknown reads BGP.e3 [t]: de ad be ef, where a long value ends in dots.
func birdUnknown(name, value string) string {
	hexadecimal := strings.TrimPrefix(strings.Fields(name)[0], "BGP.")
	if len(hexadecimal) != 2 {
		return name + ": " + value
	}
	return unknown(octets(hexadecimal)[0], octets(strings.TrimSuffix(value, "...")))
}
