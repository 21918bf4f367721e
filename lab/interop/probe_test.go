package interop

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"

	"heddle/internal/oracle"
)

// probe is a speaker without an opinion: it says what it is told to, octet for
// octet, and writes down what it hears.
type probe struct {
	*host
	hello     hello
	neighbors []neighbor
	foreign   bool // its peer is not ours, and orders attributes as it likes

	mu      sync.Mutex
	conn    net.Conn
	session *hearing // of the last connection
}

// hearing is what a probe heard on one connection.
type hearing struct {
	up           chan struct{} // closed by the first KEEPALIVE
	over         chan struct{} // closed when the connection is
	counts       [6]int
	peer         hello
	updates      [][]byte // as they came
	notification []byte   // body
	replay       *oracle.Replay
	err          error
}

func (f *fabric) probe(name string, n byte, neighbors ...neighbor) *probe {
	h := f.host(name, n)
	if neighbors == nil {
		neighbors = []neighbor{h.heddleOf()}
	}
	return h.probe(neighbors...)
}

// probe is a session of a host that may have more.
func (h *host) probe(neighbors ...neighbor) *probe {
	return &probe{host: h, neighbors: neighbors, hello: hello{
		asn: asn, hold: 90, routerID: h.v4, ipv4: true, ipv6: true, enhanced: true,
	}}
}

// start opens the session and says all there is to say.
func (p *probe) start() {
	p.f.t.Helper()
	p.f.until(p.name+" to have a session", func() string {
		if err := p.connect(); err != nil {
			return err.Error()
		}
		return ""
	})
	for _, o := range p.offers {
		p.announce(o)
	}
	p.write(oracle.EndOfRIB(true))
	p.write(oracle.EndOfRIB(false))
}

// connect opens a session, once.
func (p *probe) connect() error {
	if err := p.dial(append(p.hello.open(), frame(typeKeepalive, nil)...)); err != nil {
		return err
	}
	s := p.session
	select {
	case <-s.up:
		go p.keepAlive(p.conn, s)
		return nil
	case <-s.over:
		p.mu.Lock()
		defer p.mu.Unlock()
		return fmt.Errorf("refused: NOTIFICATION % x, %v", s.notification, s.err)
	}
}

// dial opens a connection and says what is given on it.
func (p *probe) dial(first []byte) error {
	remote := p.neighbors[0].address
	local := p.v4
	if remote.Is6() {
		local = p.v6
	}
	var conn net.Conn
	err := p.space.Do(func() (err error) {
		d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))}
		conn, err = d.DialContext(context.Background(), "tcp", netip.AddrPortFrom(remote, 179).String())
		return err
	})
	if err != nil {
		return err
	}
	s := &hearing{up: make(chan struct{}), over: make(chan struct{}), replay: oracle.NewReplay()}
	p.mu.Lock()
	p.conn, p.session = conn, s
	p.mu.Unlock()
	if _, err := conn.Write(first); err != nil {
		return err
	}
	p.f.test.Cleanup(func() { _ = conn.Close() })
	go p.listen(conn, s)
	return nil
}

func (p *probe) keepAlive(conn net.Conn, s *hearing) {
	every := time.NewTicker(time.Duration(p.hello.hold) * time.Second / 3)
	defer every.Stop()
	for {
		select {
		case <-s.over:
			return
		case <-every.C:
			if _, err := conn.Write(frame(typeKeepalive, nil)); err != nil {
				return
			}
		}
	}
}

func (p *probe) listen(conn net.Conn, s *hearing) {
	defer close(s.over)
	var f framer
	buffer := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buffer)
		messages, fault := f.feed(buffer[:n])
		p.mu.Lock()
		for _, m := range messages {
			if failed := p.hear(s, m); failed != nil && s.err == nil {
				s.err = failed
			}
		}
		if s.err == nil && fault != nil {
			s.err = fault
		}
		if s.err == nil && err != nil && err != io.EOF {
			s.err = err
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *probe) hear(s *hearing, m message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed %s % x: %v", typeNames[m.typ], m.whole, r)
		}
	}()
	s.counts[m.typ]++
	switch m.typ {
	case typeOpen:
		s.peer = readOpen(m.body)
	case typeKeepalive:
		if s.counts[typeKeepalive] == 1 {
			close(s.up)
		}
	case typeNotification:
		s.notification = m.body
	case typeUpdate:
		s.updates = append(s.updates, m.whole)
		if p.foreign || p.hello.narrow {
			return s.replay.Feed(straighten(m, p.hello.narrow, p.foreign))
		}
		return s.replay.Feed(m.whole)
	case typeRefresh:
		return s.replay.Feed(m.whole)
	}
	return nil
}

// heard calls f with what was heard on the last connection, while nothing moves.
func (p *probe) heard(f func(*hearing)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p.session)
}

func (p *probe) write(messages ...[]byte) {
	p.f.t.Helper()
	for _, m := range messages {
		_, err := p.conn.Write(m)
		p.f.must(err)
	}
}

func (p *probe) announce(offers ...offer) {
	for _, o := range offers {
		route := o.route(p.host)
		if p.hello.narrow {
			route = shorten(route)
		}
		p.write(oracle.Announce(route, o.prefix))
	}
}

// shorten is a route as a speaker of two-octet AS numbers sends it.
func shorten(route oracle.Route) oracle.Route {
	path, _ := route.Attr(attrASPath)
	if len(path) == 0 {
		return route
	}
	short, fits := []byte{2, path[1]}, true
	for _, n := range numbers(path[2:]) {
		if n > 0xffff {
			n, fits = 23456, false
		}
		short = append(short, byte(n>>8), byte(n))
	}
	if !fits {
		route = route.With(oracle.Attr{Flags: 0xc0, Type: attrAS4Path, Value: path})
	}
	return route.With(oracle.Attr{Flags: 0x40, Type: attrASPath, Value: short})
}

func (p *probe) withdraw(prefixes ...netip.Prefix) {
	for _, prefix := range prefixes {
		p.write(oracle.Withdraw(prefix))
	}
}

func (p *probe) refresh() bool {
	p.write(frame(typeRefresh, []byte{0, 1, 0, 1}), frame(typeRefresh, []byte{0, 2, 0, 1}))
	return true
}

// kill closes the connection without a word.
func (p *probe) kill() {
	p.f.must(p.conn.Close())
	<-p.session.over
}

// hangUp ends the connection, and waits until the other side has noticed: what calls next
// is no rival of it.
func (p *probe) hangUp() {
	p.f.t.Helper()
	_ = p.conn.(*net.TCPConn).CloseWrite() // the other side may have been faster
	select {
	case <-p.session.over:
	case <-time.After(patience):
		p.f.t.Fatalf("%s has said all, and the connection is open %s later", p.name, patience)
	}
	_ = p.conn.Close()
}

func (p *probe) table() (oracle.Table, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.session.replay.Table), p.session.err
}

func (p *probe) holds() (views, error) {
	table, err := p.table()
	if err != nil {
		return nil, err
	}
	return viewsOf(table), nil
}
