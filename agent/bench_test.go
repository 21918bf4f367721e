package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"heddle/agent/derive"
	"heddle/agent/fib"
	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/topology"
)

// bench is an agent over a kernel and a packet filter in memory, driven by hand.
type bench struct {
	t      *testing.T
	agent  *Agent
	kernel *fib.Fake
	filter *firewall.Fake
	values map[string]string // of the inventory
	did    []string          // what the agent did, in order
	peers  int               // reflectors there should be
}

var base = map[string]string{
	"settings":   `{"asn":64512}`,
	"nodes/h1":   `{"addresses":["192.0.2.11","2001:db8::11"],"rack":"r1"}`,
	"tags/web":   `{"id":7}`,
	"tags/db":    `{"id":9}`,
	"routers/rr": `{"role":"reflector","rack":"r1","addresses":["192.0.2.251"]}`,
}

const w1 = `{"addresses":["10.1.0.1","fd00:1::1"],"mac":"02:00:0a:01:00:01","interface":"tap1","tags":["web"]}`

var (
	uplink = fib.Link{Index: 2, Name: "eth0", MAC: [6]byte{2, 0, 0, 0, 0, 2}, Up: true, Addresses: []netip.Prefix{
		netip.MustParsePrefix("192.0.2.11/24"), netip.MustParsePrefix("2001:db8::11/64"),
	}}
	tap1 = fib.Link{Index: 11, Name: "tap1", MAC: [6]byte{2, 0, 0, 0, 0, 11}, Up: true}
)

func newBench(t *testing.T, install Install) *bench {
	b := &bench{t: t, kernel: &fib.Fake{}, values: map[string]string{}, peers: 1}
	for path, value := range base {
		b.values[path] = value
	}
	b.kernel.SetLinks(uplink, tap1)
	for _, text := range []string{"192.0.2.0/24", "2001:db8::/64"} {
		b.kernel.Put(fib.Found{Route: fib.Route{Prefix: netip.MustParsePrefix(text), Hops: []fib.Hop{{Link: 2}}}, Metric: 256})
	}
	_, b.filter = firewall.NewFake()
	b.boot(install)
	return b
}

// boot starts an agent over what is there.
func (b *bench) boot(install Install) {
	b.agent = New(Config{
		Host: derive.Config{Node: "h1", Patterns: []string{"tap+"}}, ASN: 64512, Install: install,
		Kernel: &watchedKernel{b.kernel, b}, Filter: &watchedFilter{b.filter.Driver(), b}, Log: slog.New(slog.DiscardHandler),
	})
	b.agent.sessions = (*fakeSessions)(b)
	b.agent.attach = func(*session.Session, session.Stream) {}
	b.agent.due = newDeadlines()
	b.t.Cleanup(b.agent.due.stop)
}

// watchedKernel, watchedFilter and fakeSessions note what the agent does.
type watchedKernel struct {
	*fib.Fake
	b *bench
}

func (k *watchedKernel) Replace(r fib.Route)   { k.b.note("route %s", r.Prefix); k.Fake.Replace(r) }
func (k *watchedKernel) Remove(p netip.Prefix) { k.b.note("no route %s", p); k.Fake.Remove(p) }

func (k *watchedKernel) Port(p fib.Port) (bool, error) {
	k.b.note("port %s", p.Name)
	return k.Fake.Port(p)
}

func (k *watchedKernel) Unport(index int, name string) error {
	k.b.note("no port %s", name)
	return k.Fake.Unport(index, name)
}

type watchedFilter struct {
	*firewall.Driver
	b *bench
}

func (f *watchedFilter) Apply(ctx context.Context, s *firewall.State) (bool, error) {
	wrote, err := f.Driver.Apply(ctx, s)
	if wrote {
		f.b.note("chains")
	}
	return wrote, err
}

func (f *watchedFilter) Change(set string, add, remove []netip.Prefix) error {
	f.b.note("set %s +%s -%s", set, add, remove)
	return f.Driver.Change(set, add, remove)
}

func (f *watchedFilter) Forget(addresses []netip.Addr) (int, error) {
	f.b.note("forget %s", addresses)
	return f.Driver.Forget(addresses)
}

type fakeSessions bench

func (s *fakeSessions) Release(*wire.Batch)     {}
func (s *fakeSessions) Peers() []session.Status { return make([]session.Status, s.peers) }

func (s *fakeSessions) Wake([]*session.Session) {
	b := (*bench)(s)
	b.note("announce %s", b.announced())
}

func (b *bench) note(format string, args ...any) { b.did = append(b.did, fmt.Sprintf(format, args...)) }

// steps is what it did but for members of sets, whose order is nobody's.
func (b *bench) steps() []string {
	return slices.DeleteFunc(slices.Clone(b.did), func(what string) bool { return strings.HasPrefix(what, "set ") })
}

// announced is what the agent says, sorted.
func (b *bench) announced() string {
	var list []string
	for p, hop := range b.agent.speaker.list {
		list = append(list, fmt.Sprintf("%s via %s", p, hop))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// set changes the inventory and lets the agent follow; an empty value deletes.
func (b *bench) set(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if b.values[pairs[i]] = pairs[i+1]; pairs[i+1] == "" {
			delete(b.values, pairs[i])
		}
	}
	var inv topology.Inventory
	var changes []topology.Change
	for path, value := range b.values {
		changes = append(changes, topology.Change{Path: topology.Prefix + path, Value: []byte(value)})
	}
	inv.Apply(1, changes)
	b.agent.take(event{snapshot: inv.Snapshot(), protect: []netip.Addr{netip.MustParseAddr("192.0.2.251")}})
	b.settle()
}

func (b *bench) settle() { b.agent.settle(context.Background()) }

// session is one with a reflector.
func (b *bench) session(address string) *session.Session {
	s := &session.Session{
		Spec:       peering.Session{Remote: netip.MustParseAddr(address), Name: address, Kind: peering.NonClient},
		Negotiated: session.Negotiated{Families: bgp.FamiliesOf(bgp.Families[:]...), MaxMessage: wire.MaxMessage, AddPathTaken: bgp.FamiliesOf(bgp.Families[:]...)},
		Since:      time.Now(),
	}
	b.agent.take(event{session: s})
	b.settle()
	return s
}

// says has a reflector announce a prefix by way of next hops, each a path of its own;
// without any it withdraws the first. Tags are numbers.
func (b *bench) says(s *session.Session, prefix string, tags []uint32, hops ...string) {
	b.agent.take(event{session: s, batch: announcement(prefix, tags, hops...)})
	b.settle()
}

func announcement(prefix string, tags []uint32, hops ...string) *wire.Batch {
	p := netip.MustParsePrefix(prefix)
	family := bgp.FamilyOf(p.Addr())
	batch := &wire.Batch{}
	for i, hop := range hops {
		var large []bgp.LargeCommunity
		for _, tag := range tags {
			large = append(large, bgp.LargeCommunity{Global: 64512, Local1: bgp.LargeTag, Local2: tag})
		}
		batch.Attrs = append(batch.Attrs, wire.Originated(family, netip.MustParseAddr(hop), large...))
		batch.Items = append(batch.Items, wire.Item{Kind: wire.Announced, Family: family, Attrs: int32(i), PathIDs: true, NLRI: wire.NLRI{0, 0, 0, byte(i + 1)}})
	}
	if len(hops) == 0 {
		batch.Items = append(batch.Items, wire.Item{Kind: wire.Withdrawn, Family: family, PathIDs: true, NLRI: wire.NLRI{0, 0, 0, 1}})
	}
	for i := range batch.Items {
		batch.Items[i].NLRI = batch.Items[i].NLRI.AppendPrefix(p)
	}
	return batch
}

// complete has a reflector send End-of-RIB of both families.
func (b *bench) complete(s *session.Session) {
	batch := &wire.Batch{Items: []wire.Item{{Kind: wire.EndOfRIB, Family: bgp.IPv4Unicast}, {Kind: wire.EndOfRIB, Family: bgp.IPv6Unicast}}}
	b.agent.take(event{session: s, batch: batch})
	b.settle()
}

func (b *bench) down(s *session.Session) {
	b.agent.take(event{session: s, ending: &session.Ending{}})
	b.settle()
}

// later lets time pass, as far as the loop's own decisions go.
func (b *bench) later(d time.Duration) {
	b.agent.expire(time.Now().Add(d))
	b.settle()
}

// routes is our routes in the kernel.
func (b *bench) routes() (list []string) {
	for _, line := range strings.Split(b.kernel.String(), "\n") {
		if strings.Contains(line, "proto 72") || strings.HasPrefix(line, "\tnexthop") {
			list = append(list, strings.TrimSpace(strings.NewReplacer(" proto 72", "", " metric 2048", "", " pref medium", "", " scope link", "").Replace(line)))
		}
	}
	return list
}

func (b *bench) want(what string, got, want []string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("%s:\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
