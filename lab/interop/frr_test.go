package interop

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"heddle/lab/netns"
)

// frr is FRR's bgpd. It has zebra and bfdd beside it only if it is to watch paths: bgpd
// asks for that through zebra, which knows whether a peer is on the same link.
type frr struct {
	*host
	*process
	neighbors []neighbor
	options   []string // more lines of router bgp
	described map[netip.Prefix]bool
	watches   bool // has BFD
}

func (f *fabric) frr(n byte, neighbors ...neighbor) *frr {
	h := f.host("frr", n)
	if neighbors == nil {
		neighbors = []neighbor{h.heddleOf()}
	}
	return &frr{host: h, neighbors: neighbors, described: map[netip.Prefix]bool{}}
}

func (r *frr) start() {
	r.f.t.Helper()
	vty := r.path("vty")
	r.f.must(os.MkdirAll(vty, 0o700))
	if r.watches {
		r.f.must(netns.OwnedBy("frr", r.dir, vty))
		r.daemon("zebra", "-f", "/dev/null")
		r.daemon("bfdd", "-f", "/dev/null", "--bfdctl", r.path("bfdctl"))
	}
	r.process = r.daemon("bgpd", "-n", "-S", "-f", r.file("bgpd.conf", r.config()))
}

// daemon starts one of FRR's; what the next asks of it, it can answer.
func (r *frr) daemon(name string, flags ...string) *process {
	r.f.t.Helper()
	p := r.run("/usr/lib/frr/"+name, append(flags, "-i", r.path(name+".pid"), "-z", r.path("zserv"),
		"--vty_socket", r.path("vty"), "-P", "0", "--log", "stdout")...)
	if name == "bgpd" {
		return p
	}
	r.f.until(name+" to listen", func() string {
		// A socket that is there may not be listened on yet.
		if _, err := r.query("vtysh", "--vty_socket", r.path("vty"), "-d", name, "-c", "show version"); err != nil {
			return err.Error()
		}
		return ""
	})
	return p
}

func (r *frr) config() string {
	lines := []string{
		fmt.Sprintf("router bgp %d", asn), "bgp router-id " + r.v4.String(), "no bgp network import-check",
		"no bgp ebgp-requires-policy", "bgp cluster-id " + r.v4.String(),
	}
	lines = append(lines, r.options...)
	for _, n := range r.neighbors {
		lines = append(lines, r.session(n)...)
	}
	lines = append(lines, "exit", "bgp route-map delay-timer 0")
	for _, o := range r.offers {
		lines = append(lines, r.lines(o)...)
	}
	return strings.Join(lines, "\n") + "\n"
}

func (r *frr) session(n neighbor) []string {
	is := fmt.Sprintf("neighbor %s ", n.address)
	lines := []string{is + fmt.Sprintf("remote-as %d", asn), is + "timers connect 1"}
	if n.password != "" {
		lines = append(lines, is+"password "+n.password)
	}
	if n.nearby {
		lines = append(lines, is+"ttl-security hops 1")
	}
	for _, family := range []string{"ipv4", "ipv6"} {
		lines = append(lines, "address-family "+family+" unicast", is+"activate")
		if n.client {
			lines = append(lines, is+"route-reflector-client")
		}
		lines = append(lines, "exit-address-family")
	}
	return lines
}

// lines is an offer as commands: a route map for its attributes, then the network.
func (r *frr) lines(o offer) []string {
	name := fmt.Sprintf("of-%s", o.prefix)
	lines := []string{"route-map " + name + " permit 10"}
	set := func(format string, args ...any) { lines = append(lines, "set "+fmt.Sprintf(format, args...)) }
	if o.prefix.Addr().Is4() {
		set("ip next-hop %s", r.v4)
	} else {
		set("ipv6 next-hop global %s", r.v6)
	}
	if o.localPref > 0 {
		set("local-preference %d", o.localPref)
	}
	if o.med > 0 {
		set("metric %d", o.med)
	}
	if len(o.path) > 0 {
		set("as-path prepend %s", strings.Trim(fmt.Sprint(o.path), "[]"))
	}
	if len(o.communities) > 0 {
		set("community %s", strings.Join(o.communities, " "))
	}
	if len(o.large) > 0 {
		set("large-community %s", strings.Join(o.large, " "))
	}
	return append(lines, "exit", fmt.Sprintf("router bgp %d", asn), "address-family "+family(o.prefix)+" unicast",
		fmt.Sprintf("network %s route-map %s", o.prefix, name), "exit-address-family", "exit")
}

func family(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "ipv4"
	}
	return "ipv6"
}

func (r *frr) vtysh(lines ...string) []string {
	args := []string{"--vty_socket", r.path("vty"), "-d", "bgpd"}
	for _, line := range lines {
		args = append(args, "-c", line)
	}
	return args
}

func (r *frr) announce(offers ...offer) {
	for _, o := range offers {
		r.command("vtysh", r.vtysh(append([]string{"configure terminal"}, r.lines(o)...)...)...)
	}
}

func (r *frr) withdraw(prefixes ...netip.Prefix) {
	for _, p := range prefixes {
		r.command("vtysh", r.vtysh("configure terminal", fmt.Sprintf("router bgp %d", asn),
			"address-family "+family(p)+" unicast", "no network "+p.String())...)
	}
}

func (r *frr) refresh() bool {
	peer := r.neighbors[0].address.String()
	r.command("vtysh", r.vtysh("clear bgp ipv4 unicast "+peer+" soft in", "clear bgp ipv6 unicast "+peer+" soft in")...)
	return true
}

// blind: the JSON of FRR has no unknown attributes.
func (r *frr) blind(v view) view {
	v.Unknown = nil
	return v
}

func (r *frr) holds() (views, error) {
	list := views{}
	for _, family := range []string{"ipv4", "ipv6"} {
		out, err := r.query("vtysh", r.vtysh("show bgp "+family+" unicast json detail")...)
		if err != nil {
			return nil, err
		}
		var shown struct{ Routes map[netip.Prefix][]frrPath }
		if err := json.Unmarshal(out, &shown); err != nil {
			return nil, fmt.Errorf("%w in %s", err, out)
		}
		for prefix, paths := range shown.Routes {
			for _, p := range paths {
				if p.Peer.PeerID == r.neighbors[0].address.String() {
					list[prefix] = p.view()
				}
			}
		}
	}
	return list, nil
}

// frrPath is a path in FRR's JSON.
type frrPath struct {
	Peer           struct{ PeerID string }
	Origin         string
	ASPath         struct{ Segments []struct{ List []uint32 } }
	Metric         *uint32
	LocPrf         uint32
	Community      struct{ List []string }
	LargeCommunity struct{ List []string }
	OriginatorID   netip.Addr
	ClusterList    struct{ List []netip.Addr }
	Nexthops       []struct {
		IP    netip.Addr
		Scope string
	}
}

func (p frrPath) view() view {
	v := view{
		Origin: strings.ToLower(p.Origin), LocalPref: p.LocPrf, Communities: p.Community.List, Large: p.LargeCommunity.List,
		Originator: p.OriginatorID, Clusters: p.ClusterList.List,
	}
	for _, s := range p.ASPath.Segments {
		v.Path = append(v.Path, s.List...)
	}
	if p.Metric != nil {
		v.MED, v.HasMED = *p.Metric, true
	}
	for _, hop := range p.Nexthops {
		if hop.Scope != "link-local" {
			v.NextHop = hop.IP
		}
	}
	return v.sorted()
}
