package fib

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// readSize holds the largest datagram that the kernel makes of a dump, 32 KiB, and
// an interface with all its virtual functions.
const readSize = 64 << 10

// socket is a netlink socket that speaks with the kernel and nobody else.
type socket struct {
	fd   int
	port uint32 // the kernel's name for it
	in   []byte
	out  []byte
	seq  uint32
}

// dial opens a socket in the network namespace of the thread.
func dial() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	s := &socket{fd: fd}
	if err := s.prepare(); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	return s, nil
}

func (s *socket) prepare() error {
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := unix.Bind(s.fd, kernel); err != nil {
		return err
	}
	// Connected, no other process can send to it.
	if err := unix.Connect(s.fd, kernel); err != nil {
		return err
	}
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return err
	}
	self, ok := name.(*unix.SockaddrNetlink)
	if !ok {
		return fmt.Errorf("its name is %T", name)
	}
	s.port = self.Pid
	// Each is a comfort that an old kernel may lack: errors without the request's
	// body, errors with words, dumps that are filtered by the kernel.
	for _, option := range []int{unix.NETLINK_CAP_ACK, unix.NETLINK_EXT_ACK, unix.NETLINK_GET_STRICT_CHK} {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, option, 1)
	}
	return nil
}

// receiveBuffer asks for room for what the kernel sends, in octets, and says what
// there is. Only root gets more than net.core.rmem_max.
func receiveBuffer(fd, size int) (int, error) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size); err != nil {
			return 0, err
		}
	}
	return unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
}

// sendBuffer asks for room for one message to the kernel and says what there is.
func sendBuffer(fd, size int) (int, error) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, size) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, size); err != nil {
			return 0, err
		}
	}
	return unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
}

func (s *socket) close() { _ = unix.Close(s.fd) }

func (s *socket) send(b []byte) error {
	for {
		_, err := unix.Write(s.fd, b)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// read gives one datagram; it is valid until the next read.
func (s *socket) read() ([]byte, error) {
	if s.in == nil {
		s.in = make([]byte, readSize)
	}
	for {
		n, err := unix.Read(s.fd, s.in)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return s.in[:n], nil
	}
}

// request starts a message of one's own in the socket's buffer.
func (s *socket) request(kind int, flags uint16, fixed int) []byte {
	s.seq++
	return begin(s.out[:0], kind, flags, s.seq, fixed)
}

// do sends a message that request began and waits for its acknowledgement.
func (s *socket) do(b []byte) error {
	s.out = b
	native.PutUint16(b[6:], native.Uint16(b[6:])|unix.NLM_F_ACK)
	end(b, 0)
	if err := s.send(b); err != nil {
		return err
	}
	return s.answers(func(message) {})
}

// dump sends a message that request began and calls each for every answer.
func (s *socket) dump(b []byte, each func(message)) error {
	s.out = b
	native.PutUint16(b[6:], native.Uint16(b[6:])|unix.NLM_F_DUMP)
	end(b, 0)
	if err := s.send(b); err != nil {
		return err
	}
	return s.answers(each)
}

// answers reads to the end of what was asked last.
func (s *socket) answers(each func(message)) error {
	interrupted := false
	for {
		b, err := s.read()
		if err != nil {
			return err
		}
		for m, rest, ok := cut(b); ok; m, rest, ok = cut(rest) {
			if m.seq != s.seq {
				continue // of an earlier question that was given up
			}
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch m.kind {
			case unix.NLMSG_ERROR, unix.NLMSG_DONE:
				if err := m.verdict(); err != nil {
					return err
				}
				if interrupted {
					return ErrInterrupted
				}
				return nil
			default:
				each(m)
			}
		}
	}
}
