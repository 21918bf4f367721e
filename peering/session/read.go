package session

import (
	"bytes"
	"fmt"
	"sync"

	"heddle/bgp"
	"heddle/peering/wire"
)

// bufferSize holds the longest message, extended ones included.
const bufferSize = 64 << 10

// buffers lends batches to connections. There are so many at most: when all are
// with the handler, reading stops and the peers' windows fill up.
type buffers struct {
	slots chan struct{}
	pool  sync.Pool
}

func newBuffers(most int) *buffers {
	b := &buffers{slots: make(chan struct{}, most)}
	b.pool.New = func() any { return &wire.Batch{Octets: make([]byte, bufferSize)} }
	return b
}

// get says also whether it had to wait.
func (b *buffers) get() (batch *wire.Batch, waited bool) {
	select {
	case b.slots <- struct{}{}:
	default:
		waited = true
		b.slots <- struct{}{}
	}
	return b.pool.Get().(*wire.Batch), waited
}

func (b *buffers) put(batch *wire.Batch) {
	batch.Reset()
	b.pool.Put(batch)
	<-b.slots
}

// readRoutes reads messages until the connection ends and says why.
func (c *conn) readRoutes() *ending {
	for {
		batch, octets, err := c.fill()
		if err != nil {
			return &ending{err: err}
		}
		if end := c.digest(octets, batch); end != nil {
			return end
		}
	}
}

// digest reads what arrived and hands it on. The batch comes back if that panics.
func (c *conn) digest(octets []byte, batch *wire.Batch) *ending {
	handed, done := false, false
	defer func() {
		if !done {
			exhibit := bytes.Clone(c.reading[:min(len(c.reading), exhibitMost)])
			c.exhibit.Store(&exhibit)
		}
		if c.reading = nil; !handed {
			c.server.buffers.put(batch)
		}
	}()
	end := c.parse(octets, batch)
	whole := len(c.rest) < len(octets) // half a message is no sign of life (RFC 4271 §8.2.2)
	if len(batch.Items) > 0 {
		c.server.handler.Batch(c.session, batch)
		handed = true
	}
	if whole {
		c.heard.note()
	}
	c.handing.Store(false)
	done = true
	return end
}

// fill waits for octets and reads them into a batch, behind the part of a message
// that was there before. The batch is taken only when there is something to read:
// there are fewer of them than sessions. From then on, until the handler has it,
// the peer's silence is not looked at: what it said is neither pending nor heard.
func (c *conn) fill() (batch *wire.Batch, octets []byte, err error) {
	if err := c.transport.Await(); err != nil {
		return nil, nil, err
	}
	c.handing.Store(true)
	batch, waited := c.server.buffers.get()
	if waited {
		c.heard.note() // we were silent, not the peer
	}
	n, err := c.transport.Read(batch.Octets[copy(batch.Octets, c.rest):])
	if err != nil {
		c.server.buffers.put(batch)
		return nil, nil, err
	}
	octets = batch.Octets[:len(c.rest)+n]
	c.peer.received.octets.Add(uint64(n))
	return batch, octets, nil
}

// parse reads the whole messages and keeps the rest for later.
func (c *conn) parse(octets []byte, batch *wire.Batch) *ending {
	for len(octets) >= wire.HeaderLength {
		length, typ, fault := wire.ParseHeader(octets, c.negotiated.MaxMessage)
		if fault != nil {
			return &ending{sent: fault}
		}
		if len(octets) < length {
			break
		}
		c.reading = octets[:length]
		if end := c.message(typ, octets[wire.HeaderLength:length], batch); end != nil {
			return end
		}
		octets = octets[length:]
	}
	c.rest = append(c.rest[:0], octets...)
	if len(octets) == 0 {
		c.rest = nil
	}
	return nil
}

// message takes in one message in Established.
func (c *conn) message(typ wire.Type, body []byte, batch *wire.Batch) *ending {
	in := &c.peer.received
	switch typ {
	case wire.TypeKeepalive:
		in.keepalives.Add(1)
		return nil
	case wire.TypeUpdate:
		in.updates.Add(1)
		return c.update(body, batch)
	case wire.TypeRouteRefresh:
		in.refreshes.Add(1)
		if !c.negotiated.RouteRefresh {
			return nil // RFC 2918 §4: only peers that were offered it may ask
		}
		if fault := c.decoder.Refresh(body, c.negotiated.EnhancedRefresh, batch); fault != nil {
			return &ending{sent: fault}
		}
		return nil
	}
	return c.unexpected(typ, body, bgp.FSMUnexpectedInEstablished)
}

// update decodes an UPDATE. A fault costs what RFC 7606 says it costs.
func (c *conn) update(body []byte, batch *wire.Batch) *ending {
	before := len(batch.Items)
	faults := c.decoder.Update(body, batch)
	if n := c.decoder.Discarded; n > 0 {
		c.peer.received.stripped.Add(n)
		c.decoder.Discarded = 0
	}
	for _, item := range batch.Items[before:] {
		if item.Kind == wire.Withdrawn {
			c.peer.received.withdrawUpdates.Add(1)
			break
		}
	}
	if len(faults) == 0 {
		return nil
	}
	c.peer.received.discarded.Add(1)
	worst := &faults[0]
	for i := range faults {
		if faults[i].Consequence > worst.Consequence {
			worst = &faults[i]
		}
	}
	c.peer.malformed(worst)
	if worst.Consequence == wire.ResetSession {
		return &ending{sent: worst.Notification(), err: fmt.Errorf("%w", worst)}
	}
	return nil
}
