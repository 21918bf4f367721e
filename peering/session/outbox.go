package session

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Stream is what a session has to say about routes. It is asked whenever the
// socket can take more, so that a peer that reads slowly gets what is true then,
// and a backlog is a position, not a queue.
type Stream interface {
	// Next appends slices of whole messages, at least one message and then up to
	// about limit octets, and says how many messages that is. The octets are not
	// changed afterwards. It adds nothing when there is nothing to say.
	Next(octets [][]byte, limit int) (more [][]byte, messages int)
}

// gatherLimit is how much is taken from the Stream at a time. A peer that stalls
// pins so much beyond what its socket holds.
const gatherLimit = 256 << 10

// outbox writes to one connection. Anybody may ask it to Pump; one goroutine at a
// time does, and never waits for the peer: when the window is full, a goroutine
// is made to wait for it, and gone when the peer has caught up.
//
//	idle ─Pump─► busy ─nothing left─► idle
//	              │ ▲ └─Pump meanwhile─► again ─► busy
//	  window full │ │ window open
//	              ▼ │
//	            waiting (busy to everyone else)
type outbox struct {
	transport transport
	state     atomic.Int32
	stream    atomic.Pointer[Stream]
	stop      func(error) // told once, when the connection can't be written
	broke     func(doing string, panicked any)
	sendHold  func() time.Duration // how long a peer may take nothing (RFC 9687)
	sent      *Messages
	lastSent  moment
	queued    atomic.Bool // in the crew's queue

	mu      sync.Mutex
	control []byte // whole messages that go before any more routes
	closing bool   // control ends with the last message ever
	done    bool   // flushed is closed

	flushed chan struct{} // closed when the last message is with the kernel, or never will be

	// Owned by whoever is busy.
	begun   [][]byte // what the socket has not taken yet
	stalled time.Time
}

const (
	outboxIdle int32 = iota
	outboxBusy
	outboxAgain
)

// send queues one control message and pumps. last means that the connection ends
// with it.
func (o *outbox) send(message []byte, last bool) {
	o.mu.Lock()
	if !o.closing {
		o.control = append(o.control, message...)
		o.closing = last
	}
	o.mu.Unlock()
	o.Pump()
}

// Pump writes what there is to write, without waiting.
func (o *outbox) Pump() {
	for {
		switch {
		case o.state.CompareAndSwap(outboxIdle, outboxBusy):
			o.run()
			return
		case o.state.CompareAndSwap(outboxBusy, outboxAgain), o.state.Load() == outboxAgain:
			return
		}
	}
}

// run drains while busy, until nothing was asked for meanwhile.
func (o *outbox) run() {
	for {
		o.state.Store(outboxBusy)
		if !o.drain(o.transport.Write) {
			go o.wait()
			return
		}
		if o.state.CompareAndSwap(outboxBusy, outboxIdle) {
			return
		}
	}
}

// wait goes on with a connection whose window is full.
func (o *outbox) wait() {
	for {
		o.state.Store(outboxBusy)
		o.stalled = time.Now()
		o.drain(func(octets [][]byte) (int, error) {
			n, err := o.transport.WriteWait(octets, o.stalled.Add(o.sendHold()))
			if n > 0 {
				o.stalled = time.Now()
			}
			return n, err
		})
		if o.state.CompareAndSwap(outboxBusy, outboxIdle) {
			return
		}
	}
}

// drain writes until there is nothing left (true) or write says errAgain.
func (o *outbox) drain(write func([][]byte) (int, error)) (done bool) {
	defer func() {
		if r := recover(); r != nil {
			o.finish() // where one message ends and the next begins is not known any more
			o.broke("writing", r)
			done = true
		}
	}()
	for {
		if len(o.begun) == 0 && !o.gather() {
			return true
		}
		n, err := write(o.begun)
		if err != nil {
			if errors.Is(err, errAgain) {
				return false
			}
			o.fail(err)
			return true
		}
		o.lastSent.note()
		o.sent.octets.Add(uint64(n))
		o.consume(n)
	}
}

// gather takes what is next: control messages first, since the octets begun
// always end with a whole message.
func (o *outbox) gather() bool {
	o.mu.Lock()
	control, closing := o.control, o.closing
	o.control = nil
	o.mu.Unlock()
	if len(control) > 0 {
		o.begun = append(o.begun, control)
	}
	if closing {
		if len(control) == 0 {
			o.finish()
			return false
		}
		return true
	}
	if s := o.stream.Load(); s != nil {
		o.ask(*s)
	}
	if len(o.begun) == 0 {
		o.begun = nil // an idle session holds no slices
	}
	return len(o.begun) > 0
}

// ask takes what the stream has. One that panics is asked no more, and what was begun
// before goes out in front of the NOTIFICATION.
func (o *outbox) ask(s Stream) {
	defer func() {
		if r := recover(); r != nil {
			o.stream.Store(nil)
			o.broke("asking what to send", r)
		}
	}()
	var messages int
	o.begun, messages = s.Next(o.begun, gatherLimit)
	o.sent.updates.Add(uint64(messages))
}

func (o *outbox) consume(n int) {
	i := 0
	for ; i < len(o.begun) && n >= len(o.begun[i]); i++ {
		n -= len(o.begun[i])
	}
	o.begun = o.begun[:copy(o.begun, o.begun[i:])]
	if n > 0 {
		o.begun[0] = o.begun[0][n:]
	}
}

// finish ends all writing.
func (o *outbox) finish() {
	o.begun = nil
	o.mu.Lock()
	defer o.mu.Unlock()
	o.control, o.closing = nil, true
	if !o.done {
		o.done = true
		close(o.flushed)
	}
}

// fail drops what can't be written any more.
func (o *outbox) fail(err error) {
	o.finish()
	o.stop(err)
}

// waiting says whether control messages wait for the window to open.
func (o *outbox) waiting() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.control) > 0
}
