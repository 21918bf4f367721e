package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Listener is one listening socket.
type Listener struct {
	socket *net.TCPListener
	addr   netip.AddrPort
}

// Listen opens a listening socket, so that a port that is taken or forbidden is
// found out before anything else is started. Connections wait in the kernel until
// the server it is given to has a plan: before that, a peer is neither known nor
// unknown. IPv4 and IPv6 have a socket each: keys and TTLs are set per family, and
// a dual-stack socket would mix them.
func Listen(address netip.AddrPort) (*Listener, error) {
	network := "tcp6"
	if address.Addr().Is4() {
		network = "tcp4"
	}
	var config net.ListenConfig
	config.SetMultipathTCP(false) // Go's default, whose sockets the kernel gives no TCP-MD5 key (EOPNOTSUPP)
	socket, err := config.Listen(context.Background(), network, address.String())
	if err != nil {
		mend := ""
		switch {
		case errors.Is(err, syscall.EACCES):
			mend = " (ports below 1024 need root or CAP_NET_BIND_SERVICE)"
		case errors.Is(err, syscall.EADDRINUSE):
			mend = " (is another BGP daemon running?)"
		}
		return nil, fmt.Errorf("listen for BGP on %s: %w%s", address, err, mend)
	}
	return &Listener{socket: socket.(*net.TCPListener), addr: address}, nil
}

func (l *Listener) setMD5(prefix netip.Prefix, password string) error {
	if l.addr.Addr().Is4() != prefix.Addr().Is4() {
		return nil
	}
	raw, err := l.socket.SyscallConn()
	if err != nil {
		return err
	}
	return control(raw, func(fd uintptr) error { return setMD5(fd, prefix, password) })
}

// Addr is the address it listens on.
func (l *Listener) Addr() netip.AddrPort { return unmap(l.socket.Addr()) }

// Close closes the socket; closing again does nothing.
func (l *Listener) Close() { _ = l.socket.Close() }

// acceptLeast and acceptMost bound the pause after a connection that could not be
// accepted; it doubles with every one in a row.
const (
	acceptLeast = 50 * time.Millisecond
	acceptMost  = time.Second
)

// acceptFrom hands connections to the server, once there is a plan.
func (s *Server) acceptFrom(ctx context.Context, l *Listener) {
	select {
	case <-ctx.Done():
		return
	case <-s.planned:
	}
	var wait time.Duration
	for {
		conn, err := l.socket.AcceptTCP()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of descriptors, most likely: the sessions we have matter more. What waits
			// in the kernel meanwhile is not lost.
			wait = min(max(2*wait, acceptLeast), acceptMost)
			s.acceptFailed(l, err, wait)
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			continue
		}
		wait = 0
		t, err := newTCP(conn)
		if err != nil {
			s.log.Warn("connection dropped", "error", err)
			_ = conn.Close()
			continue
		}
		s.incoming(t)
	}
}
