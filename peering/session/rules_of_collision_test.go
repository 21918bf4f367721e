package session

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
	"heddle/peering/wire"
)

// switchboard is a network in which the test is at the other end of every call.
type switchboard struct {
	calls  chan *memory
	answer func() error // what becomes of a call; nil: it goes through
}

func newSwitchboard() *switchboard { return &switchboard{calls: make(chan *memory, 100)} }

func (s *switchboard) dial(_ context.Context, remote netip.Addr, _ int, _ string) (transport, error) {
	if s.answer != nil {
		if err := s.answer(); err != nil {
			return nil, err
		}
	}
	mine, theirs := connect(netip.AddrPortFrom(ourAddr, 40000), netip.AddrPortFrom(remote, 179), 1<<20)
	s.calls <- theirs
	return mine, nil
}

// dialled is a peer that we call as well as it us.
func dialled(spec peering.Session) peering.Session {
	spec.Passive = false
	return spec
}

// RFC 4271 §6.8, RFC 6286 §2.3: of two connections the one stays that the speaker
// with the higher BGP Identifier opened, or, between external peers that share
// one, the higher AS. We are AS 64512 with identifier 192.0.2.1.
func TestWhichOfTwoConnectionsStays(t *testing.T) {
	of := func(asn bgp.ASN) peering.Session {
		s := router()
		s.RemoteASN = asn
		return s
	}
	for _, c := range []struct {
		name string
		peer peering.Session
		id   bgp.RouterID
		ours bool // the connection that we opened stays
	}{
		{"their identifier is higher by one", reflector(), 0xc0000202, false},
		{"their identifier is lower by one", reflector(), 0xc0000200, true},
		{"identifiers are compared from the first octet on", reflector(), 0x01ffffff, true},
		{"identifiers have no sign", reflector(), 0x7fffffff, true},
		{"the highest identifier", reflector(), 0xffffffff, false},
		{"an external peer with a higher identifier and a lower AS", of(64511), 0xc0000202, false},
		{"an external peer with a lower identifier and a higher AS", of(64513), 0xc0000200, true},
		{"an external peer with our identifier and a higher AS", of(64513), 0xc0000201, false},
		{"an external peer with our identifier and a lower AS", of(64511), 0xc0000201, true},
		{"an external peer with our identifier and a large AS", of(4200000001), 0xc0000201, false},
	} {
		for _, s := range []struct {
			name  string
			order func(theirs, ours *far, open func(*far)) // who sends an OPEN, in which order
		}{
			{"both in OpenSent, the OPEN comes on theirs", func(theirs, _ *far, open func(*far)) { open(theirs) }},
			{"both in OpenSent, the OPEN comes on ours", func(_, ours *far, open func(*far)) { open(ours) }},
		} {
			t.Run(c.name+"; "+s.name, func(t *testing.T) {
				virtual.Test(t, func(t *testing.T) {
					net := newSwitchboard()
					b := newBenchOn(t, net, slog.DiscardHandler, dialled(c.peer))
					defer b.end()
					theirs, ours := b.connect(), &far{t: t, memory: <-net.calls}
					o := openingOf(c.peer)
					o.RouterID = c.id
					opened := map[*far]bool{}
					s.order(theirs, ours, func(f *far) {
						opened[f] = true
						f.open(o)
						synctest.Wait()
					})
					stays, goes := theirs, ours
					if c.ours {
						stays, goes = ours, theirs
					}
					b.settle(stays, goes, o, opened[stays])
				})
			})
		}
		t.Run(c.name+"; ours in OpenConfirm, the OPEN comes on theirs", func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				net := newSwitchboard()
				b := newBenchOn(t, net, slog.DiscardHandler, dialled(c.peer))
				defer b.end()
				ours := &far{t: t, memory: <-net.calls}
				o := openingOf(c.peer)
				o.RouterID = c.id
				ours.open(o)
				synctest.Wait()
				if b.state() != OpenConfirm {
					t.Fatalf("our connection is in %s", b.state())
				}
				theirs := b.connect()
				theirs.open(o)
				if c.ours {
					b.settle(ours, theirs, o, true)
				} else {
					b.settle(theirs, ours, o, true)
				}
			})
		})
	}
}

// settle wants one connection to end with Cease, collision, and the other to
// become the session; the peer is not said to have failed.
func (b *bench) settle(stays, goes *far, o wire.Open, opened bool) {
	b.t.Helper()
	stays.expect(wire.TypeOpen)
	if !opened {
		stays.open(o)
	}
	goes.wantEnd("6/7")
	stays.expect(wire.TypeKeepalive)
	stays.send(wire.AppendKeepalive(nil)...)
	time.Sleep(time.Minute)
	p := b.server.Peers()[0]
	b.wantHistory("up " + p.Spec.Name)
	if p.State != Established || p.LastError != "" {
		b.t.Errorf("the peer is %s, its last error %q", p.State, p.LastError)
	}
}

// Before a second OPEN, the speaker with the higher identifier decides alone: the
// other does not know whether the connection that should stay has been hung up.
func TestTheHigherIdentifierDecidesAtOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		id   bgp.RouterID
		ours bool
	}{
		{"it is ours", 0xc0000200, true},
		{"it is theirs", 0xc0000202, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				net := newSwitchboard()
				b := newBenchOn(t, net, slog.DiscardHandler, dialled(reflector()))
				defer b.end()
				theirs, ours := b.connect(), &far{t: t, memory: <-net.calls}
				o := opening()
				o.RouterID = c.id
				if c.ours {
					theirs.open(o)
					theirs.wantEnd("6/7")
					ours.establish(o)
					b.wantHistory("up rr2")
					return
				}
				ours.expect(wire.TypeOpen)
				ours.open(o)
				ours.expect(wire.TypeKeepalive)
				theirs.Close()
				ours.send(wire.AppendKeepalive(nil)...)
				b.wantHistory("up rr2")
			})
		})
	}
}

// A call that goes through when the peer's own is past OpenSent is hung up: an
// OPEN would only start a collision.
func TestACallThatComesTooLateSaysNothing(t *testing.T) {
	for _, id := range []bgp.RouterID{0xc0000200, 0xc0000202} {
		for _, s := range stages[1:] {
			t.Run(fmt.Sprintf("the peer is %s, in %s", id, s.state), func(t *testing.T) {
				virtual.Test(t, func(t *testing.T) {
					net := newSwitchboard()
					through := make(chan struct{})
					net.answer = func() error {
						<-through
						return nil
					}
					b := newBenchOn(t, net, slog.DiscardHandler, dialled(reflector()))
					defer b.end()
					f := b.connect()
					o := opening()
					o.RouterID = id
					s.reach(f, o)
					synctest.Wait()
					close(through)
					late := &far{t: t, memory: <-net.calls}
					if typ, body := late.receive(); typ != 0 {
						t.Errorf("on the late connection came %s %x", typ, body)
					}
					if got := b.state(); got != s.state {
						t.Errorf("the peer is %s, want %s still", got, s.state)
					}
				})
			})
		}
	}
}

// An Established session wins over any newcomer (RFC 4271 §6.8), unless it is the
// same peer that restarted (RFC 4724 §5): a host loses power and is back before the
// hold time is over.
func TestAnEstablishedSessionStays(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second wire.Open
		ours          bool // the session is on a connection that we opened
		replaced      bool
	}{
		{"on their connection, without graceful restart", opening(), opening(), false, false},
		{"on our connection, though their identifier is higher", opening(), opening(), true, false},
		{"with graceful restart the newcomer replaces it", restarting(true), restarting(true), false, true},
		{"with graceful restart, whoever opened it", restarting(true), restarting(true), true, true},
		{"with graceful restart offered by the newcomer alone", opening(), restarting(true), false, false},
		{"with graceful restart, but it is another router", restarting(true), func() wire.Open { o := restarting(true); o.RouterID = 0xc0000209; return o }(), false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				net := newSwitchboard()
				spec := reflector()
				if c.ours {
					spec = dialled(spec)
				}
				b := newBenchOn(t, net, slog.DiscardHandler, spec)
				defer b.end()
				var old *far
				if c.ours {
					old = &far{t: t, memory: <-net.calls}
				} else {
					old = b.connect()
				}
				old.establish(c.first)
				again := b.connect()
				again.expect(wire.TypeOpen)
				again.open(c.second)
				if !c.replaced {
					again.wantEnd("6/7")
					b.wantHistory("up rr2")
					return
				}
				again.expect(wire.TypeKeepalive)
				again.send(wire.AppendKeepalive(nil)...)
				old.wantEnd("")
				b.wantHistory("up rr2", "down rr2: replaced by a new connection of the peer (graceful ipv4+ipv6)", "up rr2")
			})
		})
	}
}

// A peer that calls twice has forgotten about the first call.
func TestOfTwoCallsOfAPeerTheYoungerStays(t *testing.T) {
	for _, s := range stages[:2] {
		t.Run(fmt.Sprintf("the older in %s", s.state), func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t, reflector())
				defer b.end()
				older := b.connect()
				s.reach(older, opening())
				synctest.Wait()
				younger := b.connect()
				younger.open(opening())
				b.settle(younger, older, opening(), true)
			})
		})
	}
}

// One that has not said who it is has no claim.
func TestACallInOpenSentGoesWhenAnotherIsEstablished(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, reflector())
		defer b.end()
		first := b.connect()
		stages[1].reach(first, opening())
		second := b.connect()
		second.expect(wire.TypeOpen)
		first.send(wire.AppendKeepalive(nil)...)
		second.wantEnd("6/7")
		b.wantHistory("up rr2")
	})
}

// An OPEN that is read while its connection is being ended must not end the others.
func TestAConnectionThatIsEndingIsNotAdmitted(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, reflector())
		defer b.end()
		ending, staying := b.connect(), b.connect()
		p := b.server.peers[theirAddr]
		c := p.conns[0]
		c.abort(bgp.Cease(bgp.CeaseAdminReset, ""), false)
		if p.admit(c) {
			t.Error("the connection was admitted")
		}
		ending.wantEnd("6/4")
		staying.establish(opening())
		b.wantHistory("up rr2")
	})
}

// Nor does a connection that is ending win against one that is not.
func TestAConnectionThatIsEndingDoesNotCollide(t *testing.T) {
	s := New(Config{Self: Self{ASN: 64512, RouterID: 2}, Log: slog.New(slog.DiscardHandler)})
	for _, state := range []State{OpenSent, OpenConfirm, Established} {
		p := newPeer(s, dialled(reflector()))
		begin := func(outgoing bool) *conn {
			mine, _ := connect(netip.AddrPortFrom(ourAddr, 40000), netip.AddrPortFrom(theirAddr, 179), 1<<16)
			c := newConn(p, mine, outgoing)
			c.negotiated.RouterID = 1
			p.conns = append(p.conns, c)
			return c
		}
		ours, theirs := begin(true), begin(false)
		ours.state = state
		ours.finish(&ending{err: io.EOF})
		if !p.admit(theirs) {
			t.Errorf("a connection was refused for another in %s that was ending", state)
		}
	}
}

// Connections that never say anything can't be had in any number.
func TestAPeerHasFewConnectionsAtATime(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		var silent []*far
		for range connsMost {
			f := b.connect()
			f.expect(wire.TypeOpen)
			silent = append(silent, f)
		}
		b.connect().wantEnd("6/8")
		silent[0].Close()
		synctest.Wait()
		f := b.connect()
		f.expect(wire.TypeOpen)
		f.open(opening())
		for _, old := range silent[1:] {
			old.wantEnd("6/7")
		}
		f.expect(wire.TypeKeepalive)
		f.send(wire.AppendKeepalive(nil)...)
		b.wantHistory("up h1")
	})
}
