package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"heddle/bgp"
	"heddle/peering/wire"
)

// hub speaks just enough BGP to hold sessions, and copies each client's UPDATEs to
// all others. Its log is what was said; each client has a cursor in it. It has one
// thread, which reads whatever is there to be read before it writes.
type hub struct {
	poll, listener int
	open           []byte
	clients        map[int32]*hubClient // by file descriptor
	log            []chunk
	first          int // position of log[0] since the hub started
	buffer         []byte
	clock          time.Time
}

// chunk is whole UPDATEs that one client said.
type chunk struct {
	from   int32
	octets []byte
}

type hubClient struct {
	fd      int32
	up      bool
	blocked bool   // its socket takes nothing for now
	carry   []byte // read, not yet a message
	cursor  int
	begun   []byte // what is left of a chunk, or of a message of our own
}

// Hub runs a hub until the context ends.
func Hub(ctx context.Context, listen netip.AddrPort, asn bgp.ASN) error {
	if !listen.Addr().Is4() || !listen.Addr().IsLoopback() {
		return fmt.Errorf("a hub listens in 127.0.0.0/8, not on %s", listen)
	}
	h := &hub{clients: map[int32]*hubClient{}, buffer: make([]byte, readMost), clock: time.Now()}
	if err := h.listen(listen, asn); err != nil {
		return err
	}
	var events [1024]unix.EpollEvent
	for ctx.Err() == nil {
		n, err := unix.EpollWait(h.poll, events[:], int(tick/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, event := range events[:max(n, 0)] {
			h.handle(event)
		}
		h.pump()
		h.keepalives()
	}
	return nil
}

func (h *hub) listen(at netip.AddrPort, asn bgp.ASN) (err error) {
	o := wire.Open{
		ASN: asn, HoldTime: holdTime, RouterID: 192<<24 | 2<<8 | 1,
		Capabilities: wire.Capabilities{
			Multiprotocol: true, Families: bgp.FamiliesOf(bgp.Families[:]...), FourOctetAS: true, RouteRefresh: true,
		},
	}
	if h.open, err = o.Append(nil); err != nil {
		return err
	}
	if h.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if h.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	err = errors.Join(
		unix.SetsockoptInt(h.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(h.listener, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}),
		unix.Listen(h.listener, 4096),
		h.register(int32(h.listener), unix.EPOLLIN),
	)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", at, err)
	}
	return nil
}

func (h *hub) register(fd int32, events uint32) error {
	return unix.EpollCtl(h.poll, unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{Events: events, Fd: fd})
}

func (h *hub) handle(event unix.EpollEvent) {
	if int(event.Fd) == h.listener {
		h.accept()
		return
	}
	c := h.clients[event.Fd]
	if c == nil {
		return
	}
	if event.Events&unix.EPOLLOUT != 0 {
		c.blocked = false
	}
	if event.Events&^unix.EPOLLOUT != 0 {
		h.read(c)
	}
}

func (h *hub) accept() {
	for {
		fd, _, err := unix.Accept4(h.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		c := &hubClient{fd: int32(fd), cursor: h.first + len(h.log), begun: h.open}
		// Edge-triggered: a socket that becomes writable says so once.
		if h.register(c.fd, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLET) != nil {
			_ = unix.Close(fd)
			continue
		}
		h.clients[c.fd] = c
	}
}

// read takes what a client has to say, and appends the UPDATEs to the log.
func (h *hub) read(c *hubClient) {
	for {
		head := copy(h.buffer, c.carry)
		n, err := unix.Read(int(c.fd), h.buffer[head:])
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil || n == 0 {
			_ = unix.Close(int(c.fd))
			delete(h.clients, c.fd)
			return
		}
		h.messages(c, h.buffer[:head+n])
	}
}

// messages cuts what was read. Runs of UPDATEs are copied once, whatever the number
// of clients.
func (h *hub) messages(c *hubClient, b []byte) {
	start, at := 0, 0
	say := func(end int) {
		if end > start {
			h.log = append(h.log, chunk{c.fd, append([]byte(nil), b[start:end]...)})
		}
	}
	for len(b)-at >= wire.HeaderLength {
		length, typ, fault := wire.ParseHeader(b[at:], wire.MaxMessage)
		if fault != nil || len(b)-at < length {
			break
		}
		if typ != wire.TypeUpdate {
			say(at)
			start = at + length
			h.control(c, typ)
		}
		at += length
	}
	say(at)
	c.carry = append(c.carry[:0], b[at:]...)
}

func (h *hub) control(c *hubClient, typ wire.Type) {
	if typ == wire.TypeOpen && !c.up {
		c.up = true
		c.begun = wire.AppendKeepalive(append([]byte(nil), c.begun...))
	}
}

// pump writes to every client what it has not had, and forgets what all have.
func (h *hub) pump() {
	least := h.first + len(h.log)
	for _, c := range h.clients {
		for !c.blocked && h.write(c) {
		}
		least = min(least, c.cursor)
	}
	if n := least - h.first; n > 0 && n >= len(h.log)/2 {
		h.log = append(h.log[:0:0], h.log[n:]...)
		h.first = least
	}
}

// slicesMost is how many the kernel takes at once (IOV_MAX).
const slicesMost = 1024

// write hands the kernel as many chunks as it takes; more says that there may be
// more.
func (h *hub) write(c *hubClient) (more bool) {
	var list [slicesMost][]byte
	n, end := 0, c.cursor
	if len(c.begun) > 0 {
		list[0], n = c.begun, 1
	}
	for ; n < slicesMost && c.up && end < h.first+len(h.log); end++ {
		if ch := h.log[end-h.first]; ch.from != c.fd {
			list[n] = ch.octets
			n++
		}
	}
	if n == 0 {
		c.cursor = end
		return false
	}
	written, err := unix.Writev(int(c.fd), list[:n])
	if err != nil {
		c.blocked = true // a fault is found by reading
		return false
	}
	h.advance(c, written)
	return true
}

// advance moves a client's cursor over what was written.
func (h *hub) advance(c *hubClient, written int) {
	if n := min(written, len(c.begun)); n > 0 {
		c.begun, written = c.begun[n:], written-n
	}
	for written > 0 {
		ch := h.log[c.cursor-h.first]
		c.cursor++
		if ch.from == c.fd {
			continue
		}
		if written < len(ch.octets) {
			c.begun = ch.octets[written:]
			return
		}
		written -= len(ch.octets)
	}
}

func (h *hub) keepalives() {
	if time.Since(h.clock) < holdTime*time.Second/3 {
		return
	}
	h.clock = time.Now()
	for _, c := range h.clients {
		if c.up && len(c.begun) == 0 && c.cursor == h.first+len(h.log) {
			c.begun = wire.AppendKeepalive(nil)
		}
	}
}
