package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"heddle/peering/wire"
)

const (
	// dialsAtOnce is how many connections are under way, where their number is not
	// what is measured: some speakers have a backlog of eight.
	dialsAtOnce = 8
	// dialAgain is after what time a client that was turned away tries again.
	dialAgain = 250 * time.Millisecond
)

// connect brings clients to Established, some at a time, however often the target
// turns them away.
func (e *engine) connect(ctx context.Context, clients []*client, atOnce int) error {
	todo, underWay, up := slices.Clone(clients), 0, 0
	var again []retry
	timer := time.NewTicker(10 * time.Millisecond)
	defer timer.Stop()
	for up < len(clients) {
		for len(again) > 0 && time.Since(again[0].since) > dialAgain {
			todo, again = append(todo, again[0].client), again[1:]
		}
		n := min(len(todo), atOnce-underWay)
		if err := e.dial(todo[:n]); err != nil {
			return err
		}
		todo, underWay = todo[n:], underWay+n
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d sessions are Established, the others not: %s: %w", up, len(clients), e.why(), ctx.Err())
		case <-e.failed:
			return e.fault
		case <-timer.C:
		case n := <-e.news:
			underWay--
			if n.up {
				up++
			} else {
				again = append(again, retry{e.clients[n.client], time.Now()})
			}
		}
	}
	return nil
}

type retry struct {
	client *client
	since  time.Time
}

// dial begins to connect clients.
func (e *engine) dial(clients []*client) error {
	if len(clients) == 0 {
		return nil
	}
	return e.inside(func() error {
		for _, c := range clients {
			if err := e.dialOne(c); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *engine) dialOne(c *client) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: clientAddr(int(c.client)).As4()}),
	)
	if err != nil {
		return errors.Join(fmt.Errorf("socket of %s: %w", clientAddr(int(c.client)), err), unix.Close(fd))
	}
	to := &unix.SockaddrInet4{Addr: e.target.Addr().As4(), Port: int(e.target.Port())}
	if err := unix.Connect(fd, to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		e.news <- news{c.client, false}
		return nil
	}
	e.locked(func() {
		c.dials++
		c.fd, c.state, c.leaving, c.deaf = fd, connecting, false, false
		event := unix.EpollEvent{Events: reading | unix.EPOLLOUT, Fd: c.client, Pad: c.dials}
		err = unix.EpollCtl(c.poll, unix.EPOLL_CTL_ADD, fd, &event)
	})
	return err
}

// hangUp ends sessions as a host that fails does, without a NOTIFICATION.
func (e *engine) hangUp(clients []*client) {
	e.locked(func() {
		for _, c := range clients {
			e.forget(c)
			if c.fd >= 0 {
				c.leaving = true
				c.drop()
			}
		}
	})
}

// silence makes clients stop reading.
func (e *engine) silence(clients []*client) (err error) {
	e.locked(func() {
		for _, c := range clients {
			e.forget(c)
			c.deaf, c.leaving = true, true
			err = errors.Join(err, c.watch(false))
		}
	})
	return err
}

// ask has clients request their routes again (RFC 2918).
func (e *engine) ask(clients []*client) error {
	octets := wire.AppendRefresh(nil, e.sets.family, wire.RefreshRequest)
	for _, c := range clients {
		if err := c.send(octets); err != nil {
			return fmt.Errorf("client %s: %w", clientAddr(int(c.client)), err)
		}
	}
	return nil
}
