package bfd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// udp is the kernel's network.
type udp struct{ local []netip.Addr }

// The ports that packets come from (RFC 5881 §4).
const (
	sourceLeast = 49152
	sourceCount = 65536 - sourceLeast
	sourceTries = 32
)

func (u *udp) listen(ipv4 bool, port uint16) (socket, error) {
	opened, err := u.open(ipv4, port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("UDP port %d is taken: is another BFD daemon running on this machine? Stop it, or give either of the two an address of its own to listen on", port)
	}
	if err != nil {
		return nil, fmt.Errorf("UDP port %d: %w", port, err)
	}
	return opened, nil
}

func (u *udp) source(ipv4 bool) (socket, error) {
	var err error
	for range sourceTries {
		var opened socket
		if opened, err = u.open(ipv4, sourceLeast+uint16(rand.IntN(sourceCount))); err == nil {
			return opened, nil
		}
	}
	return nil, fmt.Errorf("UDP source port: %w", err)
}

// open binds a port of the one specific address of the family, or else of all.
func (u *udp) open(ipv4 bool, port uint16) (socket, error) {
	name, local := "udp6", netip.IPv6Unspecified()
	if ipv4 {
		name, local = "udp4", netip.IPv4Unspecified()
	}
	if only := u.specific(ipv4); len(only) == 1 {
		local = only[0]
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(fd uintptr) error { return prepare(int(fd), ipv4) })
	}}
	conn, err := config.ListenPacket(context.Background(), name, netip.AddrPortFrom(local, port).String())
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if err != nil {
		return nil, err
	}
	raw, err := conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &udpSocket{conn: conn, raw: raw, port: port, ipv4: ipv4}, nil
}

func (u *udp) specific(ipv4 bool) (list []netip.Addr) {
	for _, a := range u.local {
		if a.Is4() != ipv4 {
			continue
		}
		if a.IsUnspecified() {
			return nil
		}
		list = append(list, a)
	}
	return list
}

const (
	// receiveBuffer holds a packet of each of some thousands of peers while we are busy.
	receiveBuffer = 4 << 20
	// networkControl is the traffic class of what a network lives by, CS6 (RFC 4594 §3.1).
	networkControl = 0xc0
)

// prepare has packets sent with the highest TTL (RFC 5881 §5), and told with TTL and
// address when they arrive.
func prepare(fd int, ipv4 bool) error {
	type option struct{ level, name, value int }
	wanted := []option{
		{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 255},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, networkControl},
	}
	if ipv4 {
		wanted = []option{
			{unix.IPPROTO_IP, unix.IP_TTL, 255},
			{unix.IPPROTO_IP, unix.IP_RECVTTL, 1},
			{unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
			{unix.IPPROTO_IP, unix.IP_TOS, networkControl},
		}
	}
	for _, o := range wanted {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("socket option %d: %w", o.name, err)
		}
	}
	// Best effort: beyond the limit of the machine it takes a right that we may not have.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	return nil
}

// udpSocket reads and writes the descriptor directly: with TTLs and addresses, and
// without waiting. Waiting is left to the runtime's poller.
type udpSocket struct {
	conn net.PacketConn
	raw  syscall.RawConn
	port uint16
	ipv4 bool
}

func (u *udpSocket) wait() error { return u.raw.Read(readable) }

// readable says whether a read would return at once.
func readable(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return n != 0 || err != nil
		}
	}
}

func (u *udpSocket) read(b []byte) (n int, a arrival, ok bool) {
	a.port = u.port
	failed := u.raw.Control(func(fd uintptr) {
		var beside [128]byte
		var from unix.Sockaddr
		var m int
		var err error
		for {
			n, m, _, from, err = unix.Recvmsg(int(fd), b, beside[:], unix.MSG_DONTWAIT)
			if err != unix.EINTR {
				break
			}
		}
		if ok = err == nil; ok {
			a.from = addressOf(from)
			a.read(beside[:m])
		}
	})
	return n, a, ok && failed == nil
}

func (u *udpSocket) write(b []byte, from netip.Addr, to netip.AddrPort) {
	_ = u.raw.Control(func(fd uintptr) {
		_, _ = unix.SendmsgN(int(fd), b, sendingFrom(from), sockaddr(to), unix.MSG_DONTWAIT)
	})
}

func (u *udpSocket) close() { _ = u.conn.Close() }

// control runs f on a raw connection's descriptor and returns its error.
func control(raw syscall.RawConn, f func(fd uintptr) error) error {
	var err error
	if failed := raw.Control(func(fd uintptr) { err = f(fd) }); failed != nil {
		return failed
	}
	return err
}
