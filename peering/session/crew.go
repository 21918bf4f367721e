package session

import (
	"context"
	"sync"
)

// crew pumps outboxes on a few goroutines, so that whoever has news for a thousand
// sessions hands over the list and goes on. A session is in the queue once at
// most, which bounds it.
type crew struct {
	mu     sync.Mutex
	wanted *sync.Cond
	queue  []*outbox
	head   int // of what is left of queue
	closed bool
}

func newCrew() *crew {
	c := &crew{}
	c.wanted = sync.NewCond(&c.mu)
	return c
}

// shift is how many sessions a worker takes at a time: few enough that the others
// get their share of a short list.
const shift = 8

// wake has the sessions pumped soon.
func (c *crew) wake(sessions []*Session) {
	c.mu.Lock()
	for _, s := range sessions {
		if o := &s.conn.out; o.queued.CompareAndSwap(false, true) {
			c.queue = append(c.queue, o)
		}
	}
	c.mu.Unlock()
	c.wanted.Broadcast()
}

// run works until the context ends.
func (c *crew) run(ctx context.Context, workers int) {
	var done sync.WaitGroup
	for range workers {
		done.Go(c.work)
	}
	<-ctx.Done()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wanted.Broadcast()
	done.Wait()
}

func (c *crew) work() {
	var mine [shift]*outbox
	for {
		n := c.take(mine[:])
		if n == 0 {
			return
		}
		for _, o := range mine[:n] {
			o.queued.Store(false)
			o.Pump()
		}
		clear(mine[:])
	}
}

// take waits for work; 0 means that there will be no more.
func (c *crew) take(mine []*outbox) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.head == len(c.queue) && !c.closed {
		c.wanted.Wait()
	}
	if c.closed {
		return 0
	}
	n := copy(mine, c.queue[c.head:])
	clear(c.queue[c.head : c.head+n])
	if c.head += n; c.head == len(c.queue) {
		c.queue, c.head = c.queue[:0], 0
	}
	return n
}
