package etcd

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"heddle/topology"
)

// Status is how a watcher fares.
type Status struct {
	// Connected: the inventory is followed live. It says nothing about the
	// inventory handed over, which stays as good as it was.
	Connected bool
	// Revision handed over, or about to be.
	Revision int64
	// LastContact is when the datastore was last heard of; zero: never.
	LastContact time.Time
	// Keys the consumer was told of and not told to forget.
	Keys int
	// Relists counts listings after the first, each the end of an interruption.
	Relists uint64
	// Errors counts interruptions and failed attempts to end one.
	Errors uint64
	// Mismatches counts keys that the watch had wrong when it was held against a
	// listing of the same revision. Anything but 0 is a defect of the datastore.
	Mismatches uint64
	// LastError is the reason of the last interruption, for a person.
	LastError string
}

// pace is how often the watcher does what it does by the clock.
type pace struct {
	heartbeat          time.Duration // between questions whether the watch is alive
	silence            time.Duration // after which it is given up
	verify             time.Duration // between comparisons with a listing, give or take a fifth
	page               time.Duration // how long one page of a listing may take
	retryMin, retryMax time.Duration
}

// keepPace suits a fabric: gRPC's keepalive notices a dead connection, the
// heartbeat a server that is connected but stuck, the verification a watch that
// lost something, as etcd's history of faults says can happen.
var keepPace = pace{
	heartbeat: 15 * time.Second,
	silence:   45 * time.Second,
	verify:    10 * time.Minute,
	page:      30 * time.Second,
	retryMin:  100 * time.Millisecond,
	retryMax:  10 * time.Second,
}

// Watcher follows a part of the inventory.
type Watcher struct {
	client *Client
	scope  []string
	pace   pace
	mirror *mirror

	cluster  uint64 // ID of the cluster last heard of; 0: none yet
	revision int64  // up to which the mirror is complete
	verifyAt time.Time

	mu     sync.Mutex
	status Status
}

// Watch prepares a watcher of the keys in scope, such as topology.HostScope gives
// them; without any, of the whole inventory.
func (c *Client) Watch(scope ...string) *Watcher {
	if len(scope) == 0 {
		scope = []string{topology.Prefix}
	}
	return &Watcher{client: c, scope: scope, pace: keepPace, mirror: newMirror()}
}

// Status is safe to call at any time.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	status := w.status
	w.mu.Unlock()
	status.Keys = w.mirror.keys()
	return status
}

// Run hands over batches until the context ends, and gives the reason for that
// end. It is to be called once. Whatever fails is retried for as long as it takes.
//
// It waits for out to take a batch but goes on listening meanwhile: what happens
// to a key while the consumer is busy melts into one change, so that a slow
// consumer costs memory for each key at most once and is never further behind
// than one batch.
func (w *Watcher) Run(ctx context.Context, out chan<- topology.Batch) error {
	var delivery sync.WaitGroup
	delivery.Go(func() { w.deliver(ctx, out) })
	w.follow(ctx)
	delivery.Wait()
	return context.Cause(ctx)
}

func (w *Watcher) deliver(ctx context.Context, out chan<- topology.Batch) {
	for {
		select {
		case <-w.mirror.wake:
		case <-ctx.Done():
			return
		}
		batch, ok := w.mirror.take()
		if !ok {
			continue
		}
		select {
		case out <- batch:
		case <-ctx.Done():
			return
		}
	}
}

// follow lists and watches again and again. An attempt that lasted longer than
// the longest pause was a success, and the next failure is a new one.
func (w *Watcher) follow(ctx context.Context) {
	delay := w.pace.retryMin
	for {
		began := time.Now()
		err := w.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		w.lost(err)
		if time.Since(began) > w.pace.retryMax {
			delay = w.pace.retryMin
		}
		select {
		case <-time.After(delay/2 + rand.N(delay/2+1)): // a fabric must not retry in step
		case <-ctx.Done():
			return
		}
		delay = min(2*delay, w.pace.retryMax)
	}
}

// attempt lists, then watches until the watch breaks, and says why it did.
func (w *Watcher) attempt(ctx context.Context) error {
	client, err := w.client.connect(ctx)
	if err != nil {
		return err
	}
	err = w.relist(ctx, client)
	if err == nil {
		err = w.watch(ctx, client)
	}
	if refused(err) {
		w.client.forget(client) // the password may be another by now
	}
	return err
}

// relist compares the whole scope with what the consumer was told.
func (w *Watcher) relist(ctx context.Context, client *clientv3.Client) error {
	w.mirror.begin()
	header, err := w.list(ctx, client, 0, w.mirror.list)
	if err != nil {
		return err
	}
	again := w.cluster != 0
	stranger, backwards := again && header.ClusterId != w.cluster, header.Revision < w.revision
	switch {
	case stranger:
		w.client.log.Warn("another datastore answers", "cluster", header.ClusterId, "before", w.cluster)
	case backwards:
		w.client.log.Warn("the datastore went back in time, as a restored backup does", "revision", header.Revision, "before", w.revision)
	}
	w.cluster, w.revision = header.ClusterId, header.Revision
	w.verifyAt = w.nextVerify()
	differs := w.mirror.end(w.cluster, header.Revision, stranger || backwards)
	w.listed(again, differs)
	return nil
}

// verify holds the watch against a listing of the revision it has reached, which
// must be no different.
func (w *Watcher) verify(ctx context.Context, client *clientv3.Client) error {
	w.mirror.begin()
	header, err := w.list(ctx, client, w.revision, w.mirror.list)
	if err != nil {
		return err
	}
	if header.ClusterId != w.cluster {
		return errStranger // and nothing of its listing is told before the next one
	}
	w.verifyAt = w.nextVerify()
	if differs := w.mirror.end(w.cluster, w.revision, false); differs > 0 {
		w.client.log.Error("the watch was wrong; corrected by a listing", "keys", differs, "revision", w.revision)
		w.mu.Lock()
		w.status.Mismatches += uint64(differs)
		w.mu.Unlock()
	}
	return nil
}

func (w *Watcher) nextVerify() time.Time {
	return time.Now().Add(w.pace.verify*4/5 + rand.N(w.pace.verify*2/5+1))
}

// heard notes a sign of life and how far the mirror is.
func (w *Watcher) heard() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.LastContact = time.Now()
	w.status.Revision = w.revision
}

func (w *Watcher) silentFor() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.status.LastContact)
}

func (w *Watcher) listed(again bool, differs int) {
	w.heard()
	if again {
		w.client.log.Info("inventory compared", "revision", w.revision, "differences", differs)
		w.mu.Lock()
		w.status.Relists++
		w.mu.Unlock()
	}
}

func (w *Watcher) connected() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.status.Connected {
		w.client.log.Info("following the inventory", "revision", w.revision)
	}
	w.status.Connected = true
}

// lost notes the end of an attempt. The log gets one line for an interruption,
// however many attempts it takes to end it.
func (w *Watcher) lost(err error) {
	text := w.client.explain(err).Error()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status.Connected || text != w.status.LastError {
		if w.revision > 0 {
			w.client.log.Warn("inventory lost; the last one stays in force", "reason", text)
		} else {
			w.client.log.Warn("no inventory yet", "reason", text)
		}
	}
	w.status.Connected = false
	w.status.Errors++
	w.status.LastError = text
}
