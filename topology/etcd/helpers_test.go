package etcd_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"heddle/topology"
	"heddle/topology/etcd"
	"heddle/topology/etcd/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; only a failure takes it.
const patience = time.Minute

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// datastore is an etcd server that can be stopped and started again.
type datastore struct {
	t      *testing.T
	cfg    embedded.Config
	server *embedded.Server
}

func startDatastore(t *testing.T, cfg embedded.Config) *datastore {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir() + "/etcd"
	}
	if cfg.ListenClient == nil {
		cfg.ListenClient = []string{"http://127.0.0.1:0"}
	}
	cfg.Logger = quiet()
	d := &datastore{t: t, cfg: cfg}
	d.start()
	d.cfg.ListenClient = d.server.Endpoints() // the same port the next time
	t.Cleanup(d.stop)
	return d
}

func (d *datastore) start() {
	d.t.Helper()
	// While nobody listens there, the kernel may give the port to a connection.
	eventually(d.t, "the port is free", func() bool {
		server, err := embedded.Start(within(d.t), d.cfg)
		if err != nil && !strings.Contains(err.Error(), "address already in use") {
			d.t.Fatal(err)
		}
		d.server = server
		return err == nil
	})
}

func (d *datastore) stop() {
	if d.server != nil {
		d.server.Close()
	}
	d.server = nil
}

func (d *datastore) url() string { return d.cfg.ListenClient[0] }

// raw is etcd's own client, to do what ours does not.
func (d *datastore) raw() *clientv3.Client {
	d.t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: d.cfg.ListenClient, Logger: zap.NewNop()})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	return c
}

func open(t *testing.T, cfg etcd.Config) *etcd.Client {
	t.Helper()
	c, err := etcd.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// consumer runs a watcher and keeps what it is told, as a daemon would.
type consumer struct {
	t       *testing.T
	watcher *etcd.Watcher
	mu      sync.Mutex
	holds   map[string]string
	batches []topology.Batch
	idle    []string      // changes that changed nothing
	news    chan struct{} // closed at the next batch
}

func consume(t *testing.T, watcher *etcd.Watcher) *consumer {
	t.Helper()
	c := &consumer{t: t, watcher: watcher, holds: map[string]string{}, news: make(chan struct{})}
	watcher.Impatient()
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan topology.Batch)
	var running sync.WaitGroup
	running.Go(func() {
		if err := watcher.Run(ctx, out); err == nil {
			t.Error("Run gives no reason for its end")
		}
		close(out)
	})
	running.Go(func() {
		for batch := range out {
			c.take(batch)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return c
}

func (c *consumer) take(batch topology.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if batch.Complete != (len(c.batches) == 0) {
		c.t.Errorf("batch %d is complete: %v", len(c.batches), batch.Complete)
	}
	for _, change := range batch.Changes {
		held, ok := c.holds[change.Path]
		if change.Value == nil && !ok || change.Value != nil && ok && held == string(change.Value) {
			c.idle = append(c.idle, change.Path)
		}
		if change.Value == nil {
			delete(c.holds, change.Path)
		} else {
			c.holds[change.Path] = string(change.Value)
		}
	}
	c.batches = append(c.batches, batch)
	close(c.news)
	c.news = make(chan struct{})
}

func (c *consumer) last() topology.Batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.batches[len(c.batches)-1]
}

// until waits for the consumer to satisfy a condition.
func (c *consumer) until(what string, ok func(holds map[string]string) bool) {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		if ok(c.holds) {
			c.mu.Unlock()
			return
		}
		news := c.news
		c.mu.Unlock()
		select {
		case <-news:
		case <-deadline:
			c.mu.Lock()
			c.t.Fatalf("waited in vain until %s; the consumer holds %v, status %+v", what, c.holds, c.watcher.Status())
		}
	}
}

func (c *consumer) untilEqual(want map[string]string) {
	c.t.Helper()
	c.until(fmt.Sprintf("it holds the %d keys of the datastore", len(want)), func(holds map[string]string) bool {
		return maps.Equal(holds, want)
	})
}

// told gives all changes from the batch numbered from on.
func (c *consumer) told(from int) (changes []topology.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, batch := range c.batches[from:] {
		changes = append(changes, batch.Changes...)
	}
	return changes
}

func (c *consumer) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.batches)
}

// eventually waits for a condition that nobody signals.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(20 * time.Millisecond) // between two looks, not in place of one
	}
}

// untilRefused has a call made until its error says so. A call that has a second may end
// before a busy machine has found out why there is no connection.
func untilRefused(t *testing.T, says string, call func(context.Context) error) {
	t.Helper()
	eventually(t, "a call fails with "+says, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := call(ctx)
		if err == nil {
			t.Fatal("the call succeeds")
		}
		refused := strings.Contains(err.Error(), says)
		if !refused {
			t.Logf("for now: %v", err)
		}
		return refused
	})
}

// contents reads all there is under our prefix.
func contents(t *testing.T, c *clientv3.Client) map[string]string {
	t.Helper()
	response, err := c.Get(within(t), topology.Prefix, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, kv := range response.Kvs {
		out[string(kv.Key)] = string(kv.Value)
	}
	return out
}

func putAll(t *testing.T, c *clientv3.Client, values map[string]string) {
	t.Helper()
	for path, value := range values {
		if _, err := c.Put(within(t), topology.Prefix+path, value); err != nil {
			t.Fatal(err)
		}
	}
}

func deleteAll(t *testing.T, c *clientv3.Client, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if _, err := c.Delete(within(t), topology.Prefix+path); err != nil {
			t.Fatal(err)
		}
	}
}
