package interop

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
)

// gobgp is Debian's gobgpd, asked and told by its command.
type gobgp struct {
	*host
	neighbors []neighbor
	graceful  bool // keeps the routes of peers that restart, over NOTIFICATIONs, too
}

func (f *fabric) gobgp(n byte, neighbors ...neighbor) *gobgp {
	h := f.host("gobgpd", n)
	if neighbors == nil {
		neighbors = []neighbor{h.heddleOf()}
	}
	return &gobgp{host: h, neighbors: neighbors}
}

func (g *gobgp) start() {
	g.f.t.Helper()
	if err := os.Remove(g.path("api")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.f.t.Fatal(err)
	}
	g.run("gobgpd", "-f", g.file("gobgpd.toml", g.config()), "--api-hosts", "unix://"+g.path("api"), "--pprof-disable", "-p", "-l", "info")
	for _, o := range g.offers {
		g.announce(o)
	}
}

func (g *gobgp) config() string {
	var text strings.Builder
	fmt.Fprintf(&text, "[global.config]\n  as = %d\n  router-id = %q\n", asn, g.v4)
	for _, n := range g.neighbors {
		fmt.Fprintf(&text, "[[neighbors]]\n  [neighbors.config]\n    neighbor-address = %q\n    peer-as = %d\n", n.address, asn)
		if n.password != "" {
			fmt.Fprintf(&text, "    auth-password = %q\n", n.password)
		}
		text.WriteString("  [neighbors.timers.config]\n    connect-retry = 1\n    idle-hold-time-after-reset = 1\n")
		if n.client {
			fmt.Fprintf(&text, "  [neighbors.route-reflector.config]\n    route-reflector-client = true\n    route-reflector-cluster-id = %q\n", g.v4)
		}
		if g.graceful {
			text.WriteString("  [neighbors.graceful-restart.config]\n    enabled = true\n    restart-time = 120\n    notification-enabled = true\n")
		}
		for _, family := range []string{"ipv4", "ipv6"} {
			fmt.Fprintf(&text, "  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = \"%s-unicast\"\n", family)
			if g.graceful {
				text.WriteString("    [neighbors.afi-safis.mp-graceful-restart.config]\n      enabled = true\n")
			}
		}
	}
	return text.String()
}

func (g *gobgp) args(words ...string) []string {
	return append([]string{"--target", "unix://" + g.path("api")}, words...)
}

func (g *gobgp) announce(offers ...offer) {
	for _, o := range offers {
		words := []string{"global", "rib", "add", "-a", family(o.prefix), o.prefix.String(), "nexthop", g.hop(o.prefix).String(), "origin", "igp"}
		if o.localPref > 0 {
			words = append(words, "local-pref", fmt.Sprint(o.localPref))
		}
		if o.med > 0 {
			words = append(words, "med", fmt.Sprint(o.med))
		}
		if len(o.path) > 0 {
			words = append(words, "aspath", strings.Trim(fmt.Sprint(o.path), "[]"))
		}
		if len(o.communities) > 0 {
			words = append(words, "community", strings.Join(o.communities, ","))
		}
		if len(o.large) > 0 {
			words = append(words, "large-community", strings.Join(o.large, ","))
		}
		g.eventually("gobgp", g.args(words...)...)
	}
}

func (g *gobgp) withdraw(prefixes ...netip.Prefix) {
	for _, p := range prefixes {
		g.eventually("gobgp", g.args("global", "rib", "del", "-a", family(p), p.String())...)
	}
}

// refresh has GoBGP look again at what it kept; it asks nobody.
func (g *gobgp) refresh() bool {
	g.eventually("gobgp", g.args("neighbor", g.neighbors[0].address.String(), "softresetin")...)
	return false
}

func (g *gobgp) holds() (views, error) {
	list := views{}
	for _, family := range []string{"ipv4", "ipv6"} {
		out, err := g.query("gobgp", g.args("neighbor", g.neighbors[0].address.String(), "adj-in", "-j", "-a", family)...)
		if err != nil {
			return nil, err
		}
		var shown map[netip.Prefix][]struct{ Attrs []gobgpAttr }
		if err := json.Unmarshal(out, &shown); err != nil {
			return nil, fmt.Errorf("%w in %s", err, out)
		}
		for prefix, paths := range shown {
			var v view
			for _, a := range paths[0].Attrs {
				if err := a.into(&v); err != nil {
					return nil, fmt.Errorf("attribute %d of %s: %w", a.Type, prefix, err)
				}
			}
			list[prefix] = v.sorted()
		}
	}
	return list, nil
}

// gobgpAttr is an attribute in GoBGP's JSON.
type gobgpAttr struct {
	Type        byte
	Value       json.RawMessage
	Nexthop     netip.Addr
	Metric      uint32
	Communities []uint32
	ASPaths     []struct{ ASNs []uint32 } `json:"as_paths"`
}

func (a gobgpAttr) into(v *view) error {
	switch a.Type {
	case attrOrigin:
		var n int
		err := json.Unmarshal(a.Value, &n)
		v.Origin = origins[n]
		return err
	case attrASPath:
		for _, s := range a.ASPaths {
			v.Path = append(v.Path, s.ASNs...)
		}
	case attrNextHop, attrMPReach:
		v.NextHop = a.Nexthop
	case attrMED:
		v.MED, v.HasMED = a.Metric, true
	case attrLocalPref:
		return json.Unmarshal(a.Value, &v.LocalPref)
	case attrCommunities:
		for _, n := range a.Communities {
			v.Communities = append(v.Communities, community(n))
		}
	case attrOriginator:
		return json.Unmarshal(a.Value, &v.Originator)
	case attrClusterList:
		return json.Unmarshal(a.Value, &v.Clusters)
	case attrLarge:
		var list []struct{ ASN, LocalData1, LocalData2 uint32 }
		err := json.Unmarshal(a.Value, &list)
		for _, c := range list {
			v.Large = append(v.Large, fmt.Sprintf("%d:%d:%d", c.ASN, c.LocalData1, c.LocalData2))
		}
		return err
	case attrAtomic, attrAggregator, attrExtended:
	default:
		var value []byte // base64
		err := json.Unmarshal(a.Value, &value)
		v.Unknown = append(v.Unknown, unknown(a.Type, value))
		return err
	}
	return nil
}

// nlriOf is a prefix in octets.
func nlriOf(p netip.Prefix) []byte {
	return append([]byte{byte(p.Bits())}, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
}

// attributeOctets is an attribute with its header.
func attributeOctets(flags, typ byte, value []byte) []byte {
	out := binary.BigEndian.AppendUint16([]byte{flags | 0x10, typ}, uint16(len(value)))
	return append(out, value...)
}
