package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"heddle/agent/fib"
	"heddle/bgp"
	"heddle/peering/session"
	"heddle/peering/wire"
)

func TestWhatComesIsGuardedThenRoutedThenAnnounced(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1)
	b.want("on the way in", b.steps(), []string{
		"chains", "port tap1", "route 10.1.0.1/32", "route fd00:1::1/128",
		"announce 10.1.0.1/32 via 192.0.2.11, fd00:1::1/128 via 2001:db8::11",
	})
	if text := b.filter.Save(1, 1); !strings.Contains(text, ":heddle-from-tap1") {
		t.Errorf("chains are\n%s", text)
	}
	b.did = nil
	b.set("workloads/h1/w1", "")
	b.want("on the way out", b.steps(), []string{
		"announce ", "no route 10.1.0.1/32", "no route fd00:1::1/128", "no port tap1", "chains", "forget [10.1.0.1 fd00:1::1]",
	})
}

func TestOnlyWhatCarriesTrafficIsAnnounced(t *testing.T) {
	down := tap1
	down.Up = false
	for _, c := range []struct {
		name      string
		workload  string
		links     []fib.Link
		fail      string // of the kernel
		broken    bool   // the packet filter
		announced bool
		waits     string
	}{
		{name: "all is well", workload: w1, links: []fib.Link{uplink, tap1}, announced: true},
		{name: "the interface is not there", workload: w1, links: []fib.Link{uplink}, waits: "no interface tap1"},
		{name: "the interface is down", workload: w1, links: []fib.Link{uplink, down}, waits: "tap1 is down"},
		{name: "it is prepared", workload: strings.Replace(w1, `"tags"`, `"state":"prepared","tags"`, 1), links: []fib.Link{uplink, tap1}, waits: "prepared"},
		{name: "it is leaving", workload: strings.Replace(w1, `"tags"`, `"state":"leaving","tags"`, 1), links: []fib.Link{uplink, tap1}, announced: true},
		{name: "the port can't be readied", workload: w1, links: []fib.Link{uplink, tap1}, fail: "port tap1"},
		{name: "the kernel refuses the routes", workload: w1, links: []fib.Link{uplink, tap1}, fail: "replace"},
		{name: "the chains can't be written", workload: w1, links: []fib.Link{uplink, tap1}, broken: true},
		{name: "the interface is the host's own", workload: strings.Replace(w1, "tap1", "eth0", 1), links: []fib.Link{uplink, tap1}, waits: "has the host's own address"},
		{name: "a service whose address is not there", workload: `{"addresses":["10.9.0.53"],"tags":["web"]}`, links: []fib.Link{uplink}, waits: "on none of the host's interfaces"},
		{
			name: "a service whose address is there", workload: `{"addresses":["10.9.0.53"],"tags":["web"]}`, announced: true,
			links: []fib.Link{uplink, {Index: 1, Name: "lo", Loopback: true, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("10.9.0.53/32")}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, InstallAll)
			b.kernel.SetLinks(c.links...)
			for range refusals {
				if c.broken {
					b.filter.Fail("restore", errors.New("no"))
				}
			}
			if c.fail != "" {
				b.kernel.Fail = func(call string) error {
					if strings.HasPrefix(call, c.fail) {
						return errors.New("no")
					}
					return nil
				}
			}
			b.set("workloads/h1/w1", c.workload)
			if got := b.announced() != ""; got != c.announced {
				t.Errorf("announced: %q", b.announced())
			}
			if c.broken && len(b.routes()) > 0 {
				t.Errorf("routed without chains: %s", b.routes())
			}
			w := b.agent.state.Workloads[0]
			if (c.waits == "") != (w.Waits == "") || !strings.Contains(w.Waits, c.waits) {
				t.Errorf("waits for %q, want %q", w.Waits, c.waits)
			}
			if c.waits == "" && c.announced != (len(b.agent.problems()) == 0) {
				t.Errorf("problems: %v", b.agent.problems())
			}
			// Whatever was wrong, mended it is announced.
			b.kernel.Fail = nil
			b.kernel.SetLinks(uplink, tap1)
			for range refusals {
				b.agent.linksOld, b.agent.check = true, true
				b.set("workloads/h1/w1", w1)
			}
			if b.announced() == "" {
				t.Errorf("not announced when all is well again: %v", b.agent.problems())
			}
		})
	}
}

// refusals is more often than the driver tries by itself.
const refusals = 8

// DESIGN §6, inventory loss: what vanishes with the node's own key, or with the
// settings, is not gone.
func TestAnInventoryThatShrinksIsNotBelieved(t *testing.T) {
	for _, key := range []string{"nodes/h1", "settings"} {
		t.Run(key, func(t *testing.T) {
			b := newBench(t, InstallAll)
			b.set("workloads/h1/w1", w1)
			before, rules := b.kernel.String(), b.filter.Save(1, 2)
			b.did = nil
			b.set(key, "", "workloads/h1/w1", "")
			if b.kernel.String() != before || b.filter.Save(1, 2) != rules || len(b.did) > 0 {
				t.Errorf("did %q", b.did)
			}
			if p := b.agent.problems(); len(p) == 0 {
				t.Error("no problem says so")
			}
			b.set(key, base[key])
			if got := b.announced(); got != "" {
				t.Errorf("when the inventory is whole again, without the workload, it announces %s", got)
			}
		})
	}
}

func TestRemoteRoutesAreResolvedByTheHostsOwn(t *testing.T) {
	gateway := func(prefix, via string, metric uint32) fib.Found {
		return fib.Found{Route: fib.Route{Prefix: netip.MustParsePrefix(prefix), Hops: []fib.Hop{{Via: netip.MustParseAddr(via), Link: 2}}}, Metric: metric}
	}
	for _, c := range []struct {
		name    string
		install Install
		own     []fib.Found
		prefix  string
		hops    []string
		want    []string
		refused string
	}{
		{name: "a host on the link", prefix: "10.2.0.3/32", hops: []string{"192.0.2.12"}, want: []string{"10.2.0.3 via 192.0.2.12 dev eth0 src 192.0.2.11"}},
		{name: "IPv6", prefix: "fd00:2::3/128", hops: []string{"2001:db8::12"}, want: []string{"fd00:2::3 via 2001:db8::12 dev eth0 src 2001:db8::11"}},
		{
			name: "a host behind a gateway", own: []fib.Found{gateway("198.51.100.0/24", "192.0.2.1", 0)}, prefix: "10.2.0.3/32", hops: []string{"198.51.100.7"},
			want: []string{"10.2.0.3 via 192.0.2.1 dev eth0 src 192.0.2.11"},
		},
		{
			name: "by the better of two routes", own: []fib.Found{gateway("198.51.100.0/24", "192.0.2.1", 9), gateway("198.51.100.0/24", "192.0.2.2", 5)},
			prefix: "10.2.0.3/32", hops: []string{"198.51.100.7"}, want: []string{"10.2.0.3 via 192.0.2.2 dev eth0 src 192.0.2.11"},
		},
		{
			name: "by the default route", own: []fib.Found{gateway("0.0.0.0/0", "192.0.2.1", 0)}, prefix: "10.2.0.3/32", hops: []string{"198.51.100.7"},
			want: []string{"10.2.0.3 via 192.0.2.1 dev eth0 src 192.0.2.11"},
		},
		{name: "a host that nothing leads to", prefix: "10.2.0.3/32", hops: []string{"198.51.100.7"}},
		{
			name: "where the way leads nowhere on purpose", own: []fib.Found{{Route: fib.Route{Prefix: netip.MustParsePrefix("192.0.2.12/32")}, Dead: true}},
			prefix: "10.2.0.3/32", hops: []string{"192.0.2.12"},
		},
		{
			name: "several hosts at once", prefix: "10.9.0.53/32", hops: []string{"192.0.2.13", "192.0.2.12"},
			want: []string{"10.9.0.53 src 192.0.2.11", "nexthop via 192.0.2.12 dev eth0 weight 1", "nexthop via 192.0.2.13 dev eth0 weight 1"},
		},
		{
			name: "several, of which one can't be reached", prefix: "10.9.0.53/32", hops: []string{"192.0.2.13", "198.51.100.7"},
			want: []string{"10.9.0.53 via 192.0.2.13 dev eth0 src 192.0.2.11"},
		},
		{name: "the rack only, on the link", install: InstallRack, prefix: "10.2.0.3/32", hops: []string{"192.0.2.12"}, want: []string{"10.2.0.3 via 192.0.2.12 dev eth0 src 192.0.2.11"}},
		{name: "the rack only, behind a gateway", install: InstallRack, own: []fib.Found{gateway("0.0.0.0/0", "192.0.2.1", 0)}, prefix: "10.2.0.3/32", hops: []string{"198.51.100.7"}},
		{name: "none", install: InstallNone, prefix: "10.2.0.3/32", hops: []string{"192.0.2.12"}},
		{name: "a default route", prefix: "0.0.0.0/0", hops: []string{"192.0.2.12"}, refused: "default route"},
		{name: "what covers the reflector", prefix: "192.0.2.240/28", hops: []string{"192.0.2.12"}, refused: "covers 192.0.2.251"},
		{name: "what covers its own next hop", prefix: "192.0.2.12/31", hops: []string{"192.0.2.12"}, refused: "covers 192.0.2.12"},
		{name: "what covers the host", prefix: "192.0.2.11/32", hops: []string{"192.0.2.12"}, refused: "covers 192.0.2.11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, c.install)
			for _, own := range c.own {
				b.kernel.Put(own)
			}
			b.set()
			s := b.session("192.0.2.251")
			b.says(s, c.prefix, nil, c.hops...)
			b.complete(s)
			b.want("routes", b.routes(), c.want)
			refused := ""
			for _, p := range b.agent.problems() {
				refused += p.Text
			}
			if (c.refused == "") != (refused == "") || !strings.Contains(refused, c.refused) {
				t.Errorf("problems %q, want %q", refused, c.refused)
			}
			for range c.hops {
				b.says(s, c.prefix, nil)
			}
		})
	}
}

func TestRoutesFollowTheHostsOwn(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set()
	s := b.session("192.0.2.251")
	b.says(s, "10.2.0.3/32", nil, "198.51.100.7")
	b.complete(s)
	b.want("without a way", b.routes(), nil)
	look := func() {
		b.agent.notice(fib.Event{Kind: fib.Underlay})
		b.agent.check = true
		b.settle()
	}
	for _, via := range []string{"192.0.2.1", "192.0.2.2"} {
		b.kernel.Put(fib.Found{Route: fib.Route{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Hops: []fib.Hop{{Via: netip.MustParseAddr(via), Link: 2}}}})
		look()
		b.want("with a way", b.routes(), []string{"10.2.0.3 via " + via + " dev eth0 src 192.0.2.11"})
	}
	b.kernel.Drop(netip.MustParsePrefix("198.51.100.0/24"), 0)
	look()
	b.want("when the way is gone", b.routes(), nil)
}

// A process that starts over what another left writes nothing that is right, removes
// nothing before the reflectors have said all, and then only what is not wanted.
func TestAStartOverWhatIsThere(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1)
	s := b.session("192.0.2.251")
	b.says(s, "10.2.0.3/32", []uint32{7}, "192.0.2.12")
	b.says(s, "10.2.0.4/32", nil, "192.0.2.12")
	b.complete(s)
	before := b.routes()
	if len(before) != 4 {
		t.Fatalf("routes %q", before)
	}
	b.boot(InstallAll)
	b.did = nil
	rules := b.filter.Save(1, 1) + b.filter.Save(1, 2) + b.filter.Save(2, 2)
	b.set()
	s = b.session("192.0.2.251")
	b.says(s, "10.2.0.3/32", []uint32{7}, "192.0.2.12")
	b.want("before the end", b.routes(), before)
	b.complete(s)
	b.want("did", b.steps(), []string{"port tap1", "announce 10.1.0.1/32 via 192.0.2.11, fd00:1::1/128 via 2001:db8::11", "no route 10.2.0.4/32", "port tap1"})
	if now := b.filter.Save(1, 1) + b.filter.Save(1, 2) + b.filter.Save(2, 2); now != rules {
		t.Errorf("rules are\n%s\nand were\n%s", now, rules)
	}
	b.want("a set", []string{fmt.Sprint(b.filter.Members("heddle-4-web"))}, []string{"[10.1.0.1/32 10.2.0.3/32]"})
}

// Routes and End-of-RIB may come in one breath.
func TestAStartThatHearsAllAtOnce(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1)
	s := b.session("192.0.2.251")
	b.says(s, "10.2.0.3/32", []uint32{7}, "192.0.2.12")
	b.complete(s)
	before := b.routes()
	b.boot(InstallAll)
	b.set()
	s = b.session("192.0.2.251")
	b.did = nil
	b.agent.take(event{session: s, batch: announcement("10.2.0.3/32", []uint32{7}, "192.0.2.12")})
	b.complete(s)
	b.want("routes", b.routes(), before)
	for _, what := range b.did {
		if strings.Contains(what, "route") {
			t.Errorf("%s, though all was as it should be", what)
		}
	}
}

func TestALostReflectorTakesNothingAlong(t *testing.T) {
	b := newBench(t, InstallAll)
	b.peers = 2
	b.set()
	first, second := b.session("192.0.2.251"), b.session("192.0.2.252")
	b.says(first, "10.2.0.3/32", nil, "192.0.2.12")
	b.says(second, "10.2.0.3/32", nil, "192.0.2.12")
	b.says(first, "10.2.0.4/32", nil, "192.0.2.12")
	b.complete(first)
	b.complete(second)
	both := b.routes()
	b.down(first)
	b.want("one lost", b.routes(), both)
	b.later(staleTime / 2)
	b.want("one lost for a while", b.routes(), both)
	b.says(second, "10.2.0.3/32", nil, "192.0.2.13")
	b.want("fresh beats stale", b.routes(), []string{"10.2.0.3 via 192.0.2.13 dev eth0 src 192.0.2.11", both[1]})
	b.down(second)
	b.later(100 * staleTime)
	if len(b.routes()) != 2 {
		t.Errorf("with nobody there, %q", b.routes())
	}
	second = b.session("192.0.2.252")
	b.says(second, "10.2.0.3/32", nil, "192.0.2.13")
	b.complete(second)
	b.later(2 * staleTime)
	b.want("one back, that does not know the other's", b.routes(), []string{"10.2.0.3 via 192.0.2.13 dev eth0 src 192.0.2.11"})
}

// A reflector that is drained says everything again, as one that is about to go, and then
// it is gone (RFC 8326). Where its routes lead has not changed.
func TestADrainedReflectorMovesNothingInTheKernel(t *testing.T) {
	b := newBench(t, InstallAll)
	b.peers = 2
	b.set()
	first, second := b.session("192.0.2.251"), b.session("192.0.2.252")
	hops := map[string]string{"10.2.0.3/32": "192.0.2.12", "fd00:2::3/128": "2001:db8::12"}
	tags := map[string][]uint32{"10.2.0.3/32": {7}}
	for _, s := range []*session.Session{first, second} {
		for prefix, hop := range hops {
			b.says(s, prefix, tags[prefix], hop)
		}
		b.complete(s)
	}
	routes, rules := b.routes(), b.filter.Save(1, 2)
	b.did = nil
	for prefix, hop := range hops {
		said := announcement(prefix, tags[prefix], hop)
		said.Attrs[0].Before = wire.Remark(said.Attrs[0].Before, true, bgp.GracefulShutdown)
		said.Attrs[0].LocalPref = 0
		b.agent.take(event{session: first, batch: said})
		b.settle()
	}
	b.down(first)
	b.later(2 * staleTime)
	b.want("drained and gone", b.routes(), routes)
	if after := b.filter.Save(1, 2); after != rules {
		t.Errorf("the filter is\n%s\nand was\n%s", after, rules)
	}
	for _, what := range b.steps() {
		t.Errorf("%s, though nothing has moved", what)
	}
}

func TestOneTagIsOneDelta(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1, "policies/p", `{"appliesTo":["web"],"ingress":[{"action":"allow","from":{"tags":["db"]}}]}`)
	s := b.session("192.0.2.251")
	for i := range 100 {
		b.says(s, fmt.Sprintf("10.2.0.%d/32", i), []uint32{7}, "192.0.2.12")
	}
	b.complete(s)
	if n := len(b.filter.Members("heddle-4-web")); n != 101 {
		t.Fatalf("%d members", n)
	}
	writes, kernel := b.filter.Writes(), b.kernel.Writes()
	b.says(s, "10.2.0.5/32", []uint32{9}, "192.0.2.12")
	if n := b.filter.Writes() - writes; n != 2 || b.kernel.Writes() != kernel {
		t.Errorf("%d writes to sets, %d to routes", n, b.kernel.Writes()-kernel)
	}
	if n, m := len(b.filter.Members("heddle-4-web")), len(b.filter.Members("heddle-4-db")); n != 100 || m != 1 {
		t.Errorf("%d and %d members", n, m)
	}
}

// A rule that denies by tag denies all until it is known who bears the tag.
func TestWhatIsUnknownIsClosed(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1, "policies/p", `{"appliesTo":["web"],"ingress":[{"action":"deny","from":{"tags":["db"]}},{"action":"allow"}]}`)
	passes := func() bool {
		return b.agent.explain(Question{Source: netip.MustParseAddr("10.2.0.3"), Destination: netip.MustParseAddr("10.1.0.1"), Protocol: 6, Port: 80}).Passes
	}
	if passes() {
		t.Error("passes while it is unknown who bears the tag")
	}
	s := b.session("192.0.2.251")
	b.says(s, "10.2.0.3/32", nil, "192.0.2.12")
	b.says(s, "10.2.0.4/32", []uint32{9}, "192.0.2.12")
	b.complete(s)
	if !passes() {
		t.Error("does not pass when it is known who bears the tag")
	}
	x := b.agent.explain(Question{Source: netip.MustParseAddr("10.2.0.4"), Destination: netip.MustParseAddr("10.1.0.1"), Protocol: 6, Port: 80})
	if x.Passes || !strings.Contains(x.Verdict, "policy p, ingress rule 1") {
		t.Errorf("%+v", x)
	}
}
