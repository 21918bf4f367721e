package interop

import (
	"fmt"
	"net/netip"
	"testing"

	"heddle/internal/oracle"
)

// Each daemon is a client over a session that carries both families. It says
// routes, plain and with every attribute it knows, changes them, takes them back,
// and holds of the others what the model says.
func TestEveryDaemonAsAClientHoldsWhatTheModelSays(t *testing.T) {
	for _, c := range []struct {
		name, lab string
		address   func(byte) netip.Addr
	}{
		{"with sessions over IPv4", "clients4", v4Of},
		{"with sessions over IPv6", "clients6", v6Of},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFabric(t, c.lab, clients(c.address))
			f.ipv6 = c.address(1).Is6()
			speakers := append(f.everyDaemon(), f.probe("probe", nProbe))
			clientsTalk(f, speakers)
		})
	}
}

func clientsTalk(f *fabric, speakers []speaker) {
	f.step("each says a route of each family, known before it starts", func() {
		f.startWith(speakers, plain)
		f.agree()
	})
	f.step("each adds routes with attributes, which reach the others octet for octet", func() {
		for _, s := range speakers {
			f.announce(s, rich(s.who().v4Route(2)), rich(s.who().v6Route(2)))
		}
		f.agree()
	})
	f.step("attributes that nobody here knows pass if they are transitive, marked partial, and end if not", func() {
		probe := speakers[len(speakers)-1]
		for _, p := range []netip.Prefix{probe.who().v4Route(3), probe.who().v6Route(3)} {
			f.announce(probe, strange(p))
		}
		f.agree()
	})
	f.step("each changes the attributes of a route, which replaces the old one", func() {
		for _, s := range speakers {
			f.announce(s, rich(s.who().v4Route(1)), rich(s.who().v6Route(1)))
		}
		f.agree()
	})
	f.step("each takes a route of each family back", func() {
		for _, s := range speakers {
			f.withdraw(s, s.who().v4Route(2), s.who().v6Route(2))
		}
		f.agree()
	})
}

// strange is an offer with attributes that daemons can't be told to send.
func strange(p netip.Prefix) offer {
	return offer{prefix: p, path: []uint32{65001, 4200000001, 65002}, more: []oracle.Attr{
		{Flags: 0x40, Type: attrAtomic},
		{Flags: 0xc0, Type: attrAggregator, Value: append(oracle.Number(4200000001), 192, 0, 2, 99)},
		{Flags: 0xc0, Type: attrExtended, Value: []byte{0, 2, 0xfd, 0xe8, 0, 0, 0, 9}},
		{Flags: 0xc0, Type: 227, Value: []byte{0xde, 0xad, 0xbe, 0xef}},
		{Flags: 0x80, Type: 228, Value: []byte{1}},
		{Flags: 0xc0, Type: 229, Value: make([]byte, 300)},
	}}
}

// Each daemon is a reflector, a non-client of ours, with a client of its own; it
// passes on what its client says, and to its client what ours say.
func TestEveryDaemonAsANonClientReflectorHoldsWhatTheModelSays(t *testing.T) {
	for _, c := range []struct {
		name, lab string
		address   func(byte) netip.Addr
	}{
		{"with sessions over IPv4", "mesh4", v4Of},
		{"with sessions over IPv6", "mesh6", v6Of},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inventory := document("node", "probe", "", c.address(nProbe)) + document("node", "probe2", "", c.address(nProbe+1))
			for name, n := range daemons {
				inventory += document("router", name, "role: reflector\n", c.address(n))
			}
			f := newFabric(t, c.lab, inventory)
			f.ipv6 = c.address(1).Is6()
			reflectorsTalk(f, c.address)
		})
	}
}

func reflectorsTalk(f *fabric, address func(byte) netip.Addr) {
	own := []speaker{f.probe("probe", nProbe), f.probe("probe2", nProbe+1)}
	var theirs []*probe // the client of each daemon
	reflectors := f.everyDaemon(func(h *host) []neighbor {
		f.self.nonClients[h.name], h.passesOn = true, true
		client := f.probe(h.name+"-client", h.n+20, neighbor{address: address(h.n)})
		client.foreign = true
		theirs = append(theirs, client)
		return []neighbor{h.heddleOf(), {address: address(client.n), client: true}}
	})
	f.step("reflectors and clients say a route of each family", func() {
		f.startWith(append(own, reflectors...), plain)
		for _, client := range theirs {
			for _, o := range []offer{rich(client.v4Route(1)), rich(client.v6Route(1))} {
				client.offers[o.prefix] = o
			}
			client.start()
		}
		f.reflected(reflectors, theirs, true)
		f.agree()
	})
	f.step("what our clients say reaches the clients of the others", func() {
		for _, client := range theirs {
			f.until(client.name+" to hold what our clients say", func() string {
				return client.lacks(own[0].who().v4Route(1), own[1].who().v6Route(1))
			})
		}
	})
	f.step("what their clients take back is gone here", func() {
		for _, client := range theirs {
			client.withdraw(client.v4Route(1), client.v6Route(1))
		}
		f.reflected(reflectors, theirs, false)
		f.agree()
	})
}

// reflected waits until each daemon has said, or has taken back, what its client
// says.
func (f *fabric) reflected(reflectors []speaker, clients []*probe, there bool) {
	f.t.Helper()
	for i, client := range clients {
		h := reflectors[i].who()
		f.until(fmt.Sprintf("%s to pass on what its client says: %v", h.name, there), func() (text string) {
			up := f.tap.session(h.address(), func(w *wire) {
				for _, p := range []netip.Prefix{client.v4Route(1), client.v6Route(1)} {
					if _, held := w.in.routes[p]; held != there {
						text += fmt.Sprintf("%s: %v\n", p, held)
					}
				}
			})
			return text + missing("a session", up)
		})
	}
}

// lacks names the prefixes that a probe does not hold.
func (p *probe) lacks(prefixes ...netip.Prefix) (text string) {
	held, err := p.table()
	p.f.must(err)
	for _, prefix := range prefixes {
		if _, ok := held[prefix]; !ok {
			text += prefix.String() + " is missing\n"
		}
	}
	return text
}
