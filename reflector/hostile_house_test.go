package reflector_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/reflector"
	"heddle/reflector/rib"
)

// patience bounds every wait of a test that fails.
const patience = time.Minute

const fabricAS, outsideAS = 64512, 65001

// house is sessions and tables as the daemon wires them, on loopback.
type house struct {
	test     *testing.T // that it lasts for
	t        *testing.T // under way
	at       netip.AddrPort
	sessions *session.Server
	tables   *reflector.Reflector
}

// newHouse runs one until the test ends, with the configuration as setup leaves it.
func newHouse(t *testing.T, setup func(*session.Config), specs ...peering.Session) *house {
	t.Helper()
	listener, err := session.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{test: t, t: t, at: listener.Addr()}
	log := slog.New(slog.DiscardHandler)
	h.tables = reflector.New(reflector.Config{Self: rib.Self{ASN: fabricAS, RouterID: 0x7f000001, Cluster: 0x7f000001}, Log: log})
	config := session.Config{
		Self: session.Self{ASN: fabricAS, RouterID: 0x7f000001}, Listeners: []*session.Listener{listener}, Handler: h.tables, Log: log,
	}
	setup(&config)
	h.sessions = session.New(config)
	h.tables.Attach(h.sessions)
	ctx, stop := context.WithCancel(context.Background())
	background, stopTables := context.WithCancel(context.Background())
	var over sync.WaitGroup
	over.Go(func() { _ = h.tables.Run(background) })
	over.Go(func() { _ = h.sessions.Run(ctx); stopTables() })
	t.Cleanup(func() { stop(); over.Wait() })
	peering.Sort(specs)
	h.sessions.Apply(&peering.Plan{Sessions: specs})
	return h
}

// usual is a configuration with nothing out of the ordinary.
func usual(*session.Config) {}

// guest is a peer of a kind at 127.N.0.1. All come to us, routers too.
func guest(n byte, kind peering.Kind) peering.Session {
	s := peering.Session{
		Remote: netip.AddrFrom4([4]byte{127, n, 0, 1}), Role: "host", Rack: "r1", Source: peering.SourceEtcd, Kind: kind,
		RemoteASN: fabricAS, Passive: true, Families: bgp.FamiliesOf(bgp.Families[:]...), HoldTime: 90 * time.Second,
	}
	if kind == peering.External {
		s.Role, s.RemoteASN = "tor", outsideAS
	}
	s.Name = fmt.Sprintf("%s %d", kind, n)
	return s
}

// status is a peer as the sessions have it.
func (h *house) status(spec peering.Session) session.Status {
	for _, s := range h.sessions.Peers() {
		if s.Spec.Remote == spec.Remote {
			return s
		}
	}
	return session.Status{}
}

// speaker is the far end of a session: it says what it is told to, octet for octet,
// and keeps what it hears.
type speaker struct {
	h    *house
	spec peering.Session
	conn *net.TCPConn
	news chan struct{} // something was heard; one is enough
	over chan struct{} // the connection is

	mu           sync.Mutex
	replay       *oracle.Replay
	notification []byte // body
	keepalives   int
	err          error
}

// dial connects and says nothing.
func (h *house) dial(spec peering.Session) *speaker {
	h.t.Helper()
	d := net.Dialer{Timeout: patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(spec.Remote, 0))}
	conn, err := d.Dial("tcp", h.at.String())
	if err != nil {
		h.t.Fatal(err)
	}
	s := &speaker{
		h: h, spec: spec, conn: conn.(*net.TCPConn), replay: oracle.NewReplay(),
		news: make(chan struct{}, 1), over: make(chan struct{}),
	}
	go s.listen()
	h.test.Cleanup(s.hangUp)
	return s
}

// join opens a session, with capabilities beyond the usual.
func (h *house) join(spec peering.Session, more ...byte) *speaker {
	h.t.Helper()
	s := h.dial(spec)
	s.say(openOf(spec, more...), frame(4))
	s.await("the session", func() bool { return s.keepalives > 0 })
	h.await(spec.Name+" to be Established", func() bool { return h.status(spec).State == session.Established })
	return s
}

// openOf is the OPEN of a guest: both families, four-octet AS, route refresh. Its
// identifier is its address.
func openOf(spec peering.Session, more ...byte) []byte {
	caps := []byte{1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4}
	caps = append(binary.BigEndian.AppendUint32(caps, uint32(spec.RemoteASN)), more...)
	body := binary.BigEndian.AppendUint16([]byte{4}, uint16(spec.RemoteASN))
	body = append(append(body, 0, 90), spec.Remote.AsSlice()...)
	return frame(1, append(append(body, byte(len(caps)+2), 2, byte(len(caps))), caps...)...)
}

// frame is a message of a type.
func frame(typ byte, body ...byte) []byte {
	m := slices.Repeat([]byte{0xff}, 16)
	m = binary.BigEndian.AppendUint16(m, uint16(19+len(body)))
	return append(append(m, typ), body...)
}

func (s *speaker) say(messages ...[]byte) {
	for _, m := range messages {
		_, _ = s.conn.Write(m) // what becomes of it, the reader sees
	}
}

func (s *speaker) hangUp() {
	_ = s.conn.Close()
	<-s.over
}

func (s *speaker) listen() {
	defer close(s.over)
	var rest []byte
	buffer := make([]byte, 64<<10)
	for {
		n, err := s.conn.Read(buffer)
		rest = append(rest, buffer[:n]...)
		s.mu.Lock()
		for len(rest) >= 19 && len(rest) >= int(binary.BigEndian.Uint16(rest[16:])) {
			length := binary.BigEndian.Uint16(rest[16:])
			s.hear(rest[:length])
			rest = rest[length:]
		}
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *speaker) hear(m []byte) {
	switch m[18] {
	case 1:
	case 3:
		s.notification = slices.Clone(m[19:])
	case 4:
		s.keepalives++
	default:
		if err := s.replay.Feed(m); err != nil {
			s.err = err
		}
	}
}

// await waits until a condition holds of what was heard.
func (s *speaker) await(what string, holds func() bool) {
	s.h.t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		done, err := holds(), s.err
		s.mu.Unlock()
		if err != nil {
			s.h.t.Fatalf("%s was sent what is no route: %v", s.spec.Name, err)
		}
		if done {
			return
		}
		select {
		case <-s.news:
		case <-late:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.h.t.Fatalf("%s waits for %s; it holds\n%v\nand heard NOTIFICATION % x", s.spec.Name, what, s.replay.Table, s.notification)
		}
	}
}

// await waits for what the sessions know, of which there is no news.
func (h *house) await(what string, holds func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// held is the text of a route that the speaker was told.
func (s *speaker) held(prefix netip.Prefix) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replay.Table[prefix]
}

// ended waits for the end of the session and returns "code/subcode" of the
// NOTIFICATION, or "" if there was none.
func (s *speaker) ended() string {
	s.h.t.Helper()
	select {
	case <-s.over:
	case <-time.After(patience):
		s.h.t.Fatalf("the session of %s lives", s.spec.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notification) < 2 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.notification[0], s.notification[1])
}

// through waits until the listener was told all that came of what the speaker said
// until now: a route of its own is changed twice, so that the second change is in
// a flush after the one with the rest.
func (s *speaker) through(listener *speaker, mark *uint32) {
	s.h.t.Helper()
	for range 2 {
		*mark++
		route := oracle.Plain(netip.MustParseAddr("192.0.2.9")).With(oracle.Attr{Flags: 0x80, Type: 4, Value: oracle.Number(*mark)})
		if s.spec.Kind == peering.External {
			route = route.With(oracle.Attr{Flags: 0x40, Type: 2, Value: []byte{2, 1, 0, 0, 0xfd, 0xe9}})
		}
		s.say(oracle.Announce(route, markPrefix))
		want := fmt.Sprintf(" 4/80:%08x", *mark)
		listener.await("a mark of "+s.spec.Name, func() bool { return strings.Contains(listener.replay.Table[markPrefix], want) })
	}
}

var markPrefix = netip.MustParsePrefix("10.250.0.0/16")

// counted adds up a peer's faults by consequence.
func counted(s session.Status) (counts [wire.ResetSession + 1]uint64) {
	for _, f := range s.Faults {
		counts[f.Consequence] += f.Count
	}
	return counts
}
