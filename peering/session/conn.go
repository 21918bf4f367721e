package session

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
)

// conn is the finite state machine of one TCP connection, from OpenSent on:
//
//	OpenSent ──OPEN──► OpenConfirm ──KEEPALIVE──► Established
//	    └───────┬──────────┴─────────────┬───────────┘
//	            └──── any error, abort ──┴──► over
//
// One goroutine runs it. What it does beyond its own connection, it asks of its
// peer.
type conn struct {
	server    *Server
	peer      *peer
	spec      peering.Session
	transport transport
	outgoing  bool // we dialled

	state   State // guarded by peer.mu, since collisions are decided across connections
	out     outbox
	session *Session // set when Established
	done    chan struct{}

	negotiated Negotiated
	decoder    wire.Decoder
	rest       []byte                 // head of a message that is not all here yet
	reading    []byte                 // the message in hand, or the last of the batch in hand
	exhibit    atomic.Pointer[[]byte] // what that was when a panic came

	heard     moment      // of the last message
	handing   atomic.Bool // we are not reading, for reasons of our own
	hold      *time.Timer
	keepalive *time.Timer

	mu     sync.Mutex
	ending *ending // the first cause of the end
}

// ending is why a connection ends: what we tell the peer, what it told us, or
// what the network said.
type ending struct {
	sent     *bgp.Notification
	detail   string // what else there is to say about sent
	received *bgp.Notification
	err      error
	replaced bool          // by a new connection of a peer that restarted (RFC 4724 §5)
	embargo  bool          // it must not come back for a while
	pause    time.Duration // the while, if the embargo begins when the connection is left
	quiet    bool          // a collision: no attempt failed
	stuck    bool          // sent is what we would say if the peer took anything
	broken   bool          // the path to the peer: nothing of its is forwarded there any more
}

func (e *ending) text() string {
	switch {
	case e.replaced:
		return "replaced by a new connection of the peer"
	case e.stuck:
		return e.sent.Error() + ": the peer takes nothing"
	case e.received != nil:
		return "peer sent NOTIFICATION: " + e.received.Error()
	case e.sent != nil:
		return "sent NOTIFICATION: " + e.sent.Error() + e.detail
	case errors.Is(e.err, io.EOF):
		return "peer closed the connection"
	}
	return e.err.Error()
}

// openWait bounds OpenSent: the "large value" of RFC 4271 §8.2.2.
const openWait = 4 * time.Minute

func newConn(p *peer, t transport, outgoing bool) *conn {
	c := &conn{server: p.server, peer: p, spec: p.spec, transport: t, outgoing: outgoing, state: OpenSent, done: make(chan struct{})}
	c.out.transport, c.out.sent = t, &p.sent
	c.out.flushed = make(chan struct{})
	c.out.stop, c.out.broke = c.unwritable, c.broke
	c.out.sendHold = func() time.Duration { return max(sendHoldLeast, 2*c.negotiated.HoldTime) }
	return c
}

// unwritable ends a connection that can't be written. A peer that took nothing for
// the send hold time can't be told, either (RFC 9687 §3.2).
func (c *conn) unwritable(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.finish(&ending{stuck: true, sent: &bgp.Notification{Code: bgp.CodeSendHold}})
		return
	}
	c.finish(&ending{err: fmt.Errorf("write: %w", err)})
}

// sendHoldLeast is the default of RFC 9687 §4.
const sendHoldLeast = 8 * time.Minute

// run is the life of the connection.
func (c *conn) run() {
	defer close(c.done)
	c.heard.note()
	c.steps()
	c.mu.Lock()
	end := c.ending
	c.mu.Unlock()
	c.stopTimers()
	c.peer.left(c, end)
	c.farewell(end)
}

type step func() step

func (c *conn) steps() {
	defer c.rescue("reading")
	for step := c.openSent; step != nil; {
		step = step()
	}
}

// openSent sends our OPEN and waits for the peer's.
func (c *conn) openSent() step {
	ours := c.server.open(c.spec, c.peer.known())
	message, err := ours.Append(nil)
	if err != nil {
		return c.fail(&ending{err: err})
	}
	c.peer.sent.opens.Add(1)
	c.out.send(message, false)
	typ, body, end := c.readMessage(openWait)
	if end != nil {
		return c.fail(end)
	}
	if typ != wire.TypeOpen {
		return c.fail(c.unexpected(typ, body, bgp.FSMUnexpectedInOpenSent))
	}
	c.peer.received.opens.Add(1)
	theirs, fault := wire.ParseOpen(body)
	if fault == nil {
		c.negotiated, fault = negotiate(c.server.self, c.spec, &ours, &theirs)
	}
	if fault != nil {
		return c.fail(&ending{sent: fault, detail: mismatch(fault, c.spec, &theirs)})
	}
	c.peer.challenge(c)
	if !c.peer.admit(c) {
		return c.fail(&ending{sent: bgp.Cease(bgp.CeaseCollision, ""), quiet: true})
	}
	return c.openConfirm
}

// openConfirm confirms the peer's OPEN and waits for it to confirm ours.
func (c *conn) openConfirm() step {
	c.sendKeepalive()
	c.startTimers()
	typ, body, end := c.readMessage(0)
	if end != nil {
		return c.fail(end)
	}
	if typ != wire.TypeKeepalive {
		return c.fail(c.unexpected(typ, body, bgp.FSMUnexpectedInOpenConfirm))
	}
	c.peer.received.keepalives.Add(1)
	if !c.peer.establish(c) {
		return c.fail(&ending{sent: bgp.Cease(bgp.CeaseCollision, ""), quiet: true})
	}
	return c.established
}

// established reads until the connection ends.
func (c *conn) established() step {
	n := &c.negotiated
	c.decoder = wire.Decoder{
		FourOctetAS: n.FourOctetAS, Internal: c.spec.Kind.Internal(), Families: n.Families, AddPath: n.AddPathTaken,
		Local: c.transport.Local().Addr(), Discard: c.server.discard,
	}
	c.server.handler.Up(c.session)
	end := c.readRoutes()
	c.fail(end)
	return nil
}

// unexpected is a message that does not belong in the state, which the data names
// (RFC 6608 §4). A NOTIFICATION always belongs.
func (c *conn) unexpected(typ wire.Type, body []byte, subcode uint8) *ending {
	if typ == wire.TypeNotification {
		c.peer.received.notifications.Add(1)
		return &ending{received: wire.ParseNotification(body)}
	}
	return &ending{sent: &bgp.Notification{Code: bgp.CodeFSM, Subcode: subcode, Data: []byte{byte(typ)}}}
}

// fail ends the state machine.
func (c *conn) fail(end *ending) step {
	c.finish(end)
	return nil
}

// errRestart: the connection is closed without a word, so that the peer keeps our
// routes (RFC 4724 §4.2).
var errRestart = errors.New("we are restarting")

// abort ends the connection from outside, without a NOTIFICATION if n is nil. It is on
// its way when abort returns, as far as the peer's window allows.
func (c *conn) abort(n *bgp.Notification, quiet bool) {
	end := &ending{sent: n, quiet: quiet}
	if n == nil {
		end.err = errRestart
	}
	c.finish(end)
}

// finish notes the first cause of the end and wakes the reader.
func (c *conn) finish(end *ending) {
	c.mu.Lock()
	first := c.ending == nil
	if first {
		c.ending = end
	}
	c.mu.Unlock()
	if !first {
		return
	}
	if end.sent != nil && !end.stuck {
		c.peer.sent.notifications.Add(1)
		c.out.send(wire.AppendNotification(nil, end.sent), true)
	}
	_ = c.transport.SetReadDeadline(time.Unix(1, 0))
}

// doomed says whether the connection was told to end.
func (c *conn) doomed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending != nil
}

// farewellTime bounds how long a closed connection lingers for the peer to read
// why: a close with octets unread would reset the connection and lose the
// NOTIFICATION.
const farewellTime = time.Second

func (c *conn) farewell(end *ending) {
	defer c.transport.Close()
	if end.sent == nil || end.stuck {
		return
	}
	last := time.NewTimer(farewellTime)
	defer last.Stop()
	select {
	case <-c.out.flushed:
	case <-last.C:
		return
	}
	linger(c.transport)
}

// linger reads what the peer still sends, until it closes or the time is up.
func linger(t transport) {
	t.CloseWrite()
	if t.SetReadDeadline(time.Now().Add(farewellTime)) != nil {
		return
	}
	waste := make([]byte, 512)
	for {
		if _, err := t.Read(waste); err != nil {
			return
		}
	}
}

// readMessage reads one message, for the states before Established. It takes not
// an octet more than that. wait bounds it; 0 leaves that to the hold timer.
func (c *conn) readMessage(wait time.Duration) (typ wire.Type, body []byte, end *ending) {
	if wait > 0 {
		c.deadline(time.Now().Add(wait))
	}
	head := make([]byte, wire.HeaderLength)
	if end := c.readFull(head); end != nil {
		return 0, nil, end
	}
	length, typ, fault := wire.ParseHeader(head, wire.MaxMessage)
	if fault != nil {
		return 0, nil, &ending{sent: fault}
	}
	body = make([]byte, length-wire.HeaderLength)
	if end := c.readFull(body); end != nil {
		return 0, nil, end
	}
	if wait > 0 {
		c.deadline(time.Time{})
	}
	c.heard.note()
	return typ, body, nil
}

// deadline sets the read deadline, unless the connection has been told to end.
func (c *conn) deadline(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending == nil {
		_ = c.transport.SetReadDeadline(at)
	}
}

func (c *conn) readFull(b []byte) *ending {
	for len(b) > 0 {
		n, err := c.transport.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			// Only the wait in OpenSent gets here first: an abort has its cause noted.
			return &ending{sent: &bgp.Notification{Code: bgp.CodeHoldTimer}}
		}
		if err != nil {
			return &ending{err: err}
		}
		b = b[n:]
	}
	return nil
}
