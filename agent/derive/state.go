package derive

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"heddle/agent/fib"
	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/topology"
)

// Config is what a host's operator wishes.
type Config struct {
	Node string
	// Patterns are names of interfaces that belong to workloads, known or not: "tap+" is
	// every one that begins with tap. What comes by one that no workload has is dropped.
	Patterns []string
	// Isolate: workloads don't reach addresses of their host, but for DHCP and NDP.
	Isolate bool
	// FailsafeIn and FailsafeOut pass to and from services on the host whatever the
	// policies say, so that nobody locks himself out.
	FailsafeIn, FailsafeOut []Service
	// Unknown says of a set that it is not known who is in it; nil: all is known. A rule
	// that denies those denies all meanwhile.
	Unknown func(set string) bool
	// Uplinks are the interfaces, by index, that the host's own routes lead through; no
	// workload has one of them.
	Uplinks map[int]bool
}

// Service is a protocol and a port of it.
type Service struct {
	Protocol topology.Protocol
	Port     uint16
}

// String is as people write it: "tcp/22".
func (s Service) String() string { return fmt.Sprintf("%s/%d", s.Protocol, s.Port) }

// State is a host as it should be.
type State struct {
	Ports     []fib.Port // of workloads whose interface is there
	Routes    []Route    // of workloads that can carry traffic
	Services  []netip.Addr
	Filter    firewall.State
	Members   []Members // of the sets of Filter, in the same order
	Workloads []Workload
	Problems  []topology.Problem
}

// Route leads to a workload on the host.
type Route struct {
	Prefix netip.Prefix
	Name   string // of the workload
	Link   int    // index of the interface; 0: the address is the host's own
}

// Members says what a set holds: the routes with a tag, and addresses of the host's own
// workloads, which no reflector tells it about.
type Members struct {
	Set    string
	Family bgp.Family
	Tag    uint32 // 0: it has no number, and so no routes
	Local  []netip.Prefix
}

// Workload is how one fares.
type Workload struct {
	topology.Workload
	// Ready: its addresses are to be announced.
	Ready bool
	// Waits says what for, in words, if it is not ready.
	Waits string
	// Link is the index of its interface, if that is there.
	Link int
}

// For derives the state of a host.
func For(snapshot *topology.Snapshot, links []fib.Link, cfg Config) *State {
	d := deriver{snapshot: snapshot, cfg: cfg, links: map[string]*fib.Link{}, owners: map[string]string{}, taken: map[netip.Addr]string{}}
	d.node, _ = snapshot.Node(cfg.Node)
	for i := range links {
		d.links[links[i].Name] = &links[i]
	}
	d.spare()
	for _, w := range slices.SortedStableFunc(snapshot.WorkloadsOn(cfg.Node), servedFirst) {
		d.workload(w)
	}
	slices.SortFunc(d.state.Workloads, func(a, b Workload) int { return cmp.Compare(a.Name, b.Name) })
	d.filter()
	return &d.state
}

// servedFirst orders workloads by who has an address that several have, as when one moves
// from one interface of a host to another: who is live, then who is served still.
func servedFirst(a, b topology.Workload) int {
	order := func(w topology.Workload) int { return slices.Index(precedence, w.State) }
	return cmp.Compare(order(a), order(b))
}

var precedence = []topology.State{topology.Live, topology.Leaving, topology.Prepared}

type deriver struct {
	snapshot *topology.Snapshot
	cfg      Config
	node     topology.Node
	links    map[string]*fib.Link
	owners   map[string]string     // workload that has an interface
	taken    map[netip.Addr]string // workload that has an address
	ports    []port
	services []service
	state    State
}

// port is a workload behind an interface, there or not.
type port struct {
	topology.Workload
	profile string
}

// service is an address of a workload without an interface.
type service struct {
	name    string
	addr    netip.Addr
	profile string
}

// workload sorts a workload in: behind an interface, or on the host itself.
func (d *deriver) workload(w topology.Workload) {
	status := Workload{Workload: w}
	addresses := d.claim(w)
	w.Addresses = addresses
	switch {
	case len(addresses) == 0:
		status.Waits = "all its addresses are another workload's"
	case w.Interface == "":
		d.onHost(&status, w)
	default:
		d.behind(&status, w)
	}
	d.state.Workloads = append(d.state.Workloads, status)
}

// claim gives the addresses that no workload before has.
func (d *deriver) claim(w topology.Workload) (mine []netip.Addr) {
	for _, a := range w.Addresses {
		if other, taken := d.taken[a]; taken {
			d.problem(w, "has address %s, which workload %s of this node has, too: give one of them another", a, other)
			continue
		}
		d.taken[a] = w.Name
		mine = append(mine, a)
	}
	return mine
}

// behind takes a workload with an interface of its own.
func (d *deriver) behind(status *Workload, w topology.Workload) {
	if other, taken := d.owners[w.Interface]; taken {
		d.problem(w, "has interface %s, which is workload %s's: give each its own, or list the addresses in one", w.Interface, other)
		status.Waits = "interface " + w.Interface + " is another workload's"
		return
	}
	link := d.links[w.Interface]
	if why := d.unfit(w.Interface, link); why != "" {
		d.problem(w, "has interface %s, which %s: name the workload's", w.Interface, why)
		status.Waits = "interface " + w.Interface + " " + why
		return
	}
	d.owners[w.Interface] = w.Name
	d.ports = append(d.ports, port{w, d.profile(w.Tags)})
	if !d.covered(w.Interface) {
		d.problem(w, "has interface %s, which none of --workload-interfaces covers, so that it stands open until the agent has seen it: add it there", w.Interface)
	}
	if link == nil {
		status.Waits = "there is no interface " + w.Interface
		return
	}
	status.Link = link.Index
	d.state.Ports = append(d.state.Ports, fib.Port{Name: w.Interface, Index: link.Index, MAC: w.MAC, Addresses: w.Addresses})
	switch {
	case !link.Up:
		status.Waits = "interface " + w.Interface + " is down"
	case w.State == topology.Prepared:
		status.Waits = "it is prepared: its address is still elsewhere"
	default:
		d.ready(status, w, link.Index)
	}
}

// unfit says why an interface can't be a workload's, or nothing.
func (d *deriver) unfit(name string, link *fib.Link) string {
	if name == "lo" || (link != nil && link.Loopback) {
		return "is the host's loopback"
	}
	if link != nil {
		return d.ownLink(link)
	}
	return ""
}

// ownLink says why an interface is the host's own, or nothing.
func (d *deriver) ownLink(link *fib.Link) string {
	for _, prefix := range link.Addresses {
		for _, own := range d.node.Addresses {
			if prefix.Addr() == own {
				return "has the host's own address " + own.String()
			}
		}
	}
	if d.cfg.Uplinks[link.Index] {
		return "is what the host's own routes lead through"
	}
	return ""
}

// spare leaves out patterns that cover an interface of the host's own: they would cut it
// off. Ports are guarded by name then.
func (d *deriver) spare() {
	var kept []string
	for _, pattern := range d.cfg.Patterns {
		if taken := d.taking(pattern); taken != "" {
			d.state.Problems = append(d.state.Problems, topology.Problem{Object: "--workload-interfaces " + pattern, Text: "covers " + taken +
				": it is not used; name the interfaces of workloads only"})
			continue
		}
		kept = append(kept, pattern)
	}
	d.cfg.Patterns = kept
}

// taking is an interface of the host's own that a pattern covers, and why it is.
func (d *deriver) taking(pattern string) string {
	for _, name := range slices.Sorted(maps.Keys(d.links)) {
		if link := d.links[name]; covers(pattern, name) && (link.Loopback || d.ownLink(link) != "") {
			return name + ", which " + cmp.Or(d.ownLink(link), "is the host's loopback")
		}
	}
	return ""
}

// onHost takes a workload that is a service on the host itself.
func (d *deriver) onHost(status *Workload, w topology.Workload) {
	profile := d.profile(w.Tags)
	for _, a := range w.Addresses {
		d.services = append(d.services, service{w.Name, a, profile})
		d.state.Services = append(d.state.Services, a)
	}
	var there topology.Workload
	for _, a := range w.Addresses {
		if d.present(a) {
			there.Addresses = append(there.Addresses, a)
		} else {
			status.Waits = "address " + a.String() + " is on none of the host's interfaces"
		}
	}
	if w.State == topology.Prepared {
		status.Waits = "it is prepared: its address is still elsewhere"
		return
	}
	there.Name = w.Name
	if len(there.Addresses) > 0 {
		waits := status.Waits
		d.ready(status, there, 0)
		status.Waits = waits
	}
}

func (d *deriver) present(a netip.Addr) bool {
	for _, link := range d.links {
		for _, prefix := range link.Addresses {
			if prefix.Addr() == a && (link.Up || link.Loopback) {
				return true
			}
		}
	}
	return false
}

// ready has a workload's addresses routed and announced: those of families that the
// node has an address of, which is the next hop.
func (d *deriver) ready(status *Workload, w topology.Workload, link int) {
	for _, a := range w.Addresses {
		if _, ok := NextHop(d.node, a); !ok {
			status.Waits = "the node has no " + bgp.FamilyOf(a).String() + " address to be the next hop of " + a.String()
			d.problem(w, "has address %s, and the node no %s address to announce it with: give it one", a, bgp.FamilyOf(a))
		}
		d.state.Routes = append(d.state.Routes, Route{netip.PrefixFrom(a, a.BitLen()), w.Name, link})
	}
	status.Ready = true
}

// NextHop is the address of a node that others send to for an address of a workload.
func NextHop(node topology.Node, a netip.Addr) (netip.Addr, bool) {
	for _, own := range node.Addresses {
		if own.Is4() == a.Is4() {
			return own, true
		}
	}
	return netip.Addr{}, false
}
