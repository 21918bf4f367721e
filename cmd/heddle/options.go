package main

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"heddle/bgp"
	"heddle/internal/command"
	"heddle/topology"
)

// defaultASN is the first of the private 16-bit numbers.
const defaultASN = 64512

// options are the flags of `heddle reflector`; each is also a key of the file.
type options struct {
	config      string
	name        string
	asn         bgp.ASN
	routerID    bgp.RouterID
	clusterID   bgp.ClusterID
	listen      []netip.AddrPort
	port        uint16
	inventory   []string
	etcd        command.Etcd
	etcdListen  []string
	dataDir     string
	http        string
	ranges      []netip.Prefix
	rangesMD5   string
	holdTime    uint16
	restartTime uint16
	deferral    uint16
	drain       bool
	ownership   topology.Ownership
	discard     []bgp.AttrType
	logLevel    string
}

// parseDiscard reads the number of an attribute that may be left out. What we read,
// peers or we need, or RFC 7606 has rules for.
func parseDiscard(text string) (bgp.AttrType, error) {
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q: want the number of an attribute, from 1 to 255", text)
	}
	if typ := bgp.AttrType(n); typ.Read() {
		return 0, fmt.Errorf("%d is %s, which heddle reads itself: it can't be discarded", n, typ)
	}
	return bgp.AttrType(n), nil
}

// flags declares them.
func (o *options) flags(f *pflag.FlagSet) {
	host, _ := os.Hostname()
	f.StringVar(&o.config, "config", "", "read flags from this YAML file; the command line wins")
	f.StringVar(&o.name, "name", host, "our name among the inventory's routers")
	o.asn = defaultASN
	f.Var(&command.One[bgp.ASN]{Value: &o.asn, Parse: bgp.ParseASN, Name: "AS"}, "asn", "AS number of hosts and reflectors")
	f.Var(&command.One[bgp.RouterID]{Value: &o.routerID, Parse: bgp.ParseRouterID, Name: "A.B.C.D"}, "router-id", "BGP Identifier (default: our first IPv4 address)")
	f.Var(&command.One[bgp.ClusterID]{Value: &o.clusterID, Parse: bgp.ParseClusterID, Name: "A.B.C.D"}, "cluster-id", "cluster ID (default: the inventory's, else the router ID)")
	o.listen = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:179"), netip.MustParseAddrPort("[::]:179")}
	f.Var(&command.Many[netip.AddrPort]{Values: &o.listen, Parse: command.ParseListen, Name: "ADDR:PORT"}, "listen", "address and port to listen on for BGP; may be repeated")
	f.Uint16Var(&o.port, "port", 179, "port to dial routers and other reflectors on")
	f.StringArrayVar(&o.inventory, "inventory", nil, "file of fabric objects to use beside etcd, or without it; may be repeated")
	o.etcd.Flags(f, "an embedded etcd")
	f.StringSliceVar(&o.etcdListen, "etcd-listen", []string{"http://127.0.0.1:2379"}, "client URLs of the embedded etcd")
	f.StringVar(&o.dataDir, "data-dir", "/var/lib/heddle", "directory of the embedded etcd, and of the last inventory for a start without etcd")
	f.StringVar(&o.http, "http", "127.0.0.1:8179", "`ADDR:PORT` for metrics, health and heddle show; empty is off")
	f.Var(&command.Many[netip.Prefix]{Values: &o.ranges, Parse: command.ParseRange, Name: "PREFIX"}, "accept-range", "admit clients with addresses in this prefix that the inventory does not have; may be repeated")
	f.StringVar(&o.rangesMD5, "accept-range-password-file", "", "file with the TCP-MD5 password of such clients")
	f.Uint16Var(&o.holdTime, "hold-time", 90, "hold time to offer, in seconds, if the settings name none")
	f.Uint16Var(&o.restartTime, "restart-time", 120, "how long peers that no other reflector serves keep our routes when we are away, in seconds, up to 4095; 0: not at all")
	f.Uint16Var(&o.deferral, "defer", 10, "how long after a start hosts are waited for before peers are told that they know all (End-of-RIB), in seconds")
	f.BoolVar(&o.drain, "drain", false, "when ended, first have peers prefer other reflectors (RFC 8326), and then drop our routes, for about ten seconds at most; without it, peers that no other reflector serves keep them")
	f.Var(&command.One[topology.Ownership]{Value: &o.ownership, Parse: topology.ParseOwnership, Name: "MODE"}, "ownership", "enforce, warn or off: what becomes of routes inside pools that the inventory does not have on their host (default: the settings')")
	f.Var(&command.Many[bgp.AttrType]{Values: &o.discard, Parse: parseDiscard, Name: "TYPES", Commas: true}, "discard-attributes", "numbers of path attributes that are not passed on, such as 28,40; only optional ones that heddle does not read itself")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
}
