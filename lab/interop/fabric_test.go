package interop

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"heddle/internal/oracle"
	"heddle/lab/netns"
)

// asn is everybody's.
const asn = 64512

// patience bounds every wait. It is long, since the machine may be slow; nothing
// ever waits for its end but a test that fails.
const patience = 2 * time.Minute

// fabric is a switch with hosts, one of which is the reflector.
type fabric struct {
	test     *testing.T
	t        *testing.T // of the step under way
	lab      *netns.Lab
	sw       *netns.Space
	dir      string
	ipv6     bool // sessions run over IPv6
	self     *reflector
	tap      *tap
	speakers []speaker
}

// newFabric starts a reflector on a switch, with the inventory and flags given.
func newFabric(t *testing.T, name, inventory string, flags ...string) *fabric {
	t.Helper()
	f := emptyFabric(t, name)
	f.self = f.reflector("heddle", 1, inventory, flags...)
	f.listen()
	f.self.start()
	return f
}

// listen taps the reflector.
func (f *fabric) listen() {
	f.t.Helper()
	tap, err := listen(f.self.space, "eth0", f.self.v4, f.self.v6)
	f.must(err)
	f.test.Cleanup(tap.close)
	f.tap = tap
}

func emptyFabric(t *testing.T, name string) *fabric {
	t.Helper()
	lab, err := netns.New(name)
	if err != nil {
		t.Fatal(err)
	}
	f := &fabric{test: t, t: t, lab: lab, dir: filepath.Join(work, name)}
	f.must(os.RemoveAll(f.dir)) // of the same test, where it is run again
	f.must(os.Mkdir(f.dir, 0o755))
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	f.sw, err = lab.Switch("switch")
	f.must(err)
	return f
}

func (f *fabric) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// step is a part of a story: it goes on only if the part before went well.
func (f *fabric) step(name string, part func()) {
	f.t.Helper()
	whole := f.t
	defer func() { f.t = whole }()
	if !whole.Run(name, func(t *testing.T) { f.t = t; part() }) {
		f.t = whole
		whole.FailNow()
	}
}

// until waits for a condition, which says what is missing.
func (f *fabric) until(what string, missing func() string) {
	f.t.Helper()
	f.within(patience, what, missing)
}

func (f *fabric) within(limit time.Duration, what string, missing func() string) {
	f.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(30 * time.Millisecond) {
		text := missing()
		if text == "" {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("gave up after %s: %s\n%s", limit, what, text)
		}
	}
}

// host is a machine of the fabric, 192.0.2.N and 2001:db8::N.
type host struct {
	f      *fabric
	name   string
	n      byte
	space  *netns.Space
	dir    string
	v4, v6 netip.Addr

	running  bool
	starts   int // sessions it must have had at least
	offers   map[netip.Prefix]offer
	passesOn bool // is a reflector itself
}

func (f *fabric) host(name string, n byte) *host {
	f.t.Helper()
	space, err := f.lab.Space(name)
	f.must(err)
	h := &host{f: f, name: name, n: n, space: space, dir: filepath.Join(f.dir, name), offers: map[netip.Prefix]offer{}}
	h.v4, h.v6 = v4Of(n), v6Of(n)
	f.must(os.Mkdir(h.dir, 0o700))
	f.test.Cleanup(func() {
		if f.test.Failed() && tail(h.path("log")) != "" {
			f.test.Logf("the end of %s's log:\n%s", name, tail(h.path("log")))
		}
	})
	f.must(f.lab.Connect(netns.End{Space: f.sw}, netns.End{Space: space, Addresses: []netip.Prefix{netip.PrefixFrom(h.v4, 24), netip.PrefixFrom(h.v6, 64)}}))
	return h
}

func v4Of(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }

func v6Of(n byte) netip.Addr { return netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 15: n}) }

// address is the one sessions use.
func (h *host) address() netip.Addr {
	if h.f.ipv6 {
		return h.v6
	}
	return h.v4
}

// hop is the one routes of a family point to.
func (h *host) hop(p netip.Prefix) netip.Addr {
	if p.Addr().Is4() {
		return h.v4
	}
	return h.v6
}

// file writes a file for the host.
func (h *host) file(name, content string) string {
	path := filepath.Join(h.dir, name)
	h.f.must(os.WriteFile(path, []byte(content), 0o600))
	return path
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

// id is a router or cluster ID as the oracle has it.
func id(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// prefixes of a host: number K of each family.
func (h *host) v4Route(k byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, h.n, k}), 32)
}

func (h *host) v6Route(k byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 13: h.n, 15: k}), 128)
}

// tail is the end of a log, for failures; empty if there is none.
func tail(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	// FRR misses its zebra with every next hop.
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "sendmsg_nexthop: zclient") })
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

// model is the reflector as the RFCs have it, fed with what its peers said.
func (f *fabric) model() *oracle.Model {
	m := oracle.NewModel(asn, id(f.self.v4), id(f.self.cluster))
	for _, s := range f.speakers {
		h := s.who()
		f.tap.session(h.address(), func(w *wire) {
			m.Up(oracle.Peer{
				Name: h.name, Client: !f.self.nonClients[h.name], RouterID: id(w.in.open.routerID), Address: h.address(),
				IPv4: w.in.open.ipv4 && w.out.open.ipv4, IPv6: w.in.open.ipv6 && w.out.open.ipv6,
			})
			for prefix, route := range w.in.routes {
				m.Announce(h.name, prefix, route)
			}
		})
	}
	return m
}

// start starts speakers, all at once.
func (f *fabric) start(speakers ...speaker) {
	f.t.Helper()
	for _, s := range speakers {
		if !slices.Contains(f.speakers, s) {
			f.speakers = append(f.speakers, s)
		}
		h := s.who()
		h.running = true
		h.starts++
		s.start()
	}
}

// startWith starts speakers that have offers to make.
func (f *fabric) startWith(speakers []speaker, offers func(*host) []offer) {
	f.t.Helper()
	for _, s := range speakers {
		for _, o := range offers(s.who()) {
			s.who().offers[o.prefix] = o
		}
	}
	f.start(speakers...)
}

// kill ends a speaker without letting it say goodbye.
func (f *fabric) kill(s speaker) {
	f.t.Helper()
	s.kill()
	s.who().running = false
}

// ended notes that the reflector has ended a speaker's session and will not have
// it back.
func (f *fabric) ended(s speaker) { s.who().running = false }

// undisturbed sees to it that peers hear nothing but keepalives during an act.
func (f *fabric) undisturbed(peers []speaker, act func()) {
	f.t.Helper()
	before := map[speaker]told{}
	for _, s := range peers {
		before[s] = f.tap.told(s.who().address())
	}
	act()
	for _, s := range peers {
		if now := f.tap.told(s.who().address()); now != before[s] {
			f.t.Errorf("%s was told %+v, and %+v before", s.who().name, now, before[s])
		}
	}
}

func (f *fabric) announce(s speaker, offers ...offer) {
	f.t.Helper()
	for _, o := range offers {
		s.who().offers[o.prefix] = o
	}
	s.announce(offers...)
}

func (f *fabric) withdraw(s speaker, prefixes ...netip.Prefix) {
	f.t.Helper()
	for _, p := range prefixes {
		delete(s.who().offers, p)
	}
	s.withdraw(prefixes...)
}

// agree waits until everything is as it should be: sessions are up with who runs
// and with nobody else, each speaker said what it was told to say, was sent what
// the model says, octet for octet, and holds that in its own words.
func (f *fabric) agree() {
	f.t.Helper()
	f.until("everybody to say, be sent and hold what they should", func() string {
		f.must(f.tap.failed())
		if text := f.each(f.saidOffers); text != "" {
			return text
		}
		m := f.model()
		if text := f.each(func(s speaker) string { return f.wasSent(m, s) }); text != "" {
			return text
		}
		return f.each(func(s speaker) string { return f.holdsThat(m, s) })
	})
}

func (f *fabric) each(look func(speaker) string) string {
	var text strings.Builder
	for _, s := range f.speakers {
		if fault := look(s); fault != "" {
			fmt.Fprintf(&text, "%s %s", s.who().name, fault)
		}
	}
	return text.String()
}

// saidOffers compares what a speaker said to the reflector with its offers.
func (f *fabric) saidOffers(s speaker) string {
	h := s.who()
	said := views{}
	up := f.tap.session(h.address(), func(w *wire) {
		for prefix, route := range w.in.routes {
			said[prefix] = h.offers[prefix].only(viewOf(route))
		}
	})
	if up != h.running {
		return fmt.Sprintf("has a session: %v, want %v\n", up, h.running)
	}
	if _, sessions := f.tap.connections(h.address()); sessions < h.starts {
		return fmt.Sprintf("had %d sessions, want %d\n", sessions, h.starts)
	}
	if !up {
		return ""
	}
	want := views{}
	for prefix, o := range h.offers {
		want[prefix] = o.view(h)
	}
	if h.passesOn {
		maps.DeleteFunc(said, func(p netip.Prefix, _ view) bool { _, own := h.offers[p]; return !own })
	}
	return heading("said", difference(said, want))
}

func (f *fabric) wasSent(m *oracle.Model, s speaker) string {
	var sent oracle.Table
	var unended string
	if !f.tap.session(s.who().address(), func(w *wire) { sent, unended = maps.Clone(w.out.replay.Table), w.unended() }) {
		return ""
	}
	if fault := heading("was sent", difference(sent, m.Expected(s.who().name))); fault != "" {
		return fault
	}
	return unended
}

func (f *fabric) holdsThat(m *oracle.Model, s speaker) string {
	if !s.who().running {
		return ""
	}
	held, err := s.holds()
	if err != nil {
		return fmt.Sprintf("does not say what it holds: %v\n", err)
	}
	want := viewsOf(m.Expected(s.who().name)).through(s.blind)
	return heading("holds", difference(held.through(s.blind), want))
}

func heading(what, text string) string {
	if text == "" {
		return ""
	}
	return what + "\n" + text
}
