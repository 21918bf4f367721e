package bench

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"heddle/peering/wire"
)

// thread reads the sockets of some of the clients.
type thread struct {
	e       *engine
	poll    int
	clients []*client
	buffer  []byte
	reader  reader
	cache   *cache
	heard   traffic
	looked  time.Duration // when it last saw to keepalives
}

const (
	// readMost is how much is read at once: it stays in a core's cache.
	readMost = 256 << 10
	// eventsMost bounds for how long the engine waits for its lock.
	eventsMost = 128
	tick       = 250 * time.Millisecond
)

func newThread(e *engine, poll, routes int) *thread {
	return &thread{
		e: e, poll: poll, buffer: make([]byte, readMost+wire.MaxMessage), cache: newCache(),
		reader: reader{sets: e.sets, routes: routes, copied: e.copied},
	}
}

func (t *thread) run() {
	var events [eventsMost]unix.EpollEvent
	for !t.e.stopped.Load() {
		n, err := unix.EpollWait(t.poll, events[:], int(tick/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			t.e.fail(fmt.Errorf("epoll: %w", err))
			return
		}
		t.e.mu.RLock()
		for _, event := range events[:max(n, 0)] {
			if c := t.e.clients[event.Fd]; c.dials == event.Pad && c.fd >= 0 {
				t.handle(c, event.Events)
			}
		}
		t.keepalives()
		t.e.mu.RUnlock()
	}
}

// handle does what a socket is ready for.
func (t *thread) handle(c *client, events uint32) {
	if events&unix.EPOLLOUT != 0 {
		if err := t.writable(c); err != nil {
			t.end(c, err.Error())
			return
		}
	}
	switch {
	case events&reading != 0 && !c.deaf:
		t.read(c)
	case events&(unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0:
		t.end(c, "connection ended")
	}
}

func (t *thread) writable(c *client) error {
	if c.state != connecting {
		return c.flush()
	}
	if code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		return fmt.Errorf("connect: %w", unix.Errno(code))
	}
	open, err := t.e.open(c)
	if err != nil {
		return err
	}
	c.state = openSent
	if err := c.watch(false); err != nil {
		return err
	}
	return c.send(open)
}

// read reads a socket once and handles the messages that are complete.
func (t *thread) read(c *client) {
	head := copy(t.buffer, c.carry)
	n, err := unix.Read(c.fd, t.buffer[head:])
	if err != nil {
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			t.end(c, err.Error())
		}
		return
	}
	if n == 0 {
		t.end(c, "connection ended")
		return
	}
	t.heard.octets += n
	rest := t.messages(c, t.buffer[:head+n])
	if c.fd >= 0 {
		c.carry = append(c.carry[:0], rest...)
	}
}

// messages handles complete messages and returns what is left.
func (t *thread) messages(c *client, b []byte) (rest []byte) {
	for len(b) >= wire.HeaderLength && c.fd >= 0 {
		length, typ, fault := wire.ParseHeader(b, wire.MaxMessage)
		if fault != nil {
			t.e.fail(fmt.Errorf("client %s received a header that is none: % x", clientAddr(int(c.client)), b[:wire.HeaderLength]))
			return nil
		}
		if len(b) < length {
			break
		}
		t.message(c, typ, b[wire.HeaderLength:length])
		b = b[length:]
	}
	return b
}

func (t *thread) message(c *client, typ wire.Type, body []byte) {
	switch typ {
	case wire.TypeUpdate:
		t.update(c, body)
	case wire.TypeOpen:
		t.opened(c, body)
	case wire.TypeKeepalive:
		if c.state == openConfirm {
			t.establish(c)
		}
	case wire.TypeNotification:
		t.end(c, "it said "+wire.ParseNotification(body).Error())
	}
}

func (t *thread) opened(c *client, body []byte) {
	o, fault := wire.ParseOpen(body)
	if fault != nil || c.state != openSent {
		t.end(c, "OPEN of the target is not acceptable")
		return
	}
	c.state, c.keepalive = openConfirm, time.Duration(min(o.HoldTime, holdTime))*time.Second/3
	c.spoke = t.e.now()
	if err := c.send(wire.AppendKeepalive(nil)); err != nil {
		t.end(c, err.Error())
	}
}

func (t *thread) establish(c *client) {
	c.state, c.up = established, t.e.now()
	t.e.news <- news{c.client, true}
	t.e.judge(c)
	if err := c.send(c.greeting); err != nil {
		t.end(c, err.Error())
	}
}

// update enters an UPDATE into the ledger.
func (t *thread) update(c *client, body []byte) {
	t.heard.messages++
	s := t.cache.read(&t.reader, body)
	switch {
	case s == nil:
		t.e.fail(fmt.Errorf("client %s received a malformed UPDATE: %s", clientAddr(int(c.client)), sample(body)))
		return
	case s.strange:
		t.e.fail(fmt.Errorf("client %s received prefixes that nobody announced: %s", clientAddr(int(c.client)), sample(body)))
		return
	case len(s.announced) > 0 && s.attr == absent:
		t.e.fail(fmt.Errorf("client %s received attributes that nobody announced: %s", clientAddr(int(c.client)), sample(body)))
		return
	}
	t.heard.routes += s.routes
	if !c.expected {
		return
	}
	t.e.ledger.apply(s, &c.holdings)
	if (c.bad == 0) != c.whole {
		t.e.judge(c)
	}
}

func sample(body []byte) string { return hex.EncodeToString(body[:min(len(body), 128)]) }

// end closes a session that has ended.
func (t *thread) end(c *client, reason string) {
	was := c.state
	c.drop()
	if c.expected && c.whole {
		c.whole = false
		t.e.pending.Add(1)
	}
	switch {
	case c.leaving:
	case was == established:
		c.reason = reason
		t.e.lost.Add(1)
	default:
		c.reason = reason
		t.e.news <- news{c.client, false}
	}
}

// drop closes the socket.
func (c *client) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = unix.Close(c.fd)
	c.fd, c.state, c.queue, c.carry = -1, idle, nil, nil
}

// keepalives sends those that are due.
func (t *thread) keepalives() {
	now := t.e.now()
	if now-t.looked < time.Second {
		return
	}
	t.looked = now
	for _, c := range t.clients {
		if c.state < openConfirm || c.keepalive == 0 || now-c.spoke < c.keepalive {
			continue
		}
		c.spoke = now
		if err := c.send(wire.AppendKeepalive(nil)); err != nil {
			t.end(c, err.Error())
		}
	}
}
