package rib_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering/wire"
	"heddle/reflector/rib"
	"heddle/summarize"
)

// twins drives the RIB and its slow twin side by side. Every peer reads what it is
// sent through a replay of its own.
type twins struct {
	t     *rapid.T
	rib   *rib.RIB
	model *oracle.Model
	peers map[string]*twinPeer
	pool  []netip.Prefix
}

type twinPeer struct {
	oracle.Peer
	id     rib.SourceID
	view   rib.View
	replay *oracle.Replay
	walk   *rib.Walk // nil while the peer follows
	walked bool      // at any time since it joined
}

const (
	testASN     = 64512
	testCluster = 0x0a0a0a0a
	testSelf    = 0x0a0a0a01
)

func newTwins(t *rapid.T) *twins {
	w := &twins{t: t, peers: map[string]*twinPeer{}}
	w.rib = rib.New(rib.Self{ASN: testASN, RouterID: testSelf, Cluster: testCluster}, rib.Limits{
		Chunk: rapid.SampledFrom([]int{1, 100, 64 << 10}).Draw(t, "chunk"),
		Step:  rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "step"),
	})
	w.model = oracle.NewModel(testASN, testSelf, testCluster)
	for i := range 6 {
		w.pool = append(w.pool, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32))
		w.pool = append(w.pool, netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 15: byte(i)}), 128))
	}
	w.pool = append(w.pool, netip.MustParsePrefix("10.9.0.0/17"), netip.MustParsePrefix("fd09::/61"), netip.MustParsePrefix("0.0.0.0/0"))
	return w
}

func (w *twins) up(name string) {
	if w.peers[name] != nil {
		return
	}
	n := byte(name[1])
	p := &twinPeer{replay: oracle.NewReplay(), Peer: oracle.Peer{
		Name: name, Client: name[0] == 'c', RouterID: 0x0a000000 | uint32(n),
		Address: netip.AddrFrom4([4]byte{192, 0, 2, n}), IPv4: true, IPv6: n != '3',
	}}
	kind := summarize.NonClient
	if p.Client {
		kind = summarize.Client
	} else {
		p.Address = netip.AddrFrom4([4]byte{198, 51, 100, n}) // n1 has c1's router ID, and nothing else of it
	}
	p.view = rib.View{To: summarize.Listener{Speaker: kind}, Families: bgp.FamiliesOf(bgp.IPv4Unicast), FourOctetAS: true, MaxMessage: wire.MaxMessage}
	if p.IPv6 {
		p.view.Families = bgp.FamiliesOf(bgp.Families[:]...)
	}
	id, ok := w.rib.AddSource(rib.Source{Speaker: kind, RouterID: bgp.RouterID(p.RouterID), Address: p.Address}, w.needed())
	if !ok {
		w.t.Fatal("no source id left")
	}
	p.id = id
	w.flush()
	for _, f := range bgp.Families {
		if p.view.Families.Has(f) {
			w.send(p, w.rib.Snapshot(p.view, f))
		}
	}
	w.peers[name] = p
	w.model.Up(p.Peer)
}

func (w *twins) down(name string) {
	p := w.peers[name]
	if p == nil {
		return
	}
	for _, f := range bgp.Families {
		for w.rib.DropAll(p.id, f, rapid.IntRange(1, 4).Draw(w.t, "slice")) {
		}
	}
	delete(w.peers, name)
	w.model.Down(name)
	w.flush()
	w.rib.RemoveSource(p.id)
}

func (w *twins) tell(name string, message []byte) {
	p := w.peers[name]
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: p.view.Families}
	var batch wire.Batch
	if faults := d.Update(message[19:], &batch); len(faults) > 0 {
		w.t.Fatalf("decoder: %v", faults[0].Error())
	}
	for _, item := range batch.Items {
		switch item.Kind {
		case wire.Announced:
			w.rib.Announce(p.id, item.Family, item.NLRI, &batch.Attrs[item.Attrs])
		case wire.Withdrawn:
			w.rib.Withdraw(p.id, item.Family, item.NLRI)
		}
	}
	// Whatever the tables kept must not alias the message.
	for i := range message {
		message[i] = 0xee
	}
}

func (w *twins) send(p *twinPeer, chunks []*rib.Chunk) {
	to := rib.Receiver{ID: p.id, RouterID: bgp.RouterID(p.RouterID)}
	for _, c := range chunks {
		octets, messages := c.Gather(nil, to)
		before := p.replay.Updates
		for _, o := range octets {
			w.read(p, o)
		}
		if p.replay.Updates-before != messages {
			w.t.Fatalf("%s was sent %d messages, Gather says %d", p.Name, p.replay.Updates-before, messages)
		}
	}
}

func (w *twins) read(p *twinPeer, octets []byte) {
	if err := p.replay.Feed(octets); err != nil {
		w.t.Fatalf("%s: %v", p.Name, err)
	}
	if !p.replay.Whole() {
		w.t.Fatalf("%s: a segment ends within a message", p.Name)
	}
}

func (w *twins) flush() {
	names := slices.Sorted(maps.Keys(w.peers))
	var views []rib.View
	for _, name := range names {
		views = append(views, w.peers[name].view)
	}
	chunks := w.rib.Flush(views)
	for i, name := range names {
		if p := w.peers[name]; p.walk == nil && chunks != nil {
			w.send(p, chunks[i])
		}
	}
}

// step takes a walking peer one step on. A peer may rejoin the stream only when
// nothing is waiting to be flushed.
func (w *twins) step(p *twinPeer) bool {
	w.flush()
	chunks, current := w.rib.Step(p.walk, p.view, rib.Receiver{ID: p.id, RouterID: bgp.RouterID(p.RouterID)})
	for _, c := range chunks {
		w.read(p, c.Octets)
	}
	if current {
		p.walk = nil
	}
	return current
}

// needed is the version up to which nobody needs tombstones.
func (w *twins) needed() uint64 {
	v := w.rib.Version()
	for _, p := range w.peers {
		if p.walk != nil {
			v = min(v, p.walk.Needs())
		}
	}
	return v
}

func (w *twins) check() {
	w.flush()
	for _, p := range w.peers {
		for i := 0; p.walk != nil; i++ {
			w.step(p)
			if i > 1000 {
				w.t.Fatalf("%s: the walk does not end", p.Name)
			}
		}
	}
	for name, p := range w.peers {
		if p.replay.Needless > 0 && !p.walked {
			w.t.Fatalf("%s always followed and was sent %d withdrawals of what it did not hold", name, p.replay.Needless)
		}
		want := w.model.Expected(name)
		if !maps.Equal(p.replay.Table, want) {
			w.t.Fatalf("%s holds\n%s\nwant\n%s", name, dump(p.replay.Table), dump(want))
		}
		four, six := 0, 0
		for prefix := range want {
			if prefix.Addr().Is4() {
				four++
			} else {
				six++
			}
		}
		to := rib.Receiver{ID: p.id, RouterID: bgp.RouterID(p.RouterID)}
		if got := w.rib.Advertised(p.view, to, bgp.IPv4Unicast); got != four {
			w.t.Fatalf("%s: Advertised says %d IPv4 routes, it holds %d", name, got, four)
		}
		if got := w.rib.Advertised(p.view, to, bgp.IPv6Unicast); got != six {
			w.t.Fatalf("%s: Advertised says %d IPv6 routes, it holds %d", name, got, six)
		}
	}
}

func dump(table oracle.Table) string {
	text := ""
	for _, p := range slices.SortedFunc(maps.Keys(table), func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) }) {
		text += fmt.Sprintf("  %s %s\n", p, table[p])
	}
	return text
}

// route draws what a peer may say of a prefix. The ranges are small, so that ties
// and repetitions are frequent.
func (w *twins) route(p *twinPeer, four bool) oracle.Route {
	draw := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(w.t, label) }
	hop := p.Address
	if !four {
		hop = netip.AddrFrom16([16]byte{0xfd, 0xff, 15: byte(p.RouterID)})
	}
	r := oracle.Plain(hop)
	r = r.With(oracle.Attr{Flags: 0x40, Type: 1, Value: []byte{byte(draw("origin", 2))}})
	if draw("local-pref", 4) == 0 {
		r = r.With(oracle.Attr{Flags: 0x40, Type: 5, Value: oracle.Number(200)})
	}
	switch draw("path", 6) {
	case 0:
		r = r.With(oracle.Attr{Flags: 0x40, Type: 2, Value: []byte{2, 1, 0, 0, 0xfd, 0xe9}})
	case 1:
		r = r.With(oracle.Attr{Flags: 0x40, Type: 2, Value: []byte{2, 1, 0, 0, 0xfd, 0xea}})
	case 2:
		r = r.With(oracle.Attr{Flags: 0x40, Type: 2, Value: []byte{2, 2, 0, 0, 0, 7, 0, 0, 0, 8}})
	case 3:
		if draw("own AS", 3) == 0 {
			r = r.With(oracle.Attr{Flags: 0x40, Type: 2, Value: []byte{2, 1, 0, 0, 0xfc, 0x00}})
		}
	}
	if draw("med", 2) == 0 {
		r = r.With(oracle.Attr{Flags: 0x80, Type: 4, Value: oracle.Number(uint32(draw("metric", 3)))})
	}
	switch draw("extra", 8) {
	case 0:
		r = r.With(oracle.Attr{Flags: 0xc0, Type: 8, Value: oracle.Number(0xfc000001)})
	case 1:
		r = r.With(oracle.Attr{Flags: 0xd0, Type: 99, Value: []byte{1, 2, 3}}) // unknown, transitive
	case 2:
		r = r.With(oracle.Attr{Flags: 0x80, Type: 98, Value: []byte{4}}) // unknown, not transitive
	case 3:
		r = r.With(oracle.Attr{Flags: 0xc0, Type: 8, Value: oracle.Number(0xffffff01 + uint32(draw("well-known", 3)))})
	}
	if !p.Client && draw("reflected", 2) == 0 {
		r = r.With(oracle.Attr{Flags: 0x80, Type: 9, Value: oracle.Number([]uint32{testSelf, 0x0a000031, 0x0a000032, 7}[draw("originator", 4)])})
		r = r.With(oracle.Attr{Flags: 0x80, Type: 10, Value: oracle.Number([]uint32{testCluster, 5}[min(1, draw("cluster", 3))])})
	}
	return r
}

// event draws one thing that happens.
func (w *twins) event() {
	names := []string{"c1", "c2", "c3", "n1", "n4"}
	name := rapid.SampledFrom(names).Draw(w.t, "peer")
	p := w.peers[name]
	if p == nil {
		w.up(name)
		return
	}
	var prefixes []netip.Prefix
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(w.pool)-1), 1, 5, rapid.ID[int]).Draw(w.t, "prefixes") {
		prefixes = append(prefixes, w.pool[i])
	}
	four := prefixes[0].Addr().Is4()
	prefixes = slices.DeleteFunc(prefixes, func(q netip.Prefix) bool { return q.Addr().Is4() != four })
	if !four && !p.IPv6 {
		return
	}
	switch rapid.IntRange(0, 11).Draw(w.t, "event") {
	case 0, 1, 2, 3, 4:
		r := w.route(p, four)
		w.tell(name, oracle.Announce(r, prefixes...))
		for _, q := range prefixes {
			w.model.Announce(name, q, r)
		}
	case 5, 6:
		w.tell(name, oracle.Withdraw(prefixes...))
		for _, q := range prefixes {
			w.model.Withdraw(name, q)
		}
	case 7:
		w.flush()
	case 8:
		if p.walk == nil {
			w.flush()
			p.walk, p.walked = &rib.Walk{Since: w.rib.Version()}, true
		} else {
			w.step(p)
		}
	case 9:
		w.rib.Reap(w.needed())
	case 10:
		w.down(name)
	case 11:
		w.refresh(p)
	}
}

// refresh has a peer repeat a part of what it said: the rest is gone (RFC 7313).
func (w *twins) refresh(p *twinPeer) {
	mark := rapid.SampledFrom([]rib.Mark{rib.Stale, rib.Pending}).Draw(w.t, "mark")
	kept := map[netip.Prefix]bool{}
	w.rib.MarkAll(p.id, bgp.IPv4Unicast, mark)
	for _, q := range w.pool {
		if !q.Addr().Is4() {
			kept[q] = true
			continue
		}
		if rapid.Bool().Draw(w.t, "repeat") {
			r := w.route(p, true)
			w.tell(p.Name, oracle.Announce(r, q))
			w.model.Announce(p.Name, q, r)
			kept[q] = true
		}
	}
	for w.rib.DropMarked(p.id, bgp.IPv4Unicast, mark, 2) {
	}
	w.model.Forget(p.Name, func(q netip.Prefix) bool { return kept[q] })
}

func TestWhatPeersReceiveReplaysToWhatTheModelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newTwins(t)
		for range rapid.IntRange(1, 80).Draw(t, "events") {
			w.event()
			if rapid.IntRange(0, 9).Draw(t, "check") == 0 {
				w.check()
			}
		}
		w.check()
		for name := range maps.Clone(w.peers) {
			w.down(name)
		}
		w.rib.Reap(w.rib.Version())
		if s := w.rib.Stats(); s.Prefixes != [2]int{} || s.Paths != [2]int{} || s.Tombstones != 0 || s.Sets != 0 {
			t.Fatalf("with everybody gone there is still %+v", s)
		}
	})
}
