package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"

	"github.com/spf13/pflag"

	"heddle/bgp"
	"heddle/internal/config"
	"heddle/topology"
)

// defaultASN is the first of the private 16-bit numbers.
const defaultASN = 64512

// options are the flags of `heddle reflector`; each is also a key of the file.
type options struct {
	config     string
	name       string
	asn        bgp.ASN
	routerID   bgp.RouterID
	clusterID  bgp.ClusterID
	listen     []netip.AddrPort
	port       uint16
	inventory  []string
	etcd       etcdOptions
	etcdListen []string
	dataDir    string
	http       string
	ranges     []netip.Prefix
	rangesMD5  string
	holdTime   uint16
	ownership  topology.Ownership
	logLevel   string
}

// flags declares them.
func (o *options) flags(f *pflag.FlagSet) {
	host, _ := os.Hostname()
	f.StringVar(&o.config, "config", "", "read flags from this YAML file; the command line wins")
	f.StringVar(&o.name, "name", host, "our name among the inventory's routers")
	o.asn = defaultASN
	f.Var(&one[bgp.ASN]{&o.asn, bgp.ParseASN, "AS"}, "asn", "AS number of hosts and reflectors")
	f.Var(&one[bgp.RouterID]{&o.routerID, bgp.ParseRouterID, "A.B.C.D"}, "router-id", "BGP Identifier (default: our first IPv4 address)")
	f.Var(&one[bgp.ClusterID]{&o.clusterID, bgp.ParseClusterID, "A.B.C.D"}, "cluster-id", "cluster ID (default: the inventory's, else the router ID)")
	o.listen = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:179"), netip.MustParseAddrPort("[::]:179")}
	f.Var(&many[netip.AddrPort]{values: &o.listen, parse: parseListen, name: "ADDR:PORT"}, "listen", "address and port to listen on for BGP; may be repeated")
	f.Uint16Var(&o.port, "port", 179, "port to dial routers and other reflectors on")
	f.StringArrayVar(&o.inventory, "inventory", nil, "file of fabric objects to use beside etcd, or without it; may be repeated")
	o.etcd.flags(f)
	f.StringSliceVar(&o.etcdListen, "etcd-listen", []string{"http://127.0.0.1:2379"}, "client URLs of the embedded etcd")
	f.StringVar(&o.dataDir, "data-dir", "/var/lib/heddle", "directory of the embedded etcd")
	f.StringVar(&o.http, "http", "127.0.0.1:8179", "`ADDR:PORT` for metrics, health and heddle show; empty is off")
	f.Var(&many[netip.Prefix]{values: &o.ranges, parse: parseRange, name: "PREFIX"}, "accept-range", "admit clients with addresses in this prefix that the inventory does not have; may be repeated")
	f.StringVar(&o.rangesMD5, "accept-range-password-file", "", "file with the TCP-MD5 password of such clients")
	f.Uint16Var(&o.holdTime, "hold-time", 90, "hold time to offer, in seconds, if the settings name none")
	f.Var(&one[topology.Ownership]{&o.ownership, topology.ParseOwnership, "MODE"}, "ownership", "enforce, warn or off: what becomes of routes inside pools that the inventory does not have on their host (default: the settings')")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
}

// etcdOptions say how to reach etcd; every command that does has them.
type etcdOptions struct {
	endpoints    []string
	ca           string
	cert         string
	key          string
	user         string
	passwordFile string
}

func (o *etcdOptions) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.endpoints, "etcd", nil, "etcd `URLS` (default: an embedded etcd), or off")
	f.StringVar(&o.ca, "etcd-ca", "", "file with the CA of etcd's certificate")
	f.StringVar(&o.cert, "etcd-cert", "", "file with our certificate for etcd")
	f.StringVar(&o.key, "etcd-key", "", "file with the key of our certificate")
	f.StringVar(&o.user, "etcd-user", "", "etcd user")
	f.StringVar(&o.passwordFile, "etcd-password-file", "", "file with the etcd user's password")
}

func (o *etcdOptions) off() bool { return len(o.endpoints) == 1 && o.endpoints[0] == "off" }

// load reads the configuration file, if there is one, into the flags that the
// command line did not set.
func (o *options) load(f *pflag.FlagSet) error {
	if o.config == "" {
		return nil
	}
	data, err := os.ReadFile(o.config)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	given := map[string]bool{}
	f.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	return config.Apply(o.config, data, &fileFlags{f, given})
}

// fileFlags lets a file set the flags of a command.
type fileFlags struct {
	set   *pflag.FlagSet
	given map[string]bool
}

func (f *fileFlags) Known(name string) bool {
	return f.set.Lookup(name) != nil && name != "config" && name != "help"
}

func (f *fileFlags) List(name string) bool {
	_, slice := f.set.Lookup(name).Value.(pflag.SliceValue)
	return slice
}

func (f *fileFlags) Given(name string) bool       { return f.given[name] }
func (f *fileFlags) Set(name, value string) error { return f.set.Set(name, value) }

// logger writes to standard error: text on a terminal's side of the world, which is
// where journald reads, too.
func logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l})), nil
}
