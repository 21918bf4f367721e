package session

import (
	"errors"
	"time"
)

// A host that loses power says nothing about it, and calls when it is back. Its session
// of before looks well until the hold time is over, and wins over any newcomer, unless
// configured otherwise (RFC 4271 §6.8), or graceful restart was negotiated (RFC 4724 §5).
// Without that, the old connection is asked for a sign of life first: a KEEPALIVE is
// acknowledged by the kernel of a peer that has the connection, and reset by that of one
// that has not. One that does neither is over, too.

const (
	lifeTime = 2 * time.Second // for a sign of life
	lifeLook = 20 * time.Millisecond
)

var errLifeless = errors.New("the peer called again, and this connection gave no sign of life")

// challenge ends a session that a newcomer would lose against, if there is no life in it. It
// waits for the answer.
func (p *peer) challenge(newcomer *conn) {
	if old := p.rival(newcomer); old != nil && old.lifeless() {
		old.finish(&ending{err: errLifeless})
	}
}

// rival is the session that a newcomer would lose against.
func (p *peer) rival(newcomer *conn) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.establishedConn(); old != nil && !old.doomed() && !old.yields(newcomer) {
		return old
	}
	return nil
}

// yields says whether a session is replaced by a newcomer without a question: the peer
// has restarted (RFC 4724 §5). mu of the peer is held.
func (c *conn) yields(newcomer *conn) bool {
	return c.negotiated.RestartTime > 0 && c.negotiated.RouterID == newcomer.negotiated.RouterID
}

// lifeless says whether a connection is still there and gives no sign of life.
func (c *conn) lifeless() bool {
	asked := time.Now()
	c.sendKeepalive()
	every := time.NewTicker(lifeLook)
	defer every.Stop()
	for {
		select {
		case <-c.done:
			return false
		case <-every.C:
		}
		switch waited := time.Since(asked); {
		case c.transport.Unanswered() < waited:
			return false
		case waited >= lifeTime:
			return true
		}
	}
}
