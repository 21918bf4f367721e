package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"heddle/agent/fib"
	"heddle/topology"
)

// deniesDB is a policy that lets everybody to web but db.
const deniesDB = `{"appliesTo":["web"],"ingress":[{"action":"deny","from":{"tags":["db"]}},{"action":"allow"}]}`

// open says whether the chains as written let an address to w1: the rules of the kernel,
// with the members that its sets have.
func (b *bench) open(source string) bool {
	b.t.Helper()
	for _, line := range strings.Split(b.filter.Save(1, 2), "\n") {
		rule, ok := strings.CutPrefix(line, "-A heddle-ingress-web ")
		if !ok {
			continue
		}
		if _, rest, named := strings.Cut(rule, "--match-set "); named {
			set, _, _ := strings.Cut(rest, " ")
			if !slices.Contains(b.filter.Members(set), netip.MustParsePrefix(source+"/32")) {
				continue
			}
		}
		return strings.HasSuffix(line, "RETURN")
	}
	b.t.Fatal("no rule decides")
	return false
}

func TestNobodyIsKnownBeforeSomebodyHasSaidAll(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1, "policies/p", deniesDB)
	for range 5 { // it sees routes of its own by now
		b.agent.check, b.agent.stale = true, true
		b.settle()
	}
	if b.open("10.2.0.3") {
		t.Error("a fresh start opens what it does not know")
	}
	s := b.session("192.0.2.251")
	b.says(s, "10.2.0.3/32", []uint32{9}, "192.0.2.12")
	if len(b.routes()) != 3 {
		t.Errorf("routes %q", b.routes())
	}
	b.complete(s)
	if b.open("10.2.0.3") || !b.open("10.2.0.4") {
		t.Error("when all is said, it does not do what is said")
	}
}

func TestAStartKnowsOnlyTheSetsItFinds(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1)
	s := b.session("192.0.2.251")
	b.says(s, "10.2.0.3/32", []uint32{9}, "192.0.2.12")
	b.complete(s)
	b.boot(InstallAll)
	b.set("policies/p", deniesDB)
	if b.open("10.2.0.3") {
		t.Error("a set that was not there is taken for known")
	}
}

func TestWhoJoinsIsInItsSetsBeforeItIsLetIn(t *testing.T) {
	b := newBench(t, InstallAll)
	tap2 := fib.Link{Index: 12, Name: "tap2", MAC: [6]byte{2, 0, 0, 0, 0, 12}, Up: true}
	b.kernel.SetLinks(uplink, tap1, tap2)
	b.set("workloads/h1/w1", w1, "policies/p", deniesDB)
	b.complete(b.session("192.0.2.251"))
	b.did = nil
	b.set("workloads/h1/w2", `{"addresses":["10.1.0.2"],"interface":"tap2","tags":["db"]}`)
	joined := slices.IndexFunc(b.did, func(what string) bool { return strings.HasPrefix(what, "set heddle-4-db +[10.1.0.2/32]") })
	if chains := slices.Index(b.did, "chains"); joined < 0 || chains < joined {
		t.Errorf("did %q", b.did)
	}
	b.did = nil
	b.set("workloads/h1/w2", "")
	left := slices.IndexFunc(b.did, func(what string) bool { return strings.HasPrefix(what, "set heddle-4-db +[] -[10.1.0.2/32]") })
	if chains := slices.Index(b.did, "chains"); chains < 0 || left < chains {
		t.Errorf("did %q", b.did)
	}
}

func TestASetThatCouldNotBeFilledIsUnknownAndTriedAgain(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1)
	s := b.session("192.0.2.251")
	b.says(s, "10.2.0.3/32", []uint32{9}, "192.0.2.12")
	b.complete(s)
	for _, err := range []error{nil, nil, errors.New("no memory")} { // two are made, and then filled
		b.filter.Fail("set", err)
	}
	b.set("policies/p", deniesDB)
	if b.open("10.2.0.3") {
		t.Error("open on a set that is empty")
	}
	for range 6 {
		if strings.Contains(b.filter.Save(1, 2), "heddle-ingress-web -p") || len(b.agent.problems()) == 0 {
			break
		}
		b.agent.stale = true
		b.settle()
	}
	if len(b.agent.trouble) > 0 || b.open("10.2.0.3") || !b.open("10.2.0.4") {
		t.Errorf("trouble %v, members %v", b.agent.trouble, b.filter.Members("heddle-4-db"))
	}
}

func TestATagThatIsRenumberedKeepsItsMembers(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1, "policies/p", deniesDB)
	s := b.session("192.0.2.251")
	b.says(s, "10.2.0.3/32", []uint32{9}, "192.0.2.12")
	b.says(s, "10.2.0.5/32", []uint32{11}, "192.0.2.12")
	b.complete(s)
	b.set("tags/db", `{"id":11}`)
	want := []string{"[10.2.0.3/32 10.2.0.5/32]"}
	b.want("both numbers", []string{fmt.Sprint(b.filter.Members("heddle-4-db"))}, want)
	b.says(s, "10.2.0.3/32", []uint32{11}, "192.0.2.12")
	b.want("when the reflectors have followed", []string{fmt.Sprint(b.filter.Members("heddle-4-db"))}, want)
	b.says(s, "10.2.0.6/32", []uint32{9}, "192.0.2.12")
	b.later(2 * renumbered)
	b.want("after a while", []string{fmt.Sprint(b.filter.Members("heddle-4-db"))}, want)
}

func TestAWorkloadTakesNobodyElsesAddress(t *testing.T) {
	for _, address := range []string{"192.0.2.251", "192.0.2.11", "192.0.2.1", "192.0.2.12"} {
		t.Run(address, func(t *testing.T) {
			b := newBench(t, InstallAll)
			b.kernel.Put(fib.Found{Route: fib.Route{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Hops: []fib.Hop{{Via: netip.MustParseAddr("192.0.2.1"), Link: 2}}}})
			b.set()
			s := b.session("192.0.2.251")
			b.says(s, "10.2.0.3/32", nil, "192.0.2.12")
			b.says(s, "10.2.0.4/32", nil, "198.51.100.7")
			b.says(s, "192.0.2.1/32", nil, "192.0.2.12") // the gateway
			if slices.ContainsFunc(b.routes(), func(route string) bool { return strings.HasPrefix(route, "192.0.2.1 ") }) {
				t.Errorf("the gateway is led away: %q", b.routes())
			}
			b.complete(s)
			b.set("workloads/h1/w1", fmt.Sprintf(`{"addresses":[%q],"interface":"tap1"}`, address))
			for _, route := range b.routes() {
				if strings.HasPrefix(route, address+" ") || strings.HasPrefix(route, "192.0.2.1 ") {
					t.Errorf("routed: %s", route)
				}
			}
			if b.announced() != "" || !slices.ContainsFunc(b.agent.problems(), mentions("neither routed nor announced")) {
				t.Errorf("announces %q; problems %v", b.announced(), b.agent.problems())
			}
		})
	}
}

func mentions(text string) func(topology.Problem) bool {
	return func(p topology.Problem) bool { return strings.Contains(p.String(), text) }
}

func TestAReflectorWithTwoAddressesIsOneWitness(t *testing.T) {
	b := newBench(t, InstallAll)
	b.peers = 2
	b.set()
	first := b.session("192.0.2.251")
	first.Spec.Name = "rr"
	second := b.session("2001:db8::251")
	second.Spec.Name = "rr"
	b.says(first, "10.2.0.3/32", nil, "192.0.2.12")
	b.complete(first)
	b.complete(second)
	b.down(first)
	b.down(second)
	first, second = b.session("192.0.2.251"), b.session("2001:db8::251")
	first.Spec.Name, second.Spec.Name = "rr", "rr"
	b.complete(first)
	b.complete(second)
	if len(b.routes()) != 1 {
		t.Error("what a returned reflector has not repeated is gone at once")
	}
	b.later(2 * syncWait)
	if len(b.routes()) != 0 {
		t.Error("what a returned reflector has not repeated stays")
	}
}

func TestWhatAWorkloadLeavesBehind(t *testing.T) {
	lo := fib.Link{Index: 1, Name: "lo", Loopback: true, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/32")}}
	a := netip.MustParseAddr("10.1.0.1")
	for _, c := range []struct {
		name    string
		install Install
		then    func(b *bench)
		routes  int // that are left
		flows   int
	}{
		{"it leaves, and nothing is installed", InstallNone, func(b *bench) { b.set("workloads/h1/w1", "") }, 0, 0},
		{"it becomes a service", InstallAll, func(b *bench) {
			b.kernel.SetLinks(uplink, tap1, lo)
			b.agent.linksOld = true
			b.set("workloads/h1/w1", `{"addresses":["10.1.0.1"],"tags":["web"]}`)
		}, 0, 0},
		{"its address is another's on the same host", InstallAll, func(b *bench) {
			b.set("workloads/h1/w1", "", "workloads/h1/w2", `{"addresses":["10.1.0.1"],"interface":"tap1","tags":["db"]}`)
		}, 1, 0},
		{"it leaves while the chains can't be written", InstallAll, func(b *bench) {
			for range 4 {
				b.filter.Fail("restore", errors.New("no"))
			}
			b.set("workloads/h1/w1", "")
			for range 4 {
				b.agent.stale = true
				b.settle()
			}
		}, 0, 0},
		{"its flows can't be forgotten at once", InstallAll, func(b *bench) {
			b.filter.Fail("flows", errors.New("no"))
			b.set("workloads/h1/w1", "")
			b.agent.stale = true
			b.settle()
		}, 0, 0},
		{"it changes its tags", InstallAll, func(b *bench) {
			b.set("workloads/h1/w1", `{"addresses":["10.1.0.1"],"interface":"tap1","tags":["db"]}`)
		}, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, c.install)
			b.set("workloads/h1/w1", `{"addresses":["10.1.0.1"],"interface":"tap1","tags":["web"]}`)
			b.complete(b.session("192.0.2.251"))
			b.filter.Track(a, netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.100"))
			c.then(b)
			if len(b.routes()) != c.routes || len(b.filter.Flows()) != c.flows {
				t.Errorf("routes %q, flows %v", b.routes(), b.filter.Flows())
			}
			for _, p := range b.agent.problems() {
				t.Errorf("problem %s", p)
			}
		})
	}
}

func TestAnOverrunHasTheInterfacesReadAgain(t *testing.T) {
	b := newBench(t, InstallAll)
	b.set("workloads/h1/w1", w1)
	down := tap1
	down.Up = false
	b.kernel.SetLinks(uplink, down)
	b.agent.notice(fib.Event{Kind: fib.Overrun})
	b.settle()
	if b.announced() != "" {
		t.Errorf("announces %s", b.announced())
	}
}

func TestRetriesBeginAnewWhenAllIsWell(t *testing.T) {
	b := newBench(t, InstallAll)
	for range 8 {
		b.agent.report("x", errors.New("no"))
		b.agent.report("x", nil)
	}
	b.agent.report("x", errors.New("no"))
	if wait := time.Until(b.agent.due.retry); wait > 2*retryLeast {
		t.Errorf("after troubles that are over, the next is tried again in %s", wait)
	}
	first := b.agent.due.retry
	b.agent.report("y", errors.New("no"))
	if b.agent.due.retry != first {
		t.Error("one trouble puts the other's retry off")
	}
}

func TestTheHostsOwnInterfacesAreNobodys(t *testing.T) {
	b := newBench(t, InstallAll)
	b.agent.cfg.Host.Patterns = []string{"e+", "tap+"}
	eth1 := fib.Link{Index: 3, Name: "eth1", MAC: [6]byte{2, 0, 0, 0, 0, 3}, Up: true}
	b.kernel.SetLinks(uplink, tap1, eth1)
	b.kernel.Put(fib.Found{Route: fib.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Hops: []fib.Hop{{Via: netip.MustParseAddr("203.0.113.1"), Link: 3, Onlink: true}}}})
	b.set("workloads/h1/w1", `{"addresses":["10.1.0.1"],"interface":"eth1","tags":["web"]}`)
	text := b.filter.Save(1, 1) + b.filter.Save(1, 2)
	if strings.Contains(text, "-i e") || strings.Contains(text, "-o e") || !strings.Contains(text, "-i tap+") {
		t.Errorf("chains are\n%s", text)
	}
	for _, want := range []string{"--workload-interfaces e+: covers eth0", "is what the host's own routes lead through"} {
		if !slices.ContainsFunc(b.agent.problems(), mentions(want)) {
			t.Errorf("problems %v, want %q", b.agent.problems(), want)
		}
	}
}
