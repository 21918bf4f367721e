package session

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
)

// Two routers dial each other at the same moment, with every possible delay in
// between: one session comes of it, at once, and it stays.
func TestCollisionsEndInOneSession(t *testing.T) {
	repetitions := 1000
	for i := range repetitions {
		virtual.Test(t, func(t *testing.T) { collide(t, uint64(i)) })
		if t.Failed() {
			t.Fatalf("in repetition %d", i)
		}
	}
}

func collide(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	net := &wireBetween{servers: map[netip.Addr]*Server{}, window: 1 << 16, delay: func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(random.IntN(4)) * time.Millisecond
	}}
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	ids := map[netip.Addr]bgp.RouterID{a: 1, b: 2}
	asn := map[netip.Addr]bgp.ASN{a: 64512, b: 64512}
	kind := peering.NonClient
	if seed%3 == 0 { // external peers may share an identifier (RFC 6286)
		kind, ids[b], asn[b] = peering.External, 1, 64513
	}
	if seed%2 == 0 {
		ids[a], asn[a], ids[b], asn[b] = ids[b], asn[b], ids[a], asn[a]
	}
	ctx, stop := context.WithCancel(t.Context())
	records := map[netip.Addr]*recorder{}
	done := make(chan struct{}, 2)
	for _, addr := range []netip.Addr{a, b} {
		remote := b
		if addr == b {
			remote = a
		}
		rec := &recorder{}
		s := New(Config{Self: Self{ASN: asn[addr], RouterID: ids[addr]}, Handler: rec, Log: slog.New(slog.DiscardHandler)})
		rec.server, s.network = s, &end{net, addr}
		records[addr], net.servers[addr] = rec, s
		s.Apply(&peering.Plan{Sessions: []peering.Session{{
			Remote: remote, Name: remote.String(), Kind: kind, RemoteASN: asn[remote], Families: both, HoldTime: 90 * time.Second,
		}}})
	}
	start := time.Now()
	for _, addr := range []netip.Addr{a, b} {
		s := net.servers[addr]
		go func() {
			_ = s.Run(ctx)
			done <- struct{}{}
		}()
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	for addr, rec := range records {
		if h := rec.history(); len(h) != 1 || rec.most != 1 {
			t.Errorf("%s heard %q; at most %d sessions at a time", addr, h, rec.most)
			continue
		}
		if took := rec.sessions[0].Since.Sub(start); took > 100*time.Millisecond {
			t.Errorf("%s is Established after %s: the attempts killed each other", addr, took)
		}
	}
	stop()
	<-done
	<-done
}

// A connection may read its KEEPALIVE and, before it can say so, lose a collision.
// Were it to become the session all the same, each of the two would end the other.
func TestAConnectionThatLostACollisionDoesNotBecomeTheSession(t *testing.T) {
	ours, theirs := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.2:179")
	s := New(Config{Self: Self{ASN: 64512, RouterID: 1}, Log: slog.New(slog.DiscardHandler)})
	p := newPeer(s, peering.Session{Remote: theirs.Addr(), Kind: peering.NonClient, RemoteASN: 64512})
	begin := func(outgoing bool) *conn {
		end, _ := connect(ours, theirs, 1<<16)
		c := newConn(p, end, outgoing)
		c.negotiated.RouterID = 2
		p.conns = append(p.conns, c)
		return c
	}
	ending := begin(true)
	if !p.admit(ending) {
		t.Fatal("the first connection was not admitted")
	}
	staying := begin(false)
	if !p.admit(staying) {
		t.Fatal("the connection that the higher BGP Identifier opened was not admitted")
	}
	if p.establish(ending) {
		t.Fatal("the connection that lost became the session")
	}
	if !p.establish(staying) {
		t.Error("the connection that won did not become the session")
	}
}
