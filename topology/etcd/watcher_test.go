package etcd_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"heddle/topology"
	"heddle/topology/etcd"
	"heddle/topology/etcd/embedded"
)

func TestFollowsWhatHappens(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	raw := d.raw()
	putAll(t, raw, map[string]string{"nodes/h1": `{"addresses":["192.0.2.11"]}`, "racks/r1": `{}`})
	if _, err := raw.Put(within(t), "/other/key", "x"); err != nil {
		t.Fatal(err)
	}
	c := consume(t, open(t, etcd.Config{Endpoints: []string{d.url()}}).Watch())
	c.untilEqual(contents(t, raw))
	if changes := c.told(0); len(changes) != 2 {
		t.Errorf("the first batch holds %v, want two keys", changes)
	}

	putAll(t, raw, map[string]string{"nodes/h2": `{`, "empty": ``})
	deleteAll(t, raw, "racks/r1")
	c.untilEqual(contents(t, raw))

	before := c.count()
	putAll(t, raw, map[string]string{"nodes/h2": `{`})                // the same again
	putAll(t, raw, map[string]string{"nodes/h1": `{"addresses":[]}`}) // seen later, so the other was too
	c.untilEqual(contents(t, raw))
	if changes := c.told(before); len(changes) != 1 {
		t.Errorf("told %v, want one change", changes)
	}
	status := c.watcher.Status()
	if !status.Connected || status.Keys != 3 || status.Relists != 0 || status.Errors != 0 || status.LastContact.IsZero() {
		t.Errorf("status %+v", status)
	}
	if len(c.idle) > 0 {
		t.Errorf("changes that change nothing: %v", c.idle)
	}

	// The malformed value reaches the inventory, which says so.
	var inventory topology.Inventory
	for _, batch := range c.batches {
		if batch.Complete {
			inventory.Replace(batch.Revision, batch.Changes)
		} else {
			inventory.Apply(batch.Revision, batch.Changes)
		}
	}
	var about []string
	for _, problem := range inventory.Snapshot().Problems() {
		about = append(about, problem.Object)
	}
	if !slices.Equal(about, []string{"/heddle/v1/empty", "node h1", "node h2"}) {
		t.Errorf("problems about %v", about)
	}
}

func TestEmptyDatastoreGivesACompleteEmptyBatch(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	c := consume(t, open(t, etcd.Config{Endpoints: []string{d.url()}}).Watch())
	c.until("there is a batch", func(map[string]string) bool { return len(c.batches) == 1 })
	if len(c.batches[0].Changes) != 0 {
		t.Errorf("batch %+v", c.batches[0])
	}
}

func TestAgentHearsOfItsOwnOnly(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	raw := d.raw()
	all := map[string]string{
		"settings": `{}`, "racks/r1": `{}`, "pools/p": `{"prefix":"10.0.0.0/8"}`, "tags/web": `{"id":1}`, "policies/p": `{}`,
		"nodes/h1": `{}`, "nodes/h10": `{}`, "nodes/h2": `{}`, "routers/rr1": `{}`,
		"workloads/h1/a": `{}`, "workloads/h10/a": `{}`, "workloads/h2/a": `{}`,
	}
	mine := map[string]string{}
	for _, path := range []string{"settings", "tags/web", "policies/p", "nodes/h1", "routers/rr1", "workloads/h1/a"} {
		mine[topology.Prefix+path] = all[path]
	}
	putAll(t, raw, all)
	c := consume(t, open(t, etcd.Config{Endpoints: []string{d.url()}}).Watch(topology.HostScope("h1")...))
	c.untilEqual(mine)
	for path := range all {
		putAll(t, raw, map[string]string{path: `{"again":1}`})
		if _, ok := mine[topology.Prefix+path]; ok {
			mine[topology.Prefix+path] = `{"again":1}`
		}
	}
	c.untilEqual(mine)
	deleteAll(t, raw, slices.Collect(maps.Keys(all))...)
	c.untilEqual(map[string]string{})
}

// A consumer that does not take its batches finds, when it does, each key at most
// once, however often it changed.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	raw := d.raw()
	putAll(t, raw, map[string]string{"nodes/h0": "0"})
	watcher := open(t, etcd.Config{Endpoints: []string{d.url()}}).Watch()
	ctx, cancel := context.WithCancel(within(t))
	out := make(chan topology.Batch)
	ended := make(chan error)
	go func() { ended <- watcher.Run(ctx, out) }()
	defer func() {
		cancel()
		<-ended
	}()
	holds := map[string]string{}
	take := func(batch topology.Batch) {
		for _, change := range batch.Changes {
			if change.Value == nil {
				delete(holds, change.Path)
			} else {
				holds[change.Path] = string(change.Value)
			}
		}
	}
	take(<-out)
	var last *clientv3.PutResponse
	for i := range 1000 {
		var err error
		if last, err = raw.Put(within(t), fmt.Sprintf("%snodes/h%d", topology.Prefix, i%20), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the watcher has heard it all", func() bool { return watcher.Status().Revision >= last.Header.Revision })
	// One batch was on offer all the time, the other holds all that came since.
	total := 0
	for range 2 {
		batch := <-out
		total += len(batch.Changes)
		take(batch)
	}
	if want := contents(t, raw); !maps.Equal(holds, want) {
		t.Errorf("after two batches the consumer holds %v, want %v", holds, want)
	}
	if total > 40 {
		t.Errorf("%d changes for 20 keys in two batches", total)
	}
}

func TestQuietWatchStaysConnected(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	watcher := open(t, etcd.Config{Endpoints: []string{d.url()}}).Watch(topology.HostScope("h1")...)
	watcher.Hasten(20*time.Millisecond, time.Minute, time.Hour)
	consume(t, watcher)
	eventually(t, "the watch is live", func() bool { return watcher.Status().Connected })
	first := watcher.Status().LastContact
	eventually(t, "signs of life come in", func() bool { return watcher.Status().LastContact.Sub(first) > 100*time.Millisecond })
	if status := watcher.Status(); status.Errors > 0 || !status.Connected {
		t.Errorf("status %+v", status)
	}
}

func TestWatchThatLiedIsCorrected(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	raw := d.raw()
	putAll(t, raw, map[string]string{"racks/r1": `{}`})
	putAll(t, raw, map[string]string{"racks/r2": `{}`}) // the last one, which the watch repeats
	watcher := open(t, etcd.Config{Endpoints: []string{d.url()}}).Watch()
	watcher.Hasten(20*time.Millisecond, time.Minute, 100*time.Millisecond)
	c := consume(t, watcher)
	c.untilEqual(contents(t, raw))

	watcher.Lie(topology.Change{Path: topology.Prefix + "racks/r1"})
	watcher.Lie(topology.Change{Path: topology.Prefix + "racks/r3", Value: []byte(`{}`)})
	eventually(t, "the mismatch is found", func() bool { return watcher.Status().Mismatches == 2 })
	c.untilEqual(contents(t, raw))

	putAll(t, raw, map[string]string{"racks/r4": `{}`})
	c.untilEqual(contents(t, raw))
	if status := watcher.Status(); status.Mismatches != 2 || status.Errors != 0 {
		t.Errorf("status %+v", status)
	}
}

// A listing of many pages is one of one revision: a pair of keys, on its first
// and its last page, that always change together never appear unequal.
func TestPagesAreOfOneRevision(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	raw := d.raw()
	var ops []clientv3.Op
	for i := range 2500 {
		ops = append(ops, clientv3.OpPut(fmt.Sprintf("%sworkloads/h1/m%05d", topology.Prefix, i), "{}"))
	}
	for chunk := range slices.Chunk(ops, 100) {
		if _, err := raw.Txn(within(t)).Then(chunk...).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	first, last := topology.Prefix+"workloads/h1/a", topology.Prefix+"workloads/h1/z"
	twins := func(i int) {
		if _, err := raw.Txn(within(t)).Then(clientv3.OpPut(first, fmt.Sprint(i)), clientv3.OpPut(last, fmt.Sprint(i))).Commit(); err != nil {
			t.Error(err)
		}
	}
	twins(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				twins(i)
			}
		}
	}()
	client := open(t, etcd.Config{Endpoints: []string{d.url()}})
	for range 5 {
		c := consume(t, client.Watch())
		c.until("there are some batches", func(map[string]string) bool { return len(c.batches) > 2 })
		c.mu.Lock()
		for i, batch := range c.batches {
			values := map[string]string{}
			for _, change := range batch.Changes {
				values[change.Path] = string(change.Value)
			}
			if values[first] == "" || values[first] != values[last] {
				t.Errorf("batch %d has the twins %q and %q", i, values[first], values[last])
			}
		}
		c.mu.Unlock()
	}
	for range 5 {
		snapshot, err := client.Snapshot(within(t))
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		for _, problem := range snapshot.Problems() { // a number is no value, and each is named
			texts[problem.Object] = problem.Text
		}
		if texts["workload h1/a"] == "" || texts["workload h1/a"] != texts["workload h1/z"] {
			t.Errorf("pages of different revisions: %q and %q", texts["workload h1/a"], texts["workload h1/z"])
		}
	}
	close(stop)
	<-done
}

// Watches begin while a writer never rests, and each hears of every key.
func TestNothingFallsBetweenListingAndWatch(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	raw := d.raw()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if _, err := raw.Put(t.Context(), fmt.Sprintf("%stags/t%d", topology.Prefix, i), "{}"); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	client := open(t, etcd.Config{Endpoints: []string{d.url()}})
	var consumers []*consumer
	for range 20 {
		c := consume(t, client.Watch())
		c.until("there are some batches", func(map[string]string) bool { return len(c.batches) > 2 })
		consumers = append(consumers, c)
	}
	close(stop)
	<-done
	want := contents(t, raw)
	for _, c := range consumers {
		c.untilEqual(want)
	}
}
