package bench

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"heddle/bgp"
	"heddle/peering/wire"
)

// state of a session, as in RFC 4271 §8.2.2; Idle is the zero value.
type state uint8

const (
	idle state = iota
	connecting
	openSent
	openConfirm
	established
)

// client is one iBGP speaker. Its session and its holdings belong to the thread
// that reads its socket; the engine may touch them under its lock.
type client struct {
	holdings
	poll  int // the epoll instance of its thread
	fd    int
	dials int32 // tells events of an old socket from those of the new one

	state     state
	expected  bool // a phase is not over before it holds all
	whole     bool // it does
	deaf      bool // it has stopped reading
	leaving   bool // we end the session ourselves
	carry     []byte
	keepalive time.Duration // how often to send one; 0: never
	spoke     time.Duration // when it last did, on the engine's clock
	up        time.Duration // when it was Established
	done      time.Duration // when it became whole
	greeting  []byte        // what it sends as soon as it is Established
	reason    string        // why the last session ended

	mu    sync.Mutex // guards what follows: engine and thread both send
	queue []byte     // what the socket did not take
}

const (
	// holdTime is what clients offer, in seconds. Speakers with one thread are
	// busy for longer than the usual 90 s under these loads.
	holdTime = 240

	reading = unix.EPOLLIN | unix.EPOLLRDHUP
)

// open is the OPEN message of a client.
func (e *engine) open(c *client) ([]byte, error) {
	o := wire.Open{
		ASN: e.asn, HoldTime: holdTime, RouterID: routerID(int(c.client)),
		Capabilities: wire.Capabilities{
			Multiprotocol: true, Families: bgp.FamiliesOf(e.sets.family), FourOctetAS: true, RouteRefresh: true,
		},
	}
	return o.Append(nil)
}

// send writes octets, now as far as the socket takes them, the rest as it does.
// They are copied only if they must wait.
func (c *client) send(octets []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) > 0 {
		c.queue = append(c.queue, octets...)
		return nil
	}
	n, err := write(c.fd, octets)
	if err != nil || n == len(octets) {
		return err
	}
	c.queue = append(c.queue[:0], octets[n:]...)
	return c.watch(true)
}

// flush writes what waits.
func (c *client) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return c.watch(false)
	}
	n, err := write(c.fd, c.queue)
	if err != nil {
		return err
	}
	c.queue = c.queue[n:]
	if len(c.queue) > 0 {
		return nil
	}
	c.queue = nil
	return c.watch(false)
}

// watch sets the events that wake the client's thread.
func (c *client) watch(writable bool) error {
	events := uint32(reading)
	if c.deaf {
		events = unix.EPOLLRDHUP
	}
	if writable {
		events |= unix.EPOLLOUT
	}
	event := unix.EpollEvent{Events: events, Fd: c.client, Pad: c.dials}
	return unix.EpollCtl(c.poll, unix.EPOLL_CTL_MOD, c.fd, &event)
}

// write writes what a socket takes without waiting.
func write(fd int, octets []byte) (n int, err error) {
	for n < len(octets) {
		m, err := unix.Write(fd, octets[n:])
		switch {
		case err == nil:
			n += m
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return n, nil
		default:
			return n, err
		}
	}
	return n, nil
}
