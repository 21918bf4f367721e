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

// listener is one listening socket.
type listener struct {
	socket *net.TCPListener
	addr   netip.AddrPort
}

// listenTCP listens on an address. IPv4 and IPv6 have a socket each: keys and TTLs
// are set per family, and a dual-stack socket would mix them.
func listenTCP(address netip.AddrPort) (*listener, error) {
	network := "tcp6"
	if address.Addr().Is4() {
		network = "tcp4"
	}
	socket, err := net.Listen(network, address.String())
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
	return &listener{socket: socket.(*net.TCPListener), addr: address}, nil
}

func (l *listener) setMD5(prefix netip.Prefix, password string) error {
	if l.addr.Addr().Is4() != prefix.Addr().Is4() {
		return nil
	}
	raw, err := l.socket.SyscallConn()
	if err != nil {
		return err
	}
	return control(raw, func(fd uintptr) error { return setMD5(fd, prefix, password) })
}

func (l *listener) close() { _ = l.socket.Close() }

// acceptFrom hands connections to the server, once there is a plan.
func (s *Server) acceptFrom(ctx context.Context, l *listener) {
	select {
	case <-ctx.Done():
		return
	case <-s.planned:
	}
	for {
		conn, err := l.socket.AcceptTCP()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of descriptors, most likely: the sessions we have matter more.
			s.log.Error("accept", "listen", l.addr, "error", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		t, err := newTCP(conn)
		if err != nil {
			s.log.Warn("connection dropped", "error", err)
			_ = conn.Close()
			continue
		}
		s.incoming(t)
	}
}
