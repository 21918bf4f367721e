package interop

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// openbgpd is OpenBGPD, as ported to Linux: it has no kernel routing table there.
type openbgpd struct {
	*host
	neighbors []neighbor
}

// chroot is where OpenBGPD locks itself up. Debian has systemd make it.
const chroot = "/run/openbgpd"

func (f *fabric) openbgpd(n byte, neighbors ...neighbor) *openbgpd {
	h := f.host("openbgpd", n)
	if neighbors == nil {
		neighbors = []neighbor{h.heddleOf()}
	}
	return &openbgpd{host: h, neighbors: neighbors}
}

// openBGPDGone removes the chroot if it is ours, that is, empty and without a
// service that runs in it.
func openBGPDGone() error {
	if entries, err := os.ReadDir(chroot); err != nil || len(entries) > 0 {
		return nil
	}
	return os.Remove(chroot)
}

func (o *openbgpd) start() {
	o.f.t.Helper()
	o.f.must(os.MkdirAll(chroot, 0o755))
	o.run("/usr/sbin/bgpd", "-d", "-f", o.file("bgpd.conf", o.config()))
}

func (o *openbgpd) config() string {
	var text strings.Builder
	fmt.Fprintf(&text, "AS %d\nconnect-retry 1\nrouter-id %s\nfib-update no\nsocket \"%s\"\n", asn, o.v4, o.path("ctl"))
	fmt.Fprintf(&text, "listen on %s\nlisten on %s\n", o.v4, o.v6)
	for _, own := range o.offers {
		fmt.Fprintf(&text, "network %s set { %s }\n", own.prefix, strings.Join(o.set(own), " "))
	}
	for _, n := range o.neighbors {
		fmt.Fprintf(&text, "neighbor %s {\n  remote-as %d\n  announce IPv4 unicast\n  announce IPv6 unicast\n", n.address, asn)
		if n.client {
			text.WriteString("  route-reflector\n")
		}
		text.WriteString("}\n")
	}
	return text.String() + "allow from ibgp\nallow to ibgp\n"
}

// set is an offer's attributes. OpenBGPD can't be told of an AS_PATH.
func (o *openbgpd) set(own offer) []string {
	set := []string{"nexthop " + o.hop(own.prefix).String()}
	if own.localPref > 0 {
		set = append(set, fmt.Sprintf("localpref %d", own.localPref))
	}
	if own.med > 0 {
		set = append(set, fmt.Sprintf("metric %d", own.med))
	}
	for _, c := range own.communities {
		set = append(set, "community "+c)
	}
	for _, c := range own.large {
		set = append(set, "large-community "+c)
	}
	return set
}

func (o *openbgpd) args(words ...string) []string {
	return append([]string{"-s", o.path("ctl")}, words...)
}

func (o *openbgpd) announce(...offer) {
	o.file("bgpd.conf", o.config())
	o.eventually("bgpctl", o.args("reload")...) // the one before may be under way
}

func (o *openbgpd) withdraw(...netip.Prefix) { o.announce() }

func (o *openbgpd) refresh() bool {
	o.command("bgpctl", o.args("neighbor", o.neighbors[0].address.String(), "refresh")...)
	return true
}

// blind: a MED of 0 is shown where there is none; and of what was heard while the
// configuration was read, a reflector shows its own cluster ID, too.
func (o *openbgpd) blind(v view) view {
	v.Unknown = nil
	v.Clusters = slices.DeleteFunc(slices.Clone(v.Clusters), func(id netip.Addr) bool { return id == o.v4 })
	if v.MED == 0 {
		v.HasMED = false
	}
	return v
}

func (o *openbgpd) holds() (views, error) {
	out, err := o.query("bgpctl", append([]string{"-j"}, o.args("show", "rib", "in", "neighbor", o.neighbors[0].address.String(), "detail")...)...)
	if err != nil {
		return nil, err
	}
	var shown struct{ Rib []openbgpdPath }
	if err := json.Unmarshal(out, &shown); err != nil {
		return nil, fmt.Errorf("%w in %s", err, out)
	}
	list := views{}
	for _, p := range shown.Rib {
		list[p.Prefix] = p.view()
	}
	return list, nil
}

// openbgpdPath is a path in OpenBGPD's JSON.
type openbgpdPath struct {
	Prefix      netip.Prefix
	ASPath      string
	ExitNexthop netip.Addr `json:"exit_nexthop"`
	Origin      string
	Metric      uint32
	LocalPref   uint32
	Communities []string
	Large       []string `json:"large_communities"`
	Attributes  []struct {
		Originator  netip.Addr
		ClusterList []netip.Addr `json:"cluster_list"`
	}
}

func (p openbgpdPath) view() view {
	v := view{
		NextHop: p.ExitNexthop, Origin: strings.ToLower(p.Origin), LocalPref: p.LocalPref, MED: p.Metric, HasMED: true,
		Communities: p.Communities, Large: p.Large,
	}
	for _, w := range strings.Fields(p.ASPath) {
		v.Path = append(v.Path, number(w))
	}
	for _, a := range p.Attributes {
		if a.Originator.IsValid() {
			v.Originator = a.Originator
		}
		v.Clusters = append(v.Clusters, a.ClusterList...)
	}
	return v.sorted()
}
