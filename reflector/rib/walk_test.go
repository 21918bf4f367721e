package rib_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering/wire"
	"heddle/reflector/rib"
	"heddle/summarize"
	"heddle/topology"
)

// A workload's route moves aside for another while a slow peer is in the middle of
// a lap, past the place where the new one stands: the old one must not be taken
// from the peer before the new one was given to it.
func TestAWalkNeverWithdrawsWhatItHasNotYetReplaced(t *testing.T) {
	r := rib.New(rib.Self{ASN: 64512, RouterID: 1, Cluster: 1}, rib.Limits{Chunk: 1, Step: 1})
	from, _ := r.AddSource(rib.Source{Speaker: summarize.Client, RouterID: 2, Address: netip.MustParseAddr("192.0.2.2")}, 0)
	to := rib.Receiver{ID: 99, RouterID: 3}
	view := rib.View{To: summarize.Listener{Speaker: summarize.Client}, Families: bgp.FamiliesOf(bgp.IPv4Unicast), FourOctetAS: true, MaxMessage: 4096}
	replacement, old := netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32")
	announce := func(prefixes ...netip.Prefix) {
		for _, p := range prefixes {
			tell(t, r, from, oracle.Announce(oracle.Plain(netip.MustParseAddr("192.0.2.2")), p))
		}
		r.Flush(nil)
	}
	withdraw := func(p netip.Prefix) {
		tell(t, r, from, oracle.Withdraw(p))
		r.Flush(nil)
	}
	// The replacement's record comes first in the table, so that a lap passes it early.
	announce(replacement)
	announce(old, netip.MustParsePrefix("10.0.0.3/32"), netip.MustParsePrefix("10.0.0.4/32"))
	withdraw(replacement)

	peer := oracle.NewReplay()
	var events []string
	peer.On = func(e oracle.Event) {
		what := "announce "
		if e.Route == nil {
			what = "withdraw "
		}
		events = append(events, what+e.Prefix.String())
	}
	w := &rib.Walk{}
	step := func() bool {
		chunks, current := r.Step(w, view, to)
		for _, c := range chunks {
			if err := peer.Feed(c.Octets); err != nil {
				t.Fatal(err)
			}
		}
		return current
	}
	step()
	step()
	announce(replacement)
	withdraw(old)
	for !step() {
	}
	given := slices.Index(events, "announce 10.0.0.1/32")
	taken := slices.Index(events, "withdraw 10.0.0.2/32")
	if given < 0 || taken < 0 || taken < given {
		t.Fatalf("the peer was told, in this order: %q", events)
	}
}

// A path of an anycast address goes, and in the middle of the lap that is to say so
// another path of it changes: the lap leaves the address to the next one, which must
// still know of the path identifier that went out of use before the first.
func TestAWalkWithdrawsAPathWhoseAddressChangesMeanwhile(t *testing.T) {
	r := rib.New(rib.Self{ASN: 64512, RouterID: 1, Cluster: 1}, rib.Limits{Chunk: 1, Step: 1})
	r.Follow(r.Compile(snapshotOfPools(`{"prefix":"10.9.0.0/24","anycast":true}`)), nil)
	var from []rib.SourceID
	for n := range bgp.RouterID(2) {
		id, _ := r.AddSource(rib.Source{Speaker: summarize.Client, RouterID: n + 2, Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(n + 2)})}, 0)
		from = append(from, id)
	}
	service, plain := netip.MustParsePrefix("10.9.0.1/32"), oracle.Plain(netip.MustParseAddr("192.0.2.2"))
	to, families := rib.Receiver{ID: 99, RouterID: 9}, bgp.FamiliesOf(bgp.IPv4Unicast)
	view := rib.View{To: summarize.Listener{Speaker: summarize.Client}, Families: families, AddPath: families, FourOctetAS: true, MaxMessage: 4096}
	peer := oracle.NewReplay()
	peer.AddPath = true
	read := func(chunks []*rib.Chunk) {
		for _, c := range chunks {
			if err := peer.Feed(c.Octets); err != nil {
				t.Fatal(err)
			}
		}
	}
	tell(t, r, from[0], oracle.Announce(plain, service))
	tell(t, r, from[1], oracle.Announce(plain, service))
	r.Flush(nil)
	read(r.Snapshot(view, bgp.IPv4Unicast))
	w := &rib.Walk{Since: r.Version()}
	tell(t, r, from[1], oracle.Withdraw(service))
	r.Flush(nil)
	for lap := 0; ; lap++ {
		if lap < 2 {
			tell(t, r, from[0], oracle.Announce(plain.With(oracle.Attr{Flags: 0x40, Type: 5, Value: oracle.Number(uint32(200 + lap))}), service))
			r.Flush(nil)
		}
		chunks, current := r.Step(w, view, to)
		read(chunks)
		if current {
			break
		}
	}
	if n := peer.Paths(true)[service]; n != 1 {
		t.Errorf("the peer is level and holds %d paths of %s, of which there is one:\n%s", n, service, peer.Table[service])
	}
}

// snapshotOfPools is an inventory of nothing but pools.
func snapshotOfPools(pools ...string) *topology.Snapshot {
	var inventory topology.Inventory
	for i, value := range pools {
		inventory.Apply(int64(i+1), []topology.Change{{Path: fmt.Sprintf("%spools/p%d", topology.Prefix, i), Value: []byte(value)}})
	}
	return inventory.Snapshot()
}

func tell(t *testing.T, r *rib.RIB, from rib.SourceID, message []byte) {
	t.Helper()
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: bgp.FamiliesOf(bgp.Families[:]...)}
	var batch wire.Batch
	if faults := d.Update(message[19:], &batch); len(faults) > 0 {
		t.Fatal(faults[0].Error())
	}
	for _, item := range batch.Items {
		if item.Kind == wire.Announced {
			r.Announce(from, item.Family, item.NLRI, &batch.Attrs[item.Attrs])
		} else {
			r.Withdraw(from, item.Family, item.NLRI)
		}
	}
}
