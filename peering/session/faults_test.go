package session

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
	"heddle/peering/wire"
)

// reflector and router are the other kinds of peer. They would be dialled too;
// here they always come to us.
func reflector() peering.Session {
	s := client()
	s.Name, s.Role, s.Kind = "rr2", "reflector", peering.NonClient
	return s
}

func router() peering.Session {
	s := client()
	s.Name, s.Role, s.Kind, s.RemoteASN = "t1", "tor", peering.External, 65001
	return s
}

// kinds is a peer of every kind.
func kinds() []peering.Session { return []peering.Session{client(), reflector(), router()} }

// openingOf is a good OPEN of a peer.
func openingOf(spec peering.Session) wire.Open {
	o := opening()
	o.ASN = spec.RemoteASN
	return o
}

// bystander is a client with a session of its own, who must notice nothing of what
// others do.
type bystander struct {
	b *bench
	f *far
}

func bystanderSpec() peering.Session {
	s := client()
	s.Remote, s.Name = netip.MustParseAddr("192.0.2.3"), "bystander"
	return s
}

func (b *bench) bystander() *bystander {
	b.t.Helper()
	f := b.connectFrom(bystanderSpec().Remote, 1<<20)
	o := opening()
	o.RouterID = 0xc0000203
	f.establish(o)
	return &bystander{b, f}
}

// undisturbed wants nothing but KEEPALIVEs on the bystander's session, and the
// session alive: it is told of a route and hears no more than that.
func (w *bystander) undisturbed() {
	w.b.t.Helper()
	w.f.send(plain("10.255.0.0/16")...)
	synctest.Wait()
	if got := w.b.rec.last(); got != "announce 10.255.0.0/16 with 1 2 3 5" {
		w.b.t.Errorf("the bystander announced a route, and the handler heard %q", got)
	}
	octets := w.f.in.octets
	for len(octets) > 0 && strings.HasPrefix(string(octets), string(wire.AppendKeepalive(nil))) {
		octets = octets[wire.HeaderLength:]
	}
	if len(octets) > 0 {
		w.b.t.Errorf("the bystander was sent %x", octets)
	}
	for _, p := range w.b.server.Peers() {
		if p.Spec == bystanderSpec() && (p.State != Established || p.Flaps != 0) {
			w.b.t.Errorf("the bystander is %s, with %d flaps", p.State, p.Flaps)
		}
	}
}

func (r *recorder) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.story) == 0 {
		return ""
	}
	return r.story[len(r.story)-1]
}

// wantEnd wants a NOTIFICATION, written "code/subcode data", and nothing after it;
// "" is no NOTIFICATION, only the end.
func (f *far) wantEnd(want string) {
	f.t.Helper()
	typ, body := f.receive()
	for typ == wire.TypeKeepalive || typ == wire.TypeOpen {
		typ, body = f.receive()
	}
	got := ""
	if typ == wire.TypeNotification {
		got = strings.TrimSpace(fmt.Sprintf("%d/%d %x", body[0], body[1], body[2:]))
		typ, body = f.receive()
	}
	if got != want {
		f.t.Errorf("received NOTIFICATION %q, want %q", got, want)
	}
	if typ != 0 {
		f.t.Errorf("at the end came %s %x", typ, body)
	}
	f.Close()
}

// fixed is an OPEN with the body given in hexadecimal: version, AS, hold time,
// identifier, length of the parameters, parameters.
func fixed(body string) []byte {
	octets, err := hex.DecodeString(strings.ReplaceAll(body, " ", ""))
	if err != nil {
		panic(err)
	}
	return message(wire.TypeOpen, octets...)
}

// spoiled is a good OPEN of a peer with one thing changed.
func spoiled(spec peering.Session, change func(*wire.Open)) []byte {
	o := openingOf(spec)
	change(&o)
	m, err := o.Append(nil)
	if err != nil {
		panic(err)
	}
	return m
}

// large is a router whose AS takes four octets.
func large() peering.Session {
	s := router()
	s.RemoteASN = 4200000001
	return s
}

// only6 is a peer that we speak nothing but IPv6 with.
func only6() peering.Session {
	s := client()
	s.Families = bgp.FamiliesOf(bgp.IPv6Unicast)
	return s
}

func TestFaultsInOpenGetTheirCode(t *testing.T) {
	hold := func(seconds uint16) func(*wire.Open) { return func(o *wire.Open) { o.HoldTime = seconds } }
	asn := func(asn bgp.ASN) func(*wire.Open) { return func(o *wire.Open) { o.ASN = asn } }
	id := func(id bgp.RouterID) func(*wire.Open) { return func(o *wire.Open) { o.RouterID = id } }
	for _, c := range []struct {
		name string
		peer peering.Session
		open []byte
		want string // NOTIFICATION: code/subcode data
	}{
		{"version 3, answered with ours (RFC 4271 §6.2)", client(), fixed("03 fc00 005a c0000202 00"), "2/1 0004"},
		{"version 5", client(), fixed("05 fc00 005a c0000202 00"), "2/1 0004"},
		{"version 0 comes before all else", client(), fixed("00 0000 0001 00000000 02 0000"), "2/1 0004"},

		{"a client of another AS", client(), spoiled(client(), asn(64513)), "2/2"},
		{"a reflector of another AS", reflector(), spoiled(reflector(), asn(64513)), "2/2"},
		{"a router of another AS", router(), spoiled(router(), asn(65002)), "2/2"},
		{"a router of our AS", router(), spoiled(router(), asn(64512)), "2/2"},
		{"AS 0 (RFC 7607 §2)", client(), fixed("04 0000 005a c0000202 00"), "2/2"},
		{"AS 0 in the field, ours in the capability", client(), fixed("04 0000 005a c0000202 08 0206 4104 0000fc00"), "2/2"},
		{"AS 0 in the capability", client(), fixed("04 fc00 005a c0000202 08 0206 4104 00000000"), "2/2"},
		{"AS_TRANS without the capability that says whose (RFC 6793 §4.2.2)", large(), fixed("04 5ba0 005a c0000202 00"), "2/2"},
		{"AS_TRANS, and another AS in the capability", large(), fixed("04 5ba0 005a c0000202 08 0206 4104 fa56ea02"), "2/2"},
		{"AS_TRANS, and AS_TRANS in the capability", large(), fixed("04 5ba0 005a c0000202 08 0206 4104 00005ba0"), "2/2"},
		{"the low half of a large AS", large(), fixed("04 ea01 005a c0000202 00"), "2/2"},
		{"the right AS in the field, another in the capability", router(), fixed("04 fde9 005a c0000202 08 0206 4104 0000fdea"), "2/2"},
		{"a capability for the AS that is malformed is none", large(), fixed("04 5ba0 005a c0000202 07 0205 4103 fa56ea"), "2/2"},

		{"BGP Identifier 0 of a client (RFC 6286 §2.2)", client(), fixed("04 fc00 005a 00000000 00"), "2/3"},
		{"BGP Identifier 0 of a router", router(), fixed("04 fde9 005a 00000000 00"), "2/3"},
		{"our own BGP Identifier from a client", client(), spoiled(client(), id(0xc0000201)), "2/3"},
		{"our own BGP Identifier from a reflector", reflector(), spoiled(reflector(), id(0xc0000201)), "2/3"},

		{"authentication, which RFC 4271 has deprecated", client(), fixed("04 fc00 005a c0000202 03 0101 00"), "2/4"},
		{"a parameter that does not exist", client(), fixed("04 fc00 005a c0000202 03 4201 00"), "2/4"},
		{"one behind the capabilities", client(), fixed("04 fc00 005a c0000202 06 0202 0200 4200"), "2/4"},
		{"one in the extended form (RFC 9072)", client(), fixed("04 fc00 005a c0000202 ff ff0004 42000100"), "2/4"},

		{"hold time 1", client(), spoiled(client(), hold(1)), "2/6"},
		{"hold time 2", router(), spoiled(router(), hold(2)), "2/6"},

		{"no family that we have in common (RFC 5492 §5)", client(), fixed("04 fc00 005a c0000202 08 0206 0104 00190046"), "2/7 010400010001010400020001"},
		{"IPv4 where we want IPv6", only6(), spoiled(only6(), func(o *wire.Open) { o.Capabilities.Families = bgp.FamiliesOf(bgp.IPv4Unicast) }), "2/7 010400020001"},
		{"no family named, which means IPv4, where we want IPv6", only6(), fixed("04 fc00 005a c0000202 00"), "2/7 010400020001"},

		{"parameters shorter than they say", client(), fixed("04 fc00 005a c0000202 05 0202 0200"), "2/0"},
		{"parameters longer than they say", client(), fixed("04 fc00 005a c0000202 03 0202 0200"), "2/0"},
		{"a parameter without its length", client(), fixed("04 fc00 005a c0000202 01 02"), "2/0"},
		{"a parameter that exceeds them", client(), fixed("04 fc00 005a c0000202 04 0205 0104"), "2/0"},
		{"a capability without its length", client(), fixed("04 fc00 005a c0000202 03 0201 02"), "2/0"},
		{"a capability that exceeds its parameter", client(), fixed("04 fc00 005a c0000202 04 0202 01c8"), "2/0"},
		{"the extended form cut short (CVE-2022-40302)", client(), fixed("04 fc00 005a c0000202 ff ff00"), "2/0"},
		{"the extended form, a parameter cut in its length (CVE-2022-43681)", client(), fixed("04 fc00 005a c0000202 ff ff0002 0200"), "2/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t, c.peer, bystanderSpec())
				defer b.end()
				w := b.bystander()
				f := b.connect()
				f.send(c.open...)
				f.wantEnd(c.want)
				b.wantHistory("up bystander")
				w.undisturbed()
			})
		})
	}
}

// What may look odd and is right all the same.
func TestOpensThatComeToASession(t *testing.T) {
	restricted := func(families bgp.FamilySet) Negotiated {
		return Negotiated{RouterID: 0xc0000202, Families: families, MaxMessage: 4096, HoldTime: 90 * time.Second}
	}
	only4 := bgp.FamiliesOf(bgp.IPv4Unicast)
	with := func(n Negotiated, change func(*Negotiated)) Negotiated {
		change(&n)
		return n
	}
	four := func(n *Negotiated) { n.FourOctetAS = true }
	for _, c := range []struct {
		name string
		peer peering.Session
		open []byte
		want Negotiated
	}{
		{"no capability at all: IPv4, two-octet AS", client(), fixed("04 fc00 005a c0000202 00"), restricted(only4)},
		{"IPv6 only", client(), fixed("04 fc00 005a c0000202 08 0206 0104 00020001"), restricted(bgp.FamiliesOf(bgp.IPv6Unicast))},
		{"a family that we don't have, beside one that we have", client(), fixed("04 fc00 005a c0000202 0e 020c 0104 00190046 0104 00010001"), restricted(only4)},
		{"a large AS in the capability", large(), fixed("04 5ba0 005a c0000202 08 0206 4104 fa56ea01"), with(restricted(only4), four)},
		{"AS_TRANS for an AS that needs none", router(), fixed("04 5ba0 005a c0000202 08 0206 4104 0000fde9"), with(restricted(only4), four)},
		{"our own BGP Identifier from a router (RFC 6286 §2.1)", router(), fixed("04 fde9 005a c0000201 00"), with(restricted(only4), func(n *Negotiated) { n.RouterID = 0xc0000201 })},
		{"a BGP Identifier that is no host address", client(), fixed("04 fc00 005a ffffffff 00"), with(restricted(only4), func(n *Negotiated) { n.RouterID = 0xffffffff })},
		{"hold time 3", client(), fixed("04 fc00 0003 c0000202 00"), with(restricted(only4), func(n *Negotiated) { n.HoldTime = 3 * time.Second })},
		{"a hold time longer than ours", client(), fixed("04 fc00 ffff c0000202 00"), restricted(only4)},
		{"no hold time", client(), fixed("04 fc00 0000 c0000202 00"), with(restricted(only4), func(n *Negotiated) { n.HoldTime = 0 })},
		{"capabilities that nobody knows (RFC 5492 §3)", client(), fixed("04 fc00 005a c0000202 07 0205 c703 010203"), restricted(only4)},
		{"capabilities that are malformed are not offered", client(), fixed("04 fc00 005a c0000202 0b 0209 0201 00 4101 00 0601 00"), restricted(only4)},
		{"a parameter each", client(), fixed("04 fc00 005a c0000202 08 0202 0200 0202 4600"), with(restricted(only4), func(n *Negotiated) { n.RouteRefresh, n.EnhancedRefresh = true, true })},
		{"the extended form, however short (RFC 9072 §2)", client(), fixed("04 fc00 005a c0000202 ff ff0005 02 0002 0200"), with(restricted(only4), func(n *Negotiated) { n.RouteRefresh = true })},
		{"enhanced refresh stands by itself (RFC 7313 §3.1)", client(), fixed("04 fc00 005a c0000202 04 0202 4600"), with(restricted(only4), func(n *Negotiated) { n.EnhancedRefresh = true })},
		{"extended messages (RFC 8654)", client(), fixed("04 fc00 005a c0000202 04 0202 0600"), with(restricted(only4), func(n *Negotiated) { n.MaxMessage = 65535 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				b := newBench(t, c.peer)
				defer b.end()
				f := b.connect()
				f.expect(wire.TypeOpen)
				f.send(c.open...)
				f.expect(wire.TypeKeepalive)
				f.send(wire.AppendKeepalive(nil)...)
				b.wantHistory("up " + c.peer.Name)
				if got := b.rec.sessions[0].Negotiated; got != c.want {
					t.Errorf("negotiated is\n%+v, want\n%+v", got, c.want)
				}
			})
		})
	}
}

func TestWhatWeOffer(t *testing.T) {
	for _, spec := range append(kinds(), only6()) {
		virtual.Test(t, func(t *testing.T) {
			spec.HoldTime = 30 * time.Second
			b := newBench(t, spec)
			defer b.end()
			f := b.connect()
			got, fault := wire.ParseOpen(f.expect(wire.TypeOpen))
			if fault != nil {
				t.Fatal(fault)
			}
			c := got.Capabilities
			if got.ASN != 64512 || got.RouterID != 0xc0000201 || got.HoldTime != 30 || c.Families != spec.Families ||
				!c.FourOctetAS || !c.RouteRefresh || !c.EnhancedRefresh || !c.ExtendedMessage ||
				c.Restart != (wire.GracefulRestart{Offered: true, Notification: true}) {
				t.Errorf("to a %s we offer %+v", spec.Kind, got)
			}
		})
	}
}

// A state to be in when a fault arrives.
type stage struct {
	state State
	reach func(*far, wire.Open)
}

var stages = []stage{
	{OpenSent, func(f *far, _ wire.Open) { f.expect(wire.TypeOpen) }},
	{OpenConfirm, func(f *far, o wire.Open) {
		f.expect(wire.TypeOpen)
		f.open(o)
		f.expect(wire.TypeKeepalive)
	}},
	{Established, func(f *far, o wire.Open) { f.establish(o) }},
}

// meet brings a peer to a state, has it send something, and wants the answer.
func (s stage) meet(t *testing.T, o wire.Open, octets []byte, want string) {
	t.Helper()
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client(), bystanderSpec())
		defer b.end()
		w := b.bystander()
		f := b.connect()
		s.reach(f, o)
		synctest.Wait()
		if got := b.state(); got != s.state {
			t.Fatalf("the peer is %s, want %s", got, s.state)
		}
		f.send(octets...)
		f.wantEnd(want)
		synctest.Wait()
		if got := b.state(); got != Active {
			t.Errorf("afterwards the peer is %s, want Active", got)
		}
		w.undisturbed()
	})
}

// header is a header, whatever it says.
func header(length uint16, typ byte) []byte {
	h := message(wire.Type(typ))
	h[16], h[17] = byte(length>>8), byte(length)
	return h
}

func TestFaultsInHeadersGetTheirCode(t *testing.T) {
	marker := func(at int) []byte {
		h := wire.AppendKeepalive(nil)
		h[at] = 0xfe
		return h
	}
	extended := opening()
	extended.Capabilities.ExtendedMessage = true
	for _, c := range []struct {
		name   string
		octets []byte
		want   string
		only   State // 0: in every state
		open   wire.Open
	}{
		{"a marker whose first octet is not all ones", marker(0), "1/1", 0, opening()},
		{"a marker whose last octet is not all ones", marker(15), "1/1", 0, opening()},
		{"a length of 0", header(0, 4), "1/2 0000", 0, opening()},
		{"a length of 18", header(18, 4), "1/2 0012", 0, opening()},
		{"a KEEPALIVE with a body", header(20, 4), "1/2 0014", 0, opening()},
		{"an OPEN shorter than 29", header(28, 1), "1/2 001c", 0, opening()},
		{"an OPEN longer than 4096", header(4097, 1), "1/2 1001", 0, opening()},
		{"an UPDATE shorter than 23", header(22, 2), "1/2 0016", 0, opening()},
		{"an UPDATE longer than 4096", header(4097, 2), "1/2 1001", 0, opening()},
		{"a NOTIFICATION shorter than 21", header(20, 3), "1/2 0014", 0, opening()},
		{"a NOTIFICATION longer than 4096", header(4097, 3), "1/2 1001", 0, opening()},
		{"a ROUTE-REFRESH longer than 4096", header(4097, 5), "1/2 1001", 0, opening()},
		{"an OPEN longer than 4096, with extended messages (RFC 8654 §4)", header(4097, 1), "1/2 1001", Established, extended},
		{"a KEEPALIVE with a body, with extended messages", header(20, 4), "1/2 0014", Established, extended},
		{"an UPDATE longer than 4096 before extended messages are agreed on", header(4097, 2), "1/2 1001", OpenConfirm, extended},
		{"type 0", header(19, 0), "1/3 00", 0, opening()},
		{"type 6", header(19, 6), "1/3 06", 0, opening()},
		{"type 255", header(19, 255), "1/3 ff", 0, opening()},
	} {
		for _, s := range stages {
			if c.only == 0 || c.only == s.state {
				t.Run(fmt.Sprintf("%s, in %s", c.name, s.state), func(t *testing.T) { s.meet(t, c.open, c.octets, c.want) })
			}
		}
	}
}

// A long message, where both agreed on them.
func TestExtendedMessagesAreRead(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		o := opening()
		o.Capabilities.ExtendedMessage = true
		f.establish(o)
		// 13,000 prefixes of four octets, and one each for the length: 65,000.
		var nlri []byte
		for i := range 13_000 {
			nlri = append(nlri, 32, 10, 0, byte(i>>8), byte(i))
		}
		f.send(update(nlri, nil, nil)...)
		f.send(plain("10.0.0.0/24")...)
		synctest.Wait()
		if got := strings.Count(strings.Join(b.rec.story, " "), "/32"); got != 13_000 {
			t.Errorf("%d prefixes arrived", got)
		}
		if got := b.rec.last(); got != "announce 10.0.0.0/24 with 1 2 3 5" {
			t.Errorf("afterwards the handler heard %q", got)
		}
	})
}

// RFC 6608: the subcode is the state, the data is the type.
func TestMessagesOutOfPlaceAreFSMErrors(t *testing.T) {
	open := spoiled(client(), func(*wire.Open) {})
	for _, c := range []struct {
		name   string
		octets []byte
		want   map[State]string // a state that is missing takes the message
	}{
		{"an OPEN", open, map[State]string{OpenConfirm: "5/2 01", Established: "5/3 01"}},
		{"an UPDATE", plain("10.0.0.0/24"), map[State]string{OpenSent: "5/1 02", OpenConfirm: "5/2 02"}},
		{"a malformed UPDATE", message(2, 0, 9, 0, 0), map[State]string{OpenSent: "5/1 02", OpenConfirm: "5/2 02"}},
		{"a KEEPALIVE", wire.AppendKeepalive(nil), map[State]string{OpenSent: "5/1 04"}},
		{"a ROUTE-REFRESH", wire.AppendRefresh(nil, bgp.IPv4Unicast, wire.RefreshRequest), map[State]string{OpenSent: "5/1 05", OpenConfirm: "5/2 05"}},
		// It needs no answer, and gets none.
		{"a NOTIFICATION", wire.AppendNotification(nil, bgp.Cease(bgp.CeaseOutOfResources, "")), map[State]string{OpenSent: "", OpenConfirm: "", Established: ""}},
		{"a NOTIFICATION that nobody knows", wire.AppendNotification(nil, &bgp.Notification{Code: 99, Subcode: 9}), map[State]string{OpenSent: "", OpenConfirm: "", Established: ""}},
	} {
		for _, s := range stages {
			if want, out := c.want[s.state]; out {
				t.Run(fmt.Sprintf("%s in %s", c.name, s.state), func(t *testing.T) { s.meet(t, opening(), c.octets, want) })
			}
		}
	}
}

func TestRefreshesAndTheirFaults(t *testing.T) {
	refresh := func(body ...byte) []byte { return message(wire.TypeRouteRefresh, body...) }
	for _, c := range []struct {
		name                   string
		octets                 []byte
		enhanced, plain, never string // what comes of it with RFC 7313, with RFC 2918, with neither: a NOTIFICATION or what the handler hears
	}{
		{"a request", refresh(0, 1, 0, 1), "refresh ipv4", "refresh ipv4", "nothing"},
		{"a request for a family that was not negotiated", refresh(0, 25, 0, 70), "nothing", "nothing", "nothing"},
		{"no body", refresh(), "7/1 ffffffffffffffffffffffffffffffff001305", "1/2 0013", "nothing"},
		{"a body of three octets", refresh(0, 1, 0), "7/1 ffffffffffffffffffffffffffffffff001605000100", "1/2 0016", "nothing"},
		{"a body of five octets", refresh(0, 1, 1, 1, 9), "7/1 ffffffffffffffffffffffffffffffff0018050001010109", "1/2 0018", "nothing"},
		{"a subtype that does not exist", refresh(0, 1, 3, 1), "nothing", "refresh ipv4", "nothing"},
		{"a subtype that does not exist, of five octets", refresh(0, 1, 3, 1, 9), "nothing", "1/2 0018", "nothing"},
	} {
		for _, p := range []struct {
			how, want         string
			refresh, enhanced bool
		}{{"enhanced", c.enhanced, true, true}, {"plain", c.plain, true, false}, {"never offered", c.never, false, false}} {
			t.Run(c.name+", "+p.how, func(t *testing.T) {
				o, want := opening(), p.want
				o.Capabilities.RouteRefresh, o.Capabilities.EnhancedRefresh = p.refresh, p.enhanced
				if strings.Contains(want, "/") {
					stages[2].meet(t, o, c.octets, want)
					return
				}
				virtual.Test(t, func(t *testing.T) {
					b := newBench(t, client())
					defer b.end()
					f := b.connect()
					f.establish(o)
					f.send(c.octets...)
					f.send(plain("10.0.0.0/24")...)
					synctest.Wait()
					got := strings.Join(b.rec.story, ", ")
					if want != "nothing" {
						want = "up h1, " + want + ", announce 10.0.0.0/24 with 1 2 3 5"
					} else {
						want = "up h1, announce 10.0.0.0/24 with 1 2 3 5"
					}
					if got != want {
						t.Errorf("the handler heard %s; want %s", got, want)
					}
				})
			})
		}
	}
}
