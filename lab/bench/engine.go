package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// engine is all clients, and the threads that read their sockets.
//
//	scenario ── begin, send ──► clients ◄── read, apply ── threads (one per core)
//	         ◄─ everything is whole ─────────────────────────┘
type engine struct {
	target  netip.AddrPort
	asn     bgp.ASN
	sets    *attrSets
	ledger  *ledger
	clients []*client
	threads []*thread
	inside  func(func() error) error // runs a function where the target can be reached
	copied  bool                     // the target adds no attributes
	start   time.Time                // of the engine's clock

	mu      sync.RWMutex  // threads hold the read side while they handle events
	pending atomic.Int32  // clients that are expected to be whole and are not
	lost    atomic.Int32  // Established sessions that ended and were not to
	whole   chan struct{} // pending has become 0
	news    chan news     // dials that came to an end, good or bad
	stopped atomic.Bool
	done    sync.WaitGroup

	faultOnce sync.Once
	fault     error // why the run can't go on
	failed    chan struct{}
}

// news of a dial: it led to an Established session, or to none.
type news struct {
	client int32
	up     bool
}

// newEngine starts the threads; no client has a session yet.
func newEngine(t *target, asn bgp.ASN, sets *attrSets, clients, routes int) (*engine, error) {
	e := &engine{
		target: t.address, asn: asn, sets: sets, ledger: newLedger(sets, routes), start: time.Now(),
		inside: t.inside, copied: t.copies,
		whole: make(chan struct{}, 1), news: make(chan news, 2*clients), failed: make(chan struct{}),
	}
	for range min(runtime.GOMAXPROCS(0), 2) {
		poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("epoll: %w", err), e.close())
		}
		e.threads = append(e.threads, newThread(e, poll, routes))
	}
	for i := range clients {
		t := e.threads[i%len(e.threads)]
		c := &client{holdings: holdings{client: int32(i)}, poll: t.poll, fd: -1}
		e.clients, t.clients = append(e.clients, c), append(t.clients, c)
	}
	for _, t := range e.threads {
		e.done.Go(t.run)
	}
	return e, nil
}

func (e *engine) close() error {
	e.stopped.Store(true)
	e.done.Wait()
	for _, t := range e.threads {
		_ = unix.Close(t.poll)
	}
	for _, c := range e.clients {
		if c.fd >= 0 {
			_ = unix.Close(c.fd)
		}
	}
	return e.fault
}

// now is the time on the engine's clock.
func (e *engine) now() time.Duration { return time.Since(e.start) }

// fail ends the run.
func (e *engine) fail(err error) {
	e.faultOnce.Do(func() {
		e.fault = err
		close(e.failed)
	})
}

// locked runs a function while no thread handles events.
func (e *engine) locked(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

// join makes clients count: a phase is over when each holds what it must.
func (e *engine) join(clients []*client) {
	e.locked(func() {
		list := make([]*holdings, len(clients))
		for i, c := range clients {
			list[i] = &c.holdings
		}
		e.ledger.fresh(list...)
		for _, c := range clients {
			c.expected, c.whole = true, false
			e.pending.Add(1)
			e.judge(c)
		}
	})
}

// forget makes a client count no more.
func (e *engine) forget(c *client) {
	if c.expected && !c.whole {
		e.pending.Add(-1)
	}
	c.expected, c.whole = false, false
}

// begin starts a phase in which routes get new attributes.
func (e *engine) begin(changes []change) {
	e.locked(func() {
		select {
		case <-e.whole:
		default:
		}
		var list []*holdings
		for _, c := range e.clients {
			if c.expected {
				list = append(list, &c.holdings)
			}
		}
		e.ledger.begin(changes, list)
		for _, c := range e.clients {
			e.judge(c)
		}
	})
}

// judge notes whether a client has become whole, or is no longer.
func (e *engine) judge(c *client) {
	whole := c.bad == 0 && c.state == established
	if whole == c.whole || !c.expected {
		return
	}
	c.whole = whole
	if !whole {
		e.pending.Add(1)
		return
	}
	c.done = e.now()
	if e.pending.Add(-1) == 0 {
		select {
		case e.whole <- struct{}{}:
		default:
		}
	}
}

// wait returns when every expected client is whole.
func (e *engine) wait(ctx context.Context) error {
	for e.pending.Load() > 0 {
		if n := e.lost.Load(); n > 0 {
			return fmt.Errorf("%d sessions ended: %s", n, e.why())
		}
		select {
		case <-e.whole:
		case <-e.failed:
			return e.fault
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond): // a session may have ended
		}
	}
	return e.alive()
}

// alive says what is wrong, if anything is.
func (e *engine) alive() error {
	select {
	case <-e.failed:
		return e.fault
	default:
	}
	if n := e.lost.Load(); n > 0 {
		return fmt.Errorf("%d sessions ended: %s", n, e.why())
	}
	return nil
}

// why gives a reason why a session ended.
func (e *engine) why() (reason string) {
	e.locked(func() {
		for _, c := range e.clients {
			if c.reason != "" {
				reason = fmt.Sprintf("%s: %s", clientAddr(int(c.client)), c.reason)
			}
		}
	})
	return reason
}

// quiet returns when nothing was received for a while, and everything is whole
// still.
func (e *engine) quiet(ctx context.Context, span time.Duration) error {
	last, since := e.heard(), time.Now()
	for time.Since(since) < span {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(span / 10):
		}
		if now := e.heard(); now != last {
			last, since = now, time.Now()
		}
	}
	return e.alive()
}

// traffic is what was received.
type traffic struct{ octets, messages, routes int }

// heard is what all clients have received.
func (e *engine) heard() (sum traffic) {
	e.locked(func() {
		for _, t := range e.threads {
			sum.octets += t.heard.octets
			sum.messages += t.heard.messages
			sum.routes += t.heard.routes
		}
	})
	return sum
}

// missing counts the routes that clients do not have as they must.
func (e *engine) missing() (sum int) {
	e.locked(func() {
		for _, c := range e.clients {
			if c.expected {
				sum += c.bad
			}
		}
	})
	return sum
}

// times is how long clients took to become whole that did so after a time.
func (e *engine) times(begin time.Duration) (list []time.Duration) {
	e.locked(func() {
		for _, c := range e.clients {
			if c.expected && c.whole && c.done >= begin {
				list = append(list, c.done-begin)
			}
		}
	})
	return list
}

// sessions counts those that are Established.
func (e *engine) sessions() (n int) {
	e.locked(func() {
		for _, c := range e.clients {
			if c.state == established {
				n++
			}
		}
	})
	return n
}
