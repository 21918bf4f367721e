package bfd

import (
	"errors"
	"net/netip"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cable joins servers in memory. Time on it is that of the test's bubble.
type cable struct {
	mu    sync.Mutex
	cut   bool
	deaf  bool // readers are not woken: they are late
	hops  int  // that packets lose of their TTL
	ports map[netip.AddrPort]*fakeSocket
	taken bool // ports can't be had
	sent  map[uint16]int
}

func newCable() *cable {
	return &cable{ports: map[netip.AddrPort]*fakeSocket{}, sent: map[uint16]int{}}
}

// plug is an address on the cable.
type plug struct {
	cable *cable
	addr  netip.Addr
}

func (p plug) listen(ipv4 bool, port uint16) (socket, error) {
	p.cable.mu.Lock()
	defer p.cable.mu.Unlock()
	if p.cable.taken {
		return nil, errors.New("taken")
	}
	s := &fakeSocket{plug: p, port: port, wake: make(chan struct{}, 1), over: make(chan struct{})}
	p.cable.ports[netip.AddrPortFrom(p.addr, port)] = s
	return s, nil
}

func (p plug) source(ipv4 bool) (socket, error) { return p.listen(ipv4, sourceLeast) }

type fakeSocket struct {
	plug
	port  uint16
	queue []fakePacket
	wake  chan struct{}
	over  chan struct{}
}

type fakePacket struct {
	octets []byte
	a      arrival
}

func (s *fakeSocket) wait() error {
	select {
	case <-s.wake:
		return nil
	case <-s.over:
		return os.ErrClosed
	}
}

func (s *fakeSocket) read(b []byte) (n int, a arrival, ok bool) {
	s.cable.mu.Lock()
	defer s.cable.mu.Unlock()
	if len(s.queue) == 0 {
		return 0, arrival{}, false
	}
	p := s.queue[0]
	s.queue = s.queue[1:]
	return copy(b, p.octets), p.a, true
}

func (s *fakeSocket) write(b []byte, from netip.Addr, to netip.AddrPort) {
	c := s.cable
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[to.Port()]++
	there := c.ports[to]
	if there == nil || c.cut {
		return
	}
	there.queue = append(there.queue, fakePacket{append([]byte(nil), b...), arrival{from: s.addr, to: to.Addr(), port: to.Port(), ttl: 255 - c.hops}})
	if !c.deaf {
		there.notify()
	}
}

func (s *fakeSocket) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *fakeSocket) close() {
	s.cable.mu.Lock()
	defer s.cable.mu.Unlock()
	delete(s.cable.ports, netip.AddrPortFrom(s.addr, s.port))
	close(s.over)
}

func (c *cable) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *cable) sentTo(port uint16) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[port]
}

// open counts the sockets that packets may arrive at.
func (c *cable) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ports)
}
