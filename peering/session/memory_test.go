package session

import (
	"context"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"
)

// memory is a transport within the process. Its window is as large as the test
// wants; times are those of the bubble the test runs in.
type memory struct {
	local, remote netip.AddrPort
	in, out       *half
}

// half is one direction.
type half struct {
	mu       sync.Mutex
	change   *sync.Cond
	octets   []byte
	window   int
	ended    bool // no more will be written
	closed   bool // nobody reads any more
	deaf     bool // nobody is there: nothing is acknowledged
	deadline time.Time

	latency  func() time.Duration // nil: none
	arrival  time.Time            // of what was written last
	underway int
}

func newHalf(window int) *half {
	h := &half{window: window}
	h.change = sync.NewCond(&h.mu)
	return h
}

// connect makes the two ends of a connection.
func connect(a, b netip.AddrPort, window int) (*memory, *memory) {
	ab, ba := newHalf(window), newHalf(window)
	return &memory{a, b, ba, ab}, &memory{b, a, ab, ba}
}

func (m *memory) Await() error {
	h := m.in
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.await()
}

func (m *memory) Unanswered() time.Duration {
	h := m.out
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.deaf {
		return 24 * time.Hour
	}
	return 0
}

// vanish has the peer be gone without a word.
func (m *memory) vanish() {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	m.in.deaf = true
}

func (m *memory) Read(b []byte) (int, error) {
	h := m.in
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.await(); err != nil {
		return 0, err
	}
	if len(h.octets) == 0 {
		return 0, io.EOF
	}
	n := copy(b, h.octets)
	h.octets = h.octets[n:]
	h.change.Broadcast()
	return n, nil
}

// await waits until there are octets, or there will be none.
func (h *half) await() error {
	for {
		switch {
		case !h.deadline.IsZero() && !time.Now().Before(h.deadline):
			return os.ErrDeadlineExceeded
		case len(h.octets) > 0, h.ended:
			return nil
		case h.closed:
			return io.ErrClosedPipe
		}
		h.change.Wait()
	}
}

func (m *memory) SetReadDeadline(at time.Time) error {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	m.in.deadline = at
	if !at.IsZero() {
		time.AfterFunc(time.Until(at), m.in.change.Broadcast)
	}
	return nil
}

func (m *memory) Pending() bool {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	return len(m.in.octets) > 0
}

func (m *memory) Ended() bool {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	return m.in.ended
}

func (m *memory) Write(octets [][]byte) (int, error) {
	m.out.mu.Lock()
	defer m.out.mu.Unlock()
	return m.out.take(octets)
}

func (h *half) take(octets [][]byte) (int, error) {
	if h.closed || h.ended {
		return 0, io.ErrClosedPipe
	}
	var taken []byte
	for _, b := range octets {
		room := h.window - len(h.octets) - h.underway - len(taken)
		taken = append(taken, b[:min(room, len(b))]...)
	}
	if len(taken) == 0 {
		return 0, errAgain
	}
	h.underway += len(taken)
	h.later(func() {
		h.underway -= len(taken)
		h.octets = append(h.octets, taken...)
	})
	return len(taken), nil
}

// later has something arrive after the latency, in order; mu is held.
func (h *half) later(arrive func()) {
	if h.latency == nil {
		arrive()
		h.change.Broadcast()
		return
	}
	at := time.Now().Add(h.latency())
	if at.Before(h.arrival) {
		at = h.arrival
	}
	at = at.Add(time.Nanosecond)
	h.arrival = at
	time.AfterFunc(time.Until(at), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		arrive()
		h.change.Broadcast()
	})
}

func (m *memory) WriteWait(octets [][]byte, deadline time.Time) (int, error) {
	h := m.out
	h.mu.Lock()
	defer h.mu.Unlock()
	timer := time.AfterFunc(time.Until(deadline), h.change.Broadcast)
	defer timer.Stop()
	for {
		n, err := h.take(octets)
		if err != errAgain {
			return n, err
		}
		if !time.Now().Before(deadline) {
			return 0, os.ErrDeadlineExceeded
		}
		h.change.Wait()
	}
}

func (m *memory) CloseWrite() {
	m.out.mu.Lock()
	defer m.out.mu.Unlock()
	m.out.later(func() { m.out.ended = true })
}

func (m *memory) Close() {
	m.CloseWrite()
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	m.in.closed = true
	m.in.change.Broadcast()
}

func (m *memory) Local() netip.AddrPort  { return m.local }
func (m *memory) Remote() netip.AddrPort { return m.remote }

// wireBetween is a network of servers in memory: dialling an address reaches the
// server that has it, after a delay.
type wireBetween struct {
	mu      sync.Mutex
	servers map[netip.Addr]*Server
	delay   func() time.Duration
	window  int
	port    uint16
}

// end is a server's access to the network.
type end struct {
	net  *wireBetween
	addr netip.Addr
}

func (e *end) dial(ctx context.Context, remote netip.Addr, _ int, _ string) (transport, error) {
	time.Sleep(time.Millisecond + e.net.delay()) // nobody is called before it runs
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	s := e.net.servers[remote]
	if s == nil || ctx.Err() != nil {
		return nil, os.ErrDeadlineExceeded
	}
	e.net.port++
	mine, theirs := connect(netip.AddrPortFrom(e.addr, 1000+e.net.port), netip.AddrPortFrom(remote, 179), e.net.window)
	mine.in.latency, mine.out.latency = e.net.delay, e.net.delay
	go func() {
		time.Sleep(e.net.delay())
		s.incoming(theirs)
	}()
	return mine, nil
}
