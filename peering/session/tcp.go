package session

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tcp is a transport over a TCP connection. Writing goes to the file descriptor
// directly, so that it can gather and need not wait; waiting is left to the
// runtime's poller.
type tcp struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	from netip.AddrPort
	to   netip.AddrPort
}

// notSentLowWater is how many octets may wait in the kernel beyond what is under
// way: what has not left can still be replaced by something newer.
const notSentLowWater = 128 << 10

func newTCP(conn *net.TCPConn) (*tcp, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("socket of %s: %w", conn.RemoteAddr(), err)
	}
	t := &tcp{conn: conn, raw: raw, from: unmap(conn.LocalAddr()), to: unmap(conn.RemoteAddr())}
	err = raw.Control(func(fd uintptr) {
		// Best effort: an old kernel works without it, only with more in flight.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSentLowWater)
	})
	if err != nil {
		return nil, fmt.Errorf("socket of %s: %w", t.to, err)
	}
	return t, nil
}

func unmap(addr net.Addr) netip.AddrPort {
	ap := addr.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

func (t *tcp) Await() error { return t.raw.Read(readable) }

func (t *tcp) Read(b []byte) (int, error) { return t.conn.Read(b) }

// readable says whether a read would return at once, be it with an error.
func readable(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return n != 0 || err != nil
		}
	}
}

func (t *tcp) SetReadDeadline(at time.Time) error { return t.conn.SetReadDeadline(at) }

func (t *tcp) Pending() bool {
	waiting := 0
	_ = t.raw.Control(func(fd uintptr) { waiting, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
	return waiting > 0
}

func (t *tcp) Ended() (ended bool) {
	_ = t.raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(fds, 0)
		ended = n > 0 && err == nil
	})
	return ended
}

func (t *tcp) Unanswered() (d time.Duration) {
	_ = t.raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			d = time.Duration(info.Last_ack_recv) * time.Millisecond
		}
	})
	return d
}

func (t *tcp) Write(octets [][]byte) (n int, err error) {
	closed := t.raw.Write(func(fd uintptr) bool {
		n, err = writev(fd, octets)
		return true
	})
	return written(n, err, closed)
}

func (t *tcp) WriteWait(octets [][]byte, deadline time.Time) (n int, err error) {
	if err := t.conn.SetWriteDeadline(deadline); err != nil {
		return 0, err
	}
	closed := t.raw.Write(func(fd uintptr) bool {
		n, err = writev(fd, octets)
		return err != unix.EAGAIN
	})
	// An old deadline would fail later writes that don't wait.
	_ = t.conn.SetWriteDeadline(time.Time{})
	return written(n, err, closed)
}

func written(n int, err, closed error) (int, error) {
	switch {
	case closed != nil:
		return 0, closed
	case err == unix.EAGAIN:
		return 0, errAgain
	case err != nil:
		return 0, os.NewSyscallError("writev", err)
	}
	return n, nil
}

// vectors are kept between writes: one array serves all sessions that happen to
// write at a time.
type vectors [maxVectors]unix.Iovec

// maxVectors is how many slices one writev takes; the kernel's limit is 1,024, and
// 64 chunks of 64 KiB are far more than a socket takes at once.
const maxVectors = 64

var vectorPool = sync.Pool{New: func() any { return new(vectors) }}

func writev(fd uintptr, octets [][]byte) (int, error) {
	v := vectorPool.Get().(*vectors)
	count := 0
	for _, b := range octets {
		if len(b) == 0 || count == maxVectors {
			continue
		}
		v[count].Base = unsafe.SliceData(b)
		v[count].SetLen(len(b))
		count++
	}
	var n uintptr
	var errno syscall.Errno
	for {
		n, _, errno = unix.Syscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&v[0])), uintptr(count))
		if errno != unix.EINTR {
			break
		}
	}
	runtime.KeepAlive(octets)
	clear(v[:count])
	vectorPool.Put(v)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (t *tcp) CloseWrite()            { _ = t.conn.CloseWrite() }
func (t *tcp) Close()                 { _ = t.conn.Close() }
func (t *tcp) Local() netip.AddrPort  { return t.from }
func (t *tcp) Remote() netip.AddrPort { return t.to }
