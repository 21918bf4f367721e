package interop

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"heddle/internal/oracle"
)

// watched is a host whose path is watched. Both sides wait for ten packets: whoever is
// silent for a second may be so because the machine is busy.
type watched struct {
	f           *fabric
	s           speaker
	peer        netip.Addr // what the session comes from
	port        int        // that both come to use
	hush, speak func()     // fall silent, and be heard again
	off, on     func()     // its people take BFD down, and up again; nil: they can't without its looking like silence
}

// bfdInventory is one in which the settings say so of BFD.
func bfdInventory(bfd string, addresses ...netip.Addr) string {
	text := "---\nkind: settings\nasn: 64512\nbfd: " + bfd + "\n"
	for i, a := range addresses {
		text += document("node", fmt.Sprintf("h%d", i), "", a)
	}
	for i := range byte(3) {
		text += document("node", fmt.Sprintf("probe%d", i), "bfd: false\n", v4Of(nProbe+i))
	}
	return text
}

// filter has the host's packet filter drop all there is, or not any more.
func (h *host) filter(verb string) func() {
	return func() {
		h.f.t.Helper()
		for _, program := range []string{"iptables", "ip6tables"} {
			for _, chain := range []string{"INPUT", "OUTPUT"} {
				h.command(program, "-w", verb, chain, "-j", "DROP")
			}
		}
	}
}

// datagrams counts what the host's programs took in by UDP, which is BFD.
func (h *host) datagrams() uint64 {
	h.f.t.Helper()
	four, err := h.proc("net/snmp")
	h.f.must(err)
	six, err := h.proc("net/snmp6")
	h.f.must(err)
	var sum uint64
	for _, line := range strings.Split(four+six, "\n") {
		var n uint64
		if _, err := fmt.Sscanf(line, "Udp: %d", &n); err == nil {
			sum += n
		}
		if _, err := fmt.Sscanf(line, "Udp6InDatagrams %d", &n); err == nil {
			sum += n
		}
	}
	return sum
}

// watchedBird is BIRD, with figures of its own for BFD.
func (f *fabric) watchedBird(options string, port int) *watched {
	b := f.bird(nBird)
	b.options = "graceful restart on; bfd graceful; " + options
	const timers = "{ min rx interval 400 ms; min tx interval 300 ms; multiplier 10; }"
	b.more = `protocol bfd { interface "*" ` + timers + "; multihop " + timers + "; }\n"
	return &watched{f: f, s: b, peer: b.address(), port: port, hush: b.filter("-I"), speak: b.filter("-D")}
}

// unplugged is a host that falls silent as its cable is pulled.
func (w *watched) unplugged() *watched {
	h := w.s.who()
	w.hush = func() { w.f.must(h.space.Down("eth0")) }
	w.speak = func() { h.command("ip", "link", "set", "eth0", "up") }
	return w
}

// watchedFRR is FRR, with figures of its own for BFD. Which port it uses is for bgpd to
// say: several hops are for peers that it shares no network with.
func (f *fabric) watchedFRR(port int) *watched {
	r := f.frr(nFRR)
	r.watches = true
	w := &watched{f: f, s: r, peer: r.address(), port: port, hush: r.filter("-I"), speak: r.filter("-D")}
	if port == 4784 {
		far := netip.MustParseAddr("198.51.100.1")
		f.self.command("ip", "address", "add", far.String()+"/32", "dev", "lo")
		r.command("ip", "route", "add", far.String()+"/32", "via", f.self.v4.String())
		f.self.flags = append(f.self.flags, "--listen", far.String())
		r.neighbors[0].address = far
	}
	us := r.neighbors[0].address.String()
	r.options = []string{"bgp graceful-restart", "neighbor " + us + " remote-as 64512", "neighbor " + us + " bfd 10 400 300"}
	if port == 3784 && !f.ipv6 {
		bfdd := func(word string) func() {
			return func() {
				r.command("vtysh", "--vty_socket", r.path("vty"), "-d", "bfdd", "-c", "configure terminal", "-c", "bfd",
					"-c", "peer "+us+" local-address "+r.v4.String()+" interface eth0", "-c", word)
			}
		}
		w.off, w.on = bfdd("shutdown"), bfdd("no shutdown")
	}
	return w
}

func TestTheSilenceOfAHostIsNoticedByBFD(t *testing.T) {
	for _, c := range []struct {
		name, lab string
		ipv6      bool
		host      func(*fabric) *watched
	}{
		{"BIRD on the same link", "bfd-b1", false, func(f *fabric) *watched { return f.watchedBird("", 3784).unplugged() }},
		{"BIRD over several hops", "bfd-b2", false, func(f *fabric) *watched { return f.watchedBird("multihop 4;", 4784) }},
		{"BIRD over IPv6", "bfd-b6", true, func(f *fabric) *watched { return f.watchedBird("", 3784) }},
		{"FRR on the same link", "bfd-f1", false, func(f *fabric) *watched { return f.watchedFRR(3784) }},
		{"FRR over several hops", "bfd-f2", false, func(f *fabric) *watched { return f.watchedFRR(4784) }},
		{"FRR over IPv6", "bfd-f6", true, func(f *fabric) *watched { return f.watchedFRR(3784) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := bfdFabric(t, c.lab)
			f.ipv6 = c.ipv6
			w := c.host(f)
			f.self.file("inventory.yaml", bfdInventory("{multiplier: 10}", w.peer))
			f.self.start()
			w.story()
		})
	}
}

// bfdFabric has a reflector that is not started, and answers questions when it is.
func bfdFabric(t *testing.T, name string) *fabric {
	f := emptyFabric(t, name)
	f.self = f.reflector("heddle", 1, "", "--http", "127.0.0.1:8179")
	return f
}

func (w *watched) story() {
	f, h := w.f, w.s.who()
	probe := f.probe("probe0", nProbe, neighbor{address: f.self.v4})
	f.step("the path is up, and both know how closely it is watched", func() {
		f.startWith([]speaker{w.s, probe}, plain)
		f.shows(w.peer, "Established", "Up")
		f.until("the timers", func() string {
			p := f.shows(w.peer, "Established", "Up").BFD
			if p.Port != w.port || p.Interval != 400 || p.Detection != 10*300 {
				return fmt.Sprintf("BFD is %+v", *p)
			}
			return ""
		})
		f.holdsFrom(probe, h, true)
	})
	f.step("it falls silent: its session ends by BFD, and its routes go", func() {
		begun := time.Now()
		w.hush()
		f.holdsFrom(probe, h, false)
		f.t.Logf("its routes went %s after its last word, when the detection time is 3s", time.Since(begun).Round(time.Millisecond))
		shown := f.shows(w.peer, "Active", "Down")
		if !strings.HasPrefix(shown.LastError, "sent NOTIFICATION: cease, BFD down (6/10): nothing heard for") {
			f.t.Errorf("the session ended by %q", shown.LastError)
		}
	})
	f.step("it is heard again", func() {
		begun := time.Now()
		w.speak()
		f.shows(w.peer, "Established", "Up")
		f.holdsFrom(probe, h, true)
		f.t.Logf("all is as it was after %s", time.Since(begun).Round(time.Millisecond))
	})
	if w.off != nil {
		f.step("its people take BFD down and up again: BGP stays", func() {
			f.keepsSession(w.peer, func() {
				w.off()
				f.shows(w.peer, "Established", "Down")
				w.on()
				f.shows(w.peer, "Established", "Up")
			})
		})
	}
	f.step("our people take BFD away, and give it back otherwise: BGP stays", func() {
		f.keepsSession(w.peer, func() {
			f.reload(bfdInventory("false", w.peer))
			f.shows(w.peer, "Established", "off")
			before := h.datagrams()
			f.until("the host to be sent more than the detection time has room for", func() string {
				return missing("14 datagrams", h.datagrams() >= before+14)
			})
			f.reload(bfdInventory("{interval: 500, multiplier: 10}", w.peer))
			f.until("the new interval", func() string {
				shown := f.shows(w.peer, "Established", "Up")
				return missing("an interval of 500 ms", shown.BFD.Interval == 500)
			})
		})
	})
	f.step("we end: it keeps what it was told, as of one that restarts", func() {
		f.holdsFrom(w.s, probe.host, true)
		f.must(f.self.cmd.Process.Signal(syscall.SIGTERM))
		<-f.self.ended
		f.until("it to lose both sessions", w.lost)
		f.holdsFrom(w.s, probe.host, true)
	})
}

// lost is empty once the host has neither BGP nor BFD with us any more, in its own words.
func (w *watched) lost() string {
	h := w.s.who()
	ask, words, up := "birdc -s "+h.path("ctl")+" show ", []string{"protocols peer0", "bfd sessions"}, []string{"Established", " Up "}
	if _, ok := w.s.(*frr); ok {
		ask, words, up = "vtysh --vty_socket "+h.path("vty")+" -c show ", []string{"bgp neighbors", "bfd peers"}, []string{"state = Established", "Status: up"}
	}
	for i, word := range words {
		args := append(strings.Fields(ask), strings.Fields(word)...)
		if args[0] == "vtysh" {
			args = append(args[:4], "show "+word)
		}
		out, err := h.query(args[0], args[1:]...)
		if err != nil || strings.Contains(string(out), up[i]) {
			return fmt.Sprintf("%s %v", out, err)
		}
	}
	return ""
}

// reload gives the reflector another inventory.
func (f *fabric) reload(inventory string) {
	f.t.Helper()
	f.self.file("inventory.yaml", inventory)
	f.must(f.self.cmd.Process.Signal(syscall.SIGHUP))
}

// keepsSession sees to it that the session with a peer outlives an act.
func (f *fabric) keepsSession(peer netip.Addr, act func()) {
	f.t.Helper()
	before, _ := f.show(peer)
	act()
	if after, fault := f.show(peer); fault != "" || after.Flaps != before.Flaps {
		f.t.Errorf("the session ended: %s%s", after.LastError, fault)
	}
}

// Tables that are turned over all the while take no path down: not within three seconds,
// since less is a matter of the machine and of who else is busy on it.
func TestBFDHoldsNobodyForSilentWhileTheTablesAreBusy(t *testing.T) {
	const routes, rounds = 5000, 20
	f := bfdFabric(t, "bfd-load")
	one, other := f.watchedBird("", 3784), f.watchedFRR(3784)
	least := strings.NewReplacer("400", "300")
	b, r := one.s.(*bird), other.s.(*frr)
	b.more, r.options[2] = least.Replace(b.more), least.Replace(r.options[2])
	f.self.file("inventory.yaml", bfdInventory("{interval: 300, multiplier: 10}", one.peer, other.peer))
	f.self.start()
	var probes []*probe
	for i := range byte(3) {
		probes = append(probes, f.probe(fmt.Sprintf("probe%d", i), nProbe+i))
	}
	f.start(b, r, probes[0], probes[1], probes[2])
	for _, w := range []*watched{one, other} {
		f.shows(w.peer, "Established", "Up")
	}
	begun := time.Now()
	for round := range rounds {
		for _, p := range probes {
			p.churn(routes, round)
		}
	}
	last := probes[2].turned(routes-1, rounds-1)
	f.until("the last round", func() string {
		held, err := probes[0].holds()
		if err != nil {
			return err.Error()
		}
		return missing(last.prefix.String(), held[last.prefix].MED == last.med)
	})
	f.t.Logf("%d announcements in %s", routes*rounds*len(probes), time.Since(begun).Round(time.Millisecond))
	for _, w := range []*watched{one, other} {
		shown := f.shows(w.peer, "Established", "Up")
		f.t.Logf("%s: %d false downs", w.s.who().name, shown.BFD.Flaps)
		if shown.Flaps > 0 || shown.BFD.Flaps > 0 {
			t.Errorf("%s was held for silent: %s", w.peer, shown.LastError)
		}
	}
}

// turned is a route of a probe as it is in a round.
func (p *probe) turned(route, round int) offer {
	address := netip.AddrFrom4([4]byte{10, p.n, byte(route >> 8), byte(route)})
	return offer{prefix: netip.PrefixFrom(address, 32), med: uint32(1 + round + route%50)}
}

// churn has a probe say all its routes anew, one to an UPDATE.
func (p *probe) churn(routes, round int) {
	p.f.t.Helper()
	var octets []byte
	for i := range routes {
		o := p.turned(i, round)
		octets = append(octets, oracle.Announce(o.route(p.host), o.prefix)...)
	}
	p.write(octets)
}
