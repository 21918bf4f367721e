package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"heddle/peering"
)

const (
	// connectTime bounds one attempt to connect.
	connectTime = 10 * time.Second
	// retryLeast and retryMost bound ConnectRetryTimer and IdleHoldTimer, which double
	// with every attempt that comes to nothing (RFC 4271 §8.1.1 leaves the values to
	// us; its 120 s are long for a fabric).
	retryLeast = time.Second
	retryMost  = 30 * time.Second
)

// dial keeps trying to have a connection with a router.
func (p *peer) dial(ctx context.Context) {
	for ctx.Err() == nil {
		if p.busy() {
			p.rest(ctx, 0)
			continue
		}
		p.move(Connect, "dialling")
		spec, password := p.target()
		t, err := p.server.network.dial(ctx, spec.Remote, spec.Hops, password)
		switch {
		case err != nil:
			p.unreachable(err)
			p.rest(ctx, p.retry())
			continue
		case !p.adopt(t):
			t.Close()
			continue
		}
		p.rest(ctx, 0)
		if ctx.Err() == nil && !p.barred() {
			p.pause(ctx, p.retry())
		}
	}
}

// rest waits for a connection to go, or, with a time, no longer than that.
func (p *peer) rest(ctx context.Context, most time.Duration) {
	var timeout <-chan time.Time
	if most > 0 {
		t := time.NewTimer(most)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-ctx.Done():
	case <-p.kick:
	case <-timeout:
	}
}

// pause waits in Idle.
func (p *peer) pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// busy says whether there is no call to make for now: what ends that, wakes the
// dialler.
func (p *peer) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns) > 0 || p.embargoed()
}

// target is whom to call, and with which TCP-MD5 key.
func (p *peer) target() (spec peering.Session, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spec, p.password
}

func (p *peer) retry() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return jitter(min(retryLeast<<min(p.failures, 10), retryMost))
}

func (p *peer) unreachable(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.embargoed() {
		return // a call that was under way: why we don't make any says more
	}
	p.failures++
	p.lastError = err.Error()
	p.waiting = Active
	p.show(err.Error())
}

// network opens connections; tests have one of their own.
type network interface {
	dial(ctx context.Context, remote netip.Addr, hops int, password string) (transport, error)
}

// tcpNetwork dials from the addresses we listen on, so that the peer sees us come
// from where it knows us.
type tcpNetwork struct {
	port  uint16
	local []netip.Addr
}

func (n *tcpNetwork) dial(ctx context.Context, remote netip.Addr, hops int, password string) (transport, error) {
	d := net.Dialer{Timeout: connectTime, LocalAddr: n.from(remote)}
	d.Control = func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(fd uintptr) error {
			if password != "" {
				if err := setMD5(fd, netip.PrefixFrom(remote, remote.BitLen()), password); err != nil {
					return err
				}
			}
			if hops > 0 {
				return setHops(fd, remote, hops)
			}
			return nil
		})
	}
	conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(remote, n.port).String())
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // whose addresses they are, the reader knows
	}
	if err != nil {
		return nil, fmt.Errorf("dial port %d: %w", n.port, err)
	}
	return newTCP(conn.(*net.TCPConn))
}

func (n *tcpNetwork) from(remote netip.Addr) net.Addr {
	for _, a := range n.local {
		if a.Is4() == remote.Is4() && !a.IsUnspecified() {
			return net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
		}
	}
	return nil
}
