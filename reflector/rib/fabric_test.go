package rib_test

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering/wire"
	"heddle/reflector/rib"
	"heddle/summarize"
	"heddle/topology"
)

// A fabric of three racks, in which everything happens at once and in any order:
// announcements, moves, sessions, inventory, time. Each peer's table must be what the
// slow twin says for its role.
type fabricTwins struct {
	*twins
	now    time.Time
	fabric *oracle.Fabric
	stream map[string]*watcher
	wide   bool // a host announced a prefix that is a pool's
}

var fabricCast = []oracle.Peer{
	{Name: "h1", Client: true, Rack: "r1", AddPath: true},
	{Name: "h2", Client: true, Rack: "r1", LongLived: true},
	{Name: "h3", Client: true, Rack: "r2"},
	{Name: "h4", Client: true}, // of no rack, as far as anybody knows
	{Name: "n5"},
	{Name: "t1", Role: "tor", Rack: "r1"},
	{Name: "t2", Role: "tor", Rack: "r2", AddPath: true, LongLived: true},
	{Name: "t3", Role: "tor", Rack: "r3"},
	{Name: "s1", Role: "spine"},
	{Name: "b1", Role: "border"},
	{Name: "b2", Role: "border", Exceptions: true, LongLived: true},
}

func speakerOf(p oracle.Peer) summarize.Speaker {
	switch {
	case p.Role == "tor":
		return summarize.ToR
	case p.Role == "spine":
		return summarize.Spine
	case p.Role == "border":
		return summarize.Border
	case p.Client:
		return summarize.Client
	}
	return summarize.NonClient
}

func hopOf(p oracle.Peer, four bool) netip.Addr {
	if four {
		return p.Address
	}
	octets := [16]byte{0xfd, 0xff, 15: p.Address.As4()[3]}
	return netip.AddrFrom16(octets)
}

func newFabricTwins(t *rapid.T) *fabricTwins {
	f := &fabricTwins{twins: newTwins(t), now: time.Unix(1_700_000_000, 0), stream: map[string]*watcher{}}
	f.pool = nil
	for i := range 8 {
		// Two in each of four pools' ranges.
		f.pool = append(f.pool, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i / 2), 0, byte(i)}), 32))
		f.pool = append(f.pool, netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, byte(i / 2), 15: byte(i)}), 128))
	}
	f.pool = append(f.pool, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("10.1.0.0/16"),
		netip.MustParsePrefix("172.16.0.0/24"))
	for i := range fabricCast {
		p := &fabricCast[i]
		p.RouterID, p.IPv4, p.IPv6 = 0x0a0000c0+uint32(i%9), true, i != 1 // routers may have the ID of a host
		p.Address = netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)})
	}
	f.tick(0)
	f.drawFabric()
	return f
}

func (f *fabricTwins) tick(d time.Duration) {
	f.now = f.now.Add(d)
	f.rib.Tick(f.now)
	f.model.Now = f.now
}

// drawFabric puts an inventory in force.
func (f *fabricTwins) drawFabric() {
	f.follow(f.drawn())
	f.drawWorkloads(4)
}

// drawn is an inventory without workloads.
func (f *fabricTwins) drawn() *oracle.Fabric {
	draw := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(f.t, label) }
	fabric := &oracle.Fabric{
		Ownership: draw("ownership", "off", "warn", "warn", "enforce"),
		Discard:   map[bool]netip.Addr{true: netip.MustParseAddr("192.0.2.254"), false: netip.MustParseAddr("fdff::fe")},
	}
	for i := range 4 {
		for _, four := range []bool{true, false} {
			prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i)}), 16)
			if !four {
				prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, byte(i)}), 16)
			}
			fabric.Pools = append(fabric.Pools, oracle.Pool{
				Prefix: prefix, Rack: draw("home", "r1", "r1", "r2", "r3", ""), Summaries: draw("summaries", "yes", "yes", "no") == "yes",
				Public: draw("public", "yes", "no") == "yes", Anycast: i == 3 && draw("anycast", "yes", "yes", "no") == "yes",
			})
		}
	}
	if draw("nested", "yes", "no", "no") == "yes" {
		fabric.Pools = append(fabric.Pools, oracle.Pool{Prefix: netip.MustParsePrefix("10.1.0.2/31"), Rack: draw("nested home", "r1", "r2"), Summaries: true})
	}
	for _, p := range fabricCast {
		if p.Client && draw("known", "yes", "yes", "yes", "no") == "yes" {
			fabric.Hosts = append(fabric.Hosts, oracle.Host{
				Name: p.Name, Rack: draw("rack", p.Rack, p.Rack, "r3", ""), Addresses: []netip.Addr{p.Address, hopOf(p, false)},
			})
			if draw("both families", "yes", "yes", "no") == "no" {
				last := &fabric.Hosts[len(fabric.Hosts)-1]
				last.Addresses = last.Addresses[:1]
			}
		}
	}
	fabric.Hosts = append(fabric.Hosts, oracle.Host{Name: "far", Rack: "r3", Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("fdff::9")}})
	return fabric
}

// drawWorkloads changes a few workloads.
func (f *fabricTwins) drawWorkloads(n int) {
	fabric := *f.fabric
	fabric.Workloads = slices.Clone(fabric.Workloads)
	for range n {
		host := rapid.SampledFrom([]string{"h1", "h2", "h3", "h4", "far"}).Draw(f.t, "node")
		addr := rapid.SampledFrom(f.pool[:16]).Draw(f.t, "address").Addr()
		fabric.Workloads = slices.DeleteFunc(fabric.Workloads, func(w oracle.Workload) bool { return w.Host == host && w.Addr == addr })
		if kind := rapid.IntRange(0, 3).Draw(f.t, "workload"); kind > 0 {
			fabric.Workloads = append(fabric.Workloads, oracle.Workload{
				Host: host, Addr: addr, Live: kind > 1, Tags: rapid.SampledFrom([][]uint32{nil, {1}, {1, 2}}).Draw(f.t, "tags"),
			})
		}
	}
	f.follow(&fabric)
}

func (f *fabricTwins) follow(fabric *oracle.Fabric) {
	f.fabric = fabric
	f.t.Logf("# fabric %+v", *fabric)
	f.flush()
	chunks := f.rib.Follow(f.rib.Compile(snapshotOf(f.t, fabric)), f.views())
	f.model.Follow(fabric)
	f.model.Observe()
	f.give(chunks)
	f.audit()
}

func (f *fabricTwins) audit() {
	if err := f.rib.Audit(); err != nil {
		f.t.Fatal(err)
	}
}

// snapshotOf says to the fast twin what the fabric says to the slow one.
func snapshotOf(t *rapid.T, f *oracle.Fabric) *topology.Snapshot {
	objects := []topology.Object{topology.Settings{Summaries: true, Ownership: map[string]topology.Ownership{
		"off": topology.OwnershipOff, "warn": topology.OwnershipWarn, "enforce": topology.OwnershipEnforce,
	}[f.Ownership], Discard: []netip.Addr{f.Discard[true], f.Discard[false]}}}
	for i, p := range f.Pools {
		pool := topology.Pool{Name: "p" + string(rune('a'+i)), Prefix: p.Prefix, Rack: p.Rack, Public: p.Public, Anycast: p.Anycast}
		if !p.Summaries {
			pool.Summaries = topology.No
		}
		objects = append(objects, pool)
	}
	for _, h := range f.Hosts {
		objects = append(objects, topology.Node{Name: h.Name, Rack: h.Rack, Addresses: slices.SortedFunc(slices.Values(h.Addresses), netip.Addr.Compare)})
	}
	names := map[uint32]string{1: "one", 2: "two"}
	for id, name := range names {
		objects = append(objects, topology.Tag{Name: name, ID: id})
	}
	for _, w := range f.Workloads {
		workload := topology.Workload{Node: w.Host, Name: "w" + w.Addr.String(), Addresses: []netip.Addr{w.Addr}, State: topology.Prepared}
		if w.Live {
			workload.State = topology.Live
		}
		for _, tag := range w.Tags {
			workload.Tags = append(workload.Tags, names[tag])
		}
		slices.Sort(workload.Tags)
		objects = append(objects, workload)
	}
	var inventory topology.Inventory
	var changes []topology.Change
	for _, o := range objects {
		path, value := topology.Encode(o)
		changes = append(changes, topology.Change{Path: path, Value: value})
	}
	inventory.Apply(1, changes)
	return inventory.Snapshot()
}

func (f *fabricTwins) views() []rib.View {
	var views []rib.View
	for _, name := range slices.Sorted(maps.Keys(f.peers)) {
		views = append(views, f.peers[name].view)
	}
	return views
}

func (f *fabricTwins) give(chunks [][]*rib.Chunk) {
	for i, name := range slices.Sorted(maps.Keys(f.peers)) {
		if p := f.peers[name]; p.walk == nil && chunks != nil {
			f.sendTo(p, chunks[i])
		}
	}
}

func (f *fabricTwins) flush() {
	f.model.Observe()
	f.give(f.rib.Flush(f.views()))
	f.audit()
}

// read has a peer read whole messages, and watches what each does.
func (f *fabricTwins) read(p *twinPeer, octets []byte) {
	for len(octets) > 0 {
		n := int(binary.BigEndian.Uint16(octets[16:]))
		f.twins.read(p, octets[:n])
		f.stream[p.Name].check()
		octets = octets[n:]
	}
}

// receiver is a peer as chunks see it. Its rack is the one it had when it joined.
func (f *fabricTwins) receiver(p *twinPeer) rib.Receiver {
	to := rib.Receiver{ID: p.id}
	if !p.External() {
		to.RouterID = bgp.RouterID(p.RouterID)
	}
	if p.Client {
		to.Rack = f.rib.Rack(p.Near)
	}
	return to
}

func (f *fabricTwins) sendTo(p *twinPeer, chunks []*rib.Chunk) {
	for _, c := range chunks {
		octets, messages := c.Gather(nil, f.receiver(p))
		before := p.replay.Updates
		for _, o := range octets {
			f.read(p, o)
		}
		if p.replay.Updates-before != messages {
			f.t.Fatalf("%s was sent %d messages, Gather says %d", p.Name, p.replay.Updates-before, messages)
		}
	}
}

func (f *fabricTwins) up(cast oracle.Peer) {
	p := &twinPeer{replay: oracle.NewReplay(), Peer: cast}
	p.Near = p.Rack
	p.replay.AddPath = p.AddPath
	p.view = rib.View{
		To:       summarize.Listener{Speaker: speakerOf(p.Peer), Exceptions: p.Exceptions, LongLived: p.LongLived},
		Families: bgp.FamiliesOf(bgp.IPv4Unicast), FourOctetAS: true, MaxMessage: wire.MaxMessage,
	}
	if p.Role == "tor" {
		p.view.To.Rack = f.rib.Rack(p.Rack)
	}
	if p.IPv6 {
		p.view.Families = bgp.FamiliesOf(bgp.Families[:]...)
	}
	if p.AddPath {
		p.view.AddPath = p.view.Families
	}
	f.flush()
	id, ok := f.rib.AddSource(rib.Source{
		Speaker: speakerOf(p.Peer), Rack: f.rib.Rack(p.Rack), RouterID: bgp.RouterID(p.RouterID), Address: p.Address,
	}, f.needed())
	if !ok {
		f.t.Fatal("no source id left")
	}
	p.id = id
	f.stream[p.Name] = watch(f, p)
	for _, family := range bgp.Families {
		if p.view.Families.Has(family) {
			f.sendTo(p, f.rib.Snapshot(p.view, family))
		}
	}
	f.peers[p.Name] = p
	f.model.Up(p.Peer)
}

func (f *fabricTwins) gone(name string) {
	p := f.peers[name]
	f.t.Logf("# %s goes", name)
	for _, family := range bgp.Families {
		for f.rib.DropAll(p.id, family, rapid.IntRange(1, 4).Draw(f.t, "slice")) {
		}
	}
	delete(f.peers, name)
	f.model.Down(name)
	f.flush()
	f.rib.RemoveSource(p.id)
}

func (f *fabricTwins) walkOn(p *twinPeer) bool {
	f.flush()
	chunks, current := f.rib.Step(p.walk, p.view, f.receiver(p))
	for _, c := range chunks {
		f.read(p, c.Octets)
	}
	if current {
		p.walk = nil
	}
	return current
}

// check has everybody read to the end, and compares.
func (f *fabricTwins) check() {
	f.flush()
	for _, p := range f.peers {
		for i := 0; p.walk != nil; i++ {
			f.walkOn(p)
			if i > 2000 {
				f.t.Fatalf("%s: the walk does not end", p.Name)
			}
		}
	}
	for name, p := range f.peers {
		if p.replay.Needless > 0 && !p.walked {
			f.t.Fatalf("%s always followed and was sent %d withdrawals of what it did not hold", name, p.replay.Needless)
		}
		want := f.model.Expected(name)
		if !maps.Equal(p.replay.Table, want) {
			f.t.Fatalf("%s holds\n%s\nwant\n%s", name, dump(p.replay.Table), dump(want))
		}
		for _, family := range bgp.Families {
			paths := 0
			for _, n := range p.replay.Paths(family == bgp.IPv4Unicast) {
				paths += n
			}
			if got := f.rib.Advertised(p.view, f.receiver(p), family); got != paths {
				f.t.Fatalf("%s: Advertised says %d %s routes, it holds %d:\n%s", name, got, family, paths, dump(p.replay.Table))
			}
		}
	}
}

// said draws what a peer says of a prefix.
func (f *fabricTwins) said(p *twinPeer, prefix netip.Prefix) oracle.Route {
	draw := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(f.t, label) }
	four := prefix.Addr().Is4()
	r := oracle.Plain(hopOf(p.Peer, four))
	if p.Client && draw("strange next hop", 12) == 0 {
		r.NextHop = hopOf(fabricCast[0], four)
	}
	if p.External() {
		r.Attrs = slices.DeleteFunc(r.Attrs, func(a oracle.Attr) bool { return a.Type == 5 })
		path := []byte{2, 1, 0, 0, 0xfd, byte(0xe0 + draw("AS", 2))}
		r = r.With(oracle.Attr{Flags: 0x40, Type: 2, Value: path})
	} else {
		switch draw("local-pref", 6) {
		case 0:
			r = r.With(oracle.Attr{Flags: 0x40, Type: 5, Value: oracle.Number(2147483135)})
		case 1:
			r = r.With(oracle.Attr{Flags: 0x40, Type: 5, Value: oracle.Number(2147482623)})
		}
	}
	switch draw("extra", 10) {
	case 0:
		r = r.With(oracle.Attr{Flags: 0xc0, Type: 8, Value: oracle.Number(0xfc000001)})
	case 1:
		r = r.With(oracle.Attr{Flags: 0xc0, Type: 32, Value: slices.Concat(oracle.Number(testASN), oracle.Number(1), oracle.Number(99))})
	case 2:
		r = r.With(oracle.Attr{Flags: 0xc0, Type: 32, Value: slices.Concat(oracle.Number(7), oracle.Number(7), oracle.Number(7))})
	case 3:
		r = r.With(oracle.Attr{Flags: 0x80, Type: 4, Value: oracle.Number(5)})
	case 4:
		communities := oracle.Number([]uint32{0xffffff01, 0xffffff02, 0xffffff03, 0xffff0006, 0xffff0006, 0xffff0007}[draw("well-known", 6)])
		if draw("two", 2) == 0 {
			communities = append(oracle.Number(0xfc000001), communities...)
		}
		r = r.With(oracle.Attr{Flags: 0xc0, Type: 8, Value: communities})
	}
	if !p.Client && !p.External() {
		if draw("far", 2) == 0 {
			r.NextHop = f.fabric.Hosts[len(f.fabric.Hosts)-1].Addresses[map[bool]int{true: 0, false: 1}[four]]
		}
		if draw("learnt", 3) == 0 {
			r = r.With(oracle.Attr{Flags: 0x40, Type: 2, Value: []byte{2, 1, 0, 0, 0xfd, 0xe0}})
		}
		r = r.With(oracle.Attr{Flags: 0x80, Type: 9, Value: oracle.Number(0x0a0000e0)})
		r = r.With(oracle.Attr{Flags: 0x80, Type: 10, Value: oracle.Number(5)})
	}
	return r
}

func (f *fabricTwins) announce(p *twinPeer, prefix netip.Prefix) {
	r := f.said(p, prefix)
	f.t.Logf("# %s announces %s %s", p.Name, prefix, r)
	f.wide = f.wide || prefix.Bits() == 16
	f.hand(p, oracle.Announce(r, prefix))
	f.model.Announce(p.Name, prefix, r)
}

func (f *fabricTwins) hand(p *twinPeer, message []byte) {
	d := wire.Decoder{FourOctetAS: true, Internal: !p.External(), Families: p.view.Families}
	var batch wire.Batch
	if faults := d.Update(message[19:], &batch); len(faults) > 0 {
		f.t.Fatalf("decoder: %v", faults[0].Error())
	}
	for _, item := range batch.Items {
		if item.Kind == wire.Announced {
			f.rib.Announce(p.id, item.Family, item.NLRI, &batch.Attrs[item.Attrs])
		} else {
			f.rib.Withdraw(p.id, item.Family, item.NLRI)
		}
	}
	for i := range message {
		message[i] = 0xee
	}
}

func (f *fabricTwins) happen() {
	cast := rapid.SampledFrom(fabricCast).Draw(f.t, "peer")
	p := f.peers[cast.Name]
	if p == nil {
		f.up(cast)
		return
	}
	prefix := rapid.SampledFrom(f.pool).Draw(f.t, "prefix")
	if !prefix.Addr().Is4() && !p.IPv6 {
		return
	}
	switch rapid.IntRange(0, 19).Draw(f.t, "event") {
	case 0, 1, 2, 3, 4, 5:
		f.announce(p, prefix)
	case 6, 7:
		f.t.Logf("# %s withdraws %s", p.Name, prefix)
		f.hand(p, oracle.Withdraw(prefix))
		f.model.Withdraw(p.Name, prefix)
	case 8:
		f.t.Logf("# flush")
		f.flush()
	case 9:
		if p.walk == nil {
			f.flush()
			f.t.Logf("# %s walks", p.Name)
			p.walk, p.walked = &rib.Walk{Since: f.rib.Version()}, true
		} else {
			f.t.Logf("# %s walks on", p.Name)
			f.walkOn(p)
		}
	case 10:
		f.rib.Reap(f.needed())
	case 11:
		if rapid.IntRange(0, 2).Draw(f.t, "really") == 0 {
			f.gone(p.Name)
		}
	case 12:
		f.tick(rapid.SampledFrom([]time.Duration{time.Second, 4 * time.Second, 11 * time.Second, 31 * time.Second}).Draw(f.t, "pass"))
	case 13:
		if rapid.IntRange(0, 3).Draw(f.t, "rebuilt") == 0 {
			f.drawFabric()
		}
	case 14, 15:
		f.drawWorkloads(1)
	case 16:
		f.t.Logf("# %s is stale", p.Name)
		f.rib.MarkAll(p.id, bgp.IPv4Unicast, rib.Stale)
		f.model.Doubt(p.Name, true)
	case 17:
		f.t.Logf("# %s drops stale", p.Name)
		for f.rib.DropMarked(p.id, bgp.IPv4Unicast, rib.Stale, 2) {
		}
		f.model.DropDoubted(p.Name, true)
	case 18:
		f.relocate(p)
	case 19:
		f.t.Logf("# %s is long-lived stale", p.Name)
		for f.rib.LongLive(p.id, bgp.IPv4Unicast, 2) {
		}
		f.model.LongLive(p.Name, true)
	}
}

// relocate has a host stand in another rack.
func (f *fabricTwins) relocate(p *twinPeer) {
	if !p.Client || p.walk != nil {
		return
	}
	f.flush()
	from := f.receiver(p)
	p.Near = rapid.SampledFrom([]string{"r1", "r2", "r3", ""}).Draw(f.t, "relocated")
	f.t.Logf("# %s is in %s", p.Name, p.Near)
	for _, c := range f.rib.Relocate(p.view, from, f.receiver(p)) {
		f.read(p, c.Octets)
	}
	f.model.Up(p.Peer)
}

func TestEveryRoleHearsWhatTheModelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFabricTwins(t)
		for range rapid.IntRange(1, 80).Draw(t, "events") {
			f.happen()
			if rapid.IntRange(0, 9).Draw(t, "check") == 0 {
				f.check()
			}
		}
		f.check()
		for name := range maps.Clone(f.peers) {
			f.gone(name)
		}
		f.tick(time.Minute)
		f.flush()
		f.rib.Reap(f.rib.Version())
		if s := f.rib.Stats(); s.Prefixes != [2]int{} || s.Paths != [2]int{} || s.Ghosts != [2]int{} || s.Tombstones != 0 || s.Sets != 0 {
			t.Fatalf("with everybody gone there is still %+v", s)
		}
	})
}
