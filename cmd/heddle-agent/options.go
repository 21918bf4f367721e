package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"heddle/agent"
	"heddle/agent/derive"
	"heddle/bgp"
	"heddle/internal/command"
	"heddle/topology"
)

const (
	defaultASN  = 64512
	defaultHTTP = "127.0.0.1:8180"
	// restartMost is what fits in the capability (RFC 4724 §3), in seconds.
	restartMost = 4095
)

// options are the flags of the agent; each is also a key of the file.
type options struct {
	config      string
	node        string
	asn         bgp.ASN
	routerID    bgp.RouterID
	inventory   []string
	etcd        command.Etcd
	dataDir     string
	http        string
	port        uint16
	holdTime    uint16
	restartTime uint16
	install     agent.Install
	interfaces  []string
	isolate     bool
	failsafeIn  []derive.Service
	failsafeOut []derive.Service
	noFailsafe  bool
	iptables    string
	logLevel    string
}

func (o *options) flags(f *pflag.FlagSet) {
	host, _ := os.Hostname()
	f.StringVar(&o.config, "config", "", "read flags from this YAML file; the command line wins")
	f.StringVar(&o.node, "node", host, "our name among the inventory's nodes")
	o.asn = defaultASN
	f.Var(&command.One[bgp.ASN]{Value: &o.asn, Parse: bgp.ParseASN, Name: "AS"}, "asn", "AS number of hosts and reflectors, if the settings name none")
	f.Var(&command.One[bgp.RouterID]{Value: &o.routerID, Parse: bgp.ParseRouterID, Name: "A.B.C.D"}, "router-id", "BGP Identifier (default: the node's first IPv4 address)")
	f.StringArrayVar(&o.inventory, "inventory", nil, "file of fabric objects to use instead of etcd; may be repeated")
	o.etcd.Flags(f, "http://127.0.0.1:2379")
	o.etcd.Endpoints = []string{"http://127.0.0.1:2379"}
	f.StringVar(&o.dataDir, "data-dir", "/var/lib/heddle-agent", "directory of the last inventory, for a start without etcd")
	f.StringVar(&o.http, "http", defaultHTTP, "`ADDR:PORT` for metrics, health and heddle-agent show; empty is off")
	f.Uint16Var(&o.port, "port", 179, "port to dial reflectors on")
	f.Uint16Var(&o.holdTime, "hold-time", 90, "hold time to offer, in seconds, if the settings name none")
	f.Uint16Var(&o.restartTime, "restart-time", 120, "how long reflectors keep our routes when we are away, in seconds, at most 4095")
	f.Var(&command.One[agent.Install]{Value: &o.install, Parse: parseInstall, Name: "MODE"}, "install", "which remote routes go into the kernel: all, rack (of hosts on our own links) or none (the default route does)")
	f.StringSliceVar(&o.interfaces, "workload-interfaces", []string{"tap+", "cali+"}, "`NAMES` of workloads' interfaces; NAME+ is all that begin so. What nobody knows is dropped there")
	f.BoolVar(&o.isolate, "isolate-host", false, "workloads don't reach addresses of their host (workloadToHost: drop), but for DHCP and neighbour discovery")
	o.failsafeIn = services("tcp/22", "tcp/179", "tcp/2379", "tcp/2380", "udp/68")
	o.failsafeOut = services("tcp/179", "tcp/2379", "tcp/2380", "udp/53", "udp/67")
	f.Var(&command.Many[derive.Service]{Values: &o.failsafeIn, Parse: parseService, Name: "PROTO/PORT"}, "failsafe-in", "let in to services on the host whatever policies say; may be repeated")
	f.Var(&command.Many[derive.Service]{Values: &o.failsafeOut, Parse: parseService, Name: "PROTO/PORT"}, "failsafe-out", "let out of services on the host whatever policies say; may be repeated")
	f.BoolVar(&o.noFailsafe, "no-failsafe", false, "let nothing in or out whatever policies say: a policy can then lock you out")
	f.StringVar(&o.iptables, "iptables", "auto", "back end: nft, legacy, or auto, which is the one that other rules are in")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
}

// check finds what single flags can't.
func (o *options) check() error {
	switch {
	case o.node == "":
		return errors.New("no name: give --node")
	case o.restartTime == 0 || o.restartTime > restartMost:
		return fmt.Errorf("--restart-time %d: want 1 to %d seconds", o.restartTime, restartMost)
	}
	for _, name := range o.interfaces {
		if plain := strings.TrimSuffix(name, "+"); plain == "" || plain == "lo" || len(plain) > 15 || strings.ContainsAny(plain, "/ +") {
			return fmt.Errorf("--workload-interfaces %s: want the name of an interface, or how such names begin with a + behind", name)
		}
	}
	return nil
}

// host is the wishes that the state of the host is derived with.
func (o *options) host() derive.Config {
	c := derive.Config{Node: o.node, Patterns: o.interfaces, Isolate: o.isolate, FailsafeIn: o.failsafeIn, FailsafeOut: o.failsafeOut}
	if o.noFailsafe {
		c.FailsafeIn, c.FailsafeOut = nil, nil
	}
	return c
}

func parseInstall(text string) (agent.Install, error) {
	for i, word := range []string{"all", "rack", "none"} {
		if text == word {
			return agent.Install(i), nil
		}
	}
	return 0, fmt.Errorf("%q: want all, rack or none", text)
}

func parseService(text string) (derive.Service, error) {
	protocol, port, _ := strings.Cut(text, "/")
	n, err := strconv.ParseUint(port, 10, 16)
	for _, p := range []topology.Protocol{topology.TCP, topology.UDP, topology.SCTP} {
		if protocol == p.String() && err == nil && n > 0 {
			return derive.Service{Protocol: p, Port: uint16(n)}, nil
		}
	}
	return derive.Service{}, fmt.Errorf("%q: want a protocol and a port such as tcp/22", text)
}

func services(texts ...string) (list []derive.Service) {
	for _, text := range texts {
		s, err := parseService(text)
		if err != nil {
			panic(err)
		}
		list = append(list, s)
	}
	return list
}
