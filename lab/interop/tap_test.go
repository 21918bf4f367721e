package interop

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"heddle/internal/oracle"
	"heddle/lab/netns"
)

// tap reads along on an interface of the reflector and follows every connection of
// port 179.
type tap struct {
	socket *os.File
	local  map[netip.Addr]bool
	deaf   map[netip.Addr]bool // peers whose words are not for reading
	ended  chan struct{}

	mu    sync.Mutex
	wires []*wire // in order of their first segment
	fault error   // what a peer or the reflector said that can't be read
}

// wire is one connection.
type wire struct {
	local, peer netip.AddrPort
	in, out     side // from the peer, to the peer
	over        bool
}

// side is one direction of a connection.
type side struct {
	stream
	framer
	begun        bool
	open         *hello
	counts       [6]int // messages by type
	refreshes    int    // requests for a refresh
	octets       int
	notification []byte // body
	replay       *oracle.Replay
	routes       map[netip.Prefix]oracle.Route
	said         map[netip.Prefix]int // how often each was announced
	withdrawn    map[netip.Prefix]int
	ended        [2]map[netip.Prefix]bool // what was said by the first End-of-RIB, IPv4 first
}

func (s *side) begin(first uint32) {
	*s = side{stream: newStream(first), begun: true, replay: oracle.NewReplay(), routes: map[netip.Prefix]oracle.Route{}, said: map[netip.Prefix]int{}, withdrawn: map[netip.Prefix]int{}}
	s.replay.On = func(e oracle.Event) {
		switch {
		case e.Route != nil:
			s.routes[e.Prefix] = *e.Route
			s.said[e.Prefix]++
		case e.Prefix.IsValid():
			delete(s.routes, e.Prefix)
			s.withdrawn[e.Prefix]++
		}
		for i, text := range []string{"end-of-rib ipv4", "end-of-rib ipv6"} {
			if e.Text == text && s.ended[i] == nil {
				s.ended[i] = map[netip.Prefix]bool{}
				for p := range s.routes {
					s.ended[i][p] = true
				}
			}
		}
	}
}

// listen opens a tap on an interface.
func listen(space *netns.Space, port string, local ...netip.Addr) (*tap, error) {
	t := &tap{local: map[netip.Addr]bool{}, deaf: map[netip.Addr]bool{}, ended: make(chan struct{})}
	for _, a := range local {
		t.local[a] = true
	}
	err := space.Do(func() error {
		link, err := net.InterfaceByName(port)
		if err != nil {
			return err
		}
		every := uint16(unix.ETH_P_ALL)>>8 | uint16(unix.ETH_P_ALL&0xff)<<8
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(every))
		if err != nil {
			return err
		}
		t.socket = os.NewFile(uintptr(fd), "tap")
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: every, Ifindex: link.Index})
	})
	if err != nil {
		return nil, fmt.Errorf("tap on %s of %s: %w", port, space.Name, err)
	}
	go t.run()
	return t, nil
}

func (t *tap) close() {
	_ = t.socket.Close()
	<-t.ended
}

func (t *tap) run() {
	defer close(t.ended)
	buffer := make([]byte, 128<<10)
	for {
		n, err := t.socket.Read(buffer)
		if err != nil {
			return
		}
		if s, ok := readSegment(buffer[:n]); ok && (s.from.Port() == 179 || s.to.Port() == 179) {
			t.take(s)
		}
	}
}

func (t *tap) take(s segment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w, half := t.find(s)
	if w == nil || t.deaf[w.peer.Addr()] {
		return
	}
	if s.syn && !half.begun {
		half.begin(s.seq + 1)
	}
	if !half.begun {
		return
	}
	if err := w.hear(half, half.take(s.seq, s.payload)); err != nil && t.fault == nil {
		t.fault = fmt.Errorf("%s → %s: %w", s.from, s.to, err)
	}
	w.over = w.over || s.fin || s.rst
}

// find returns the connection of a segment and the direction it went.
func (t *tap) find(s segment) (*wire, *side) {
	local, peer := s.from, s.to
	if t.local[s.to.Addr()] {
		local, peer = s.to, s.from
	}
	for i := len(t.wires) - 1; i >= 0; i-- {
		w := t.wires[i]
		if w.local != local || w.peer != peer || w.over && s.syn {
			continue
		}
		if s.from == peer {
			return w, &w.in
		}
		return w, &w.out
	}
	if !s.syn {
		return nil, nil
	}
	w := &wire{local: local, peer: peer}
	t.wires = append(t.wires, w)
	if s.from == peer {
		return w, &w.in
	}
	return w, &w.out
}

// hear reads octets that went one way.
func (w *wire) hear(half *side, octets []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed: %v", r)
		}
	}()
	half.octets += len(octets)
	messages, err := half.feed(octets)
	for _, m := range messages {
		if failed := w.message(half, m); failed != nil {
			return failed
		}
	}
	return err
}

func (w *wire) message(half *side, m message) error {
	half.counts[m.typ]++
	switch m.typ {
	case typeOpen:
		h := readOpen(m.body)
		half.open = &h
	case typeNotification:
		half.notification, w.over = m.body, true
	case typeUpdate:
		narrow := w.in.open.narrow || w.out.open.narrow
		whole := m.whole
		if half == &w.in || narrow {
			whole = straighten(m, narrow, half == &w.in)
		}
		return half.replay.Feed(whole)
	case typeRefresh:
		if m.body[2] == 0 {
			half.refreshes++
		}
		return half.replay.Feed(m.whole)
	}
	return nil
}

// up says whether the connection is a session: both sides confirmed it.
func (w *wire) up() bool {
	return !w.over && w.in.counts[typeKeepalive] > 0 && w.out.counts[typeKeepalive] > 0
}

// unended names a family of the session whose End-of-RIB the peer was not told.
func (w *wire) unended() string {
	for i, agreed := range []bool{w.in.open.ipv4 && w.out.open.ipv4, w.in.open.ipv6 && w.out.open.ipv6} {
		if agreed && w.out.replay.EndOfRIB[i] == 0 {
			return fmt.Sprintf("was not told End-of-RIB of %s\n", [2]string{"IPv4", "IPv6"}[i])
		}
	}
	return ""
}

// session calls f with the session of a peer, if it has one, while nothing moves.
func (t *tap) session(peer netip.Addr, f func(*wire)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.wires) - 1; i >= 0; i-- {
		if w := t.wires[i]; w.peer.Addr() == peer && w.up() {
			f(w)
			return true
		}
	}
	return false
}

// failed says what was on the wire that can't be read.
func (t *tap) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fault
}

// connections counts the connections with a peer that came to something: at least
// an OPEN from it.
func (t *tap) connections(peer netip.Addr) (opened, sessions int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.wires {
		if w.peer.Addr() != peer {
			continue
		}
		if w.in.counts[typeOpen] > 0 {
			opened++
		}
		if w.in.counts[typeKeepalive] > 0 && w.out.counts[typeKeepalive] > 0 {
			sessions++
		}
	}
	return opened, sessions
}

// told is what a peer was sent beyond keepalives, on all its connections.
type told struct{ sessions, updates, octets int }

func (t *tap) told(peer netip.Addr) (sum told) {
	_, sum.sessions = t.connections(peer)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.wires {
		if w.peer.Addr() == peer {
			sum.updates += w.out.counts[typeUpdate]
			sum.octets += w.out.octets - 19*w.out.counts[typeKeepalive]
		}
	}
	return sum
}

// ignore has the tap not read what a peer says.
func (t *tap) ignore(peer netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deaf[peer] = true
}

// notified is the body of the last NOTIFICATION to a peer.
func (t *tap) notified(peer netip.Addr) (body []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.wires {
		if w.peer.Addr() == peer && w.out.notification != nil {
			body = w.out.notification
		}
	}
	return body
}
