package session

import (
	"math/rand/v2"
	"time"

	"heddle/bgp"
	"heddle/peering/wire"
)

// startTimers starts HoldTimer and KeepaliveTimer, unless the peers agreed on none
// (RFC 4271 §4.2).
func (c *conn) startTimers() {
	if c.negotiated.HoldTime == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return
	}
	c.hold = time.AfterFunc(c.negotiated.HoldTime, c.checkHold)
	c.keepalive = time.AfterFunc(c.keepaliveTime(), c.checkKeepalive)
}

func (c *conn) stopTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold != nil {
		c.hold.Stop()
		c.keepalive.Stop()
	}
}

// again sets a timer again, unless the connection is over.
func (c *conn) again(timer **time.Timer, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending == nil {
		(*timer).Reset(d)
	}
}

// checkHold runs when the peer may have been silent for the hold time. Its silence
// must be its own: while we are not reading, or have octets of its that we did
// not get to, it has said something.
func (c *conn) checkHold() {
	defer c.rescue("looking at the hold timer")
	// What arrives is pending, then being handed over, then heard: looked at in this
	// order, it is not missed on its way.
	busy := c.transport.Pending() || c.handing.Load()
	silent := c.heard.ago()
	switch {
	case silent < c.negotiated.HoldTime:
		c.again(&c.hold, c.negotiated.HoldTime-silent)
	case busy:
		c.again(&c.hold, time.Second)
	default:
		c.abort(&bgp.Notification{Code: bgp.CodeHoldTimer}, false)
	}
}

// checkKeepalive says something if we have been silent for a third of the hold
// time (RFC 4271 §10). A peer whose window is full has a KEEPALIVE coming already.
func (c *conn) checkKeepalive() {
	defer c.rescue("looking at the keepalive timer")
	silent := c.out.lastSent.ago()
	interval := c.keepaliveTime()
	if silent < interval {
		c.again(&c.keepalive, interval-silent)
		return
	}
	if !c.out.waiting() {
		c.sendKeepalive()
	}
	c.again(&c.keepalive, interval)
}

func (c *conn) sendKeepalive() {
	c.peer.sent.keepalives.Add(1)
	c.out.send(wire.AppendKeepalive(nil), false)
}

// keepaliveTime is a third of the hold time, less up to a quarter (RFC 4271 §10).
func (c *conn) keepaliveTime() time.Duration { return jitter(c.negotiated.HoldTime / 3) }

// jitter shortens a time by up to a quarter, so that what started together does
// not stay together.
func jitter(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/4+1))
}
