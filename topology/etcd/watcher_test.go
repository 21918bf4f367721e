package etcd_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// The datastore stops, its keys change behind the back of the watcher, its history
// is compacted away. What the consumer is told then is the difference: a key that
// came back as it was is not told, no key is deleted to be added again.
func TestOutageIsTheDifferenceItMade(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	raw := d.raw()
	l := startLink(t, d.url())
	random := rand.New(rand.NewPCG(7, 7))
	path := func() string { return fmt.Sprintf("workloads/h1/w%d", random.IntN(40)) }
	for range 30 {
		putAll(t, raw, map[string]string{path(): fmt.Sprint(random.IntN(5))})
	}
	c := consume(t, open(t, etcd.Config{Endpoints: []string{l.url()}}).Watch())
	c.untilEqual(contents(t, raw))

	for round := range 4 {
		before, batches := contents(t, raw), c.count()
		l.cut()
		eventually(t, "the loss is noticed", func() bool { return !c.watcher.Status().Connected })
		var last int64
		for range 60 {
			p := path()
			if random.IntN(3) == 0 {
				deleteAll(t, raw, p)
			}
			if random.IntN(4) > 0 {
				putAll(t, raw, map[string]string{p: fmt.Sprint(random.IntN(5))})
			}
		}
		response, err := raw.Get(within(t), "x")
		if err != nil {
			t.Fatal(err)
		}
		last = response.Header.Revision
		if round%2 == 0 {
			if _, err := raw.Compact(within(t), last, clientv3.WithCompactPhysical()); err != nil {
				t.Fatal(err)
			}
		}
		if round >= 2 {
			d.stop()
			d.start()
		}
		after := contents(t, raw)
		l.mend()
		c.untilEqual(after)

		want := map[string]bool{}
		for p, value := range before {
			if now, ok := after[p]; !ok || now != value {
				want[p] = true
			}
		}
		for p := range after {
			if _, ok := before[p]; !ok {
				want[p] = true
			}
		}
		var told []string
		for _, change := range c.told(batches) {
			told = append(told, change.Path)
		}
		slices.Sort(told)
		if exact := slices.Sorted(maps.Keys(want)); !slices.Equal(told, exact) {
			t.Errorf("round %d: told of %v\nthe difference is %v", round, told, exact)
		}
	}
	if len(c.idle) > 0 {
		t.Errorf("changes that change nothing: %v", c.idle)
	}
	eventually(t, "the watch is live again", func() bool { return c.watcher.Status().Connected })
	if status := c.watcher.Status(); status.Relists < 4 || status.Mismatches > 0 || status.Keys != len(c.holds) {
		t.Errorf("status %+v", status)
	}
}

// The server is stopped and started under a writer that never rests.
func TestRestartsUnderChurn(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	c := consume(t, open(t, etcd.Config{Endpoints: []string{d.url()}}).Watch())
	raw := d.raw()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			key := fmt.Sprintf("%snodes/h%d", topology.Prefix, i%20)
			short, stop := context.WithTimeout(ctx, time.Second)
			if i%7 == 0 {
				_, _ = raw.Delete(short, key) // it may fail: the server is away
			} else {
				_, _ = raw.Put(short, key, fmt.Sprint(i%3))
			}
			stop()
		}
	}()
	for round := range 3 {
		c.until("something is heard", func(map[string]string) bool { return len(c.batches) > 0 })
		n := c.count()
		c.until("changes come in again", func(map[string]string) bool { return len(c.batches) > n+5 })
		if round == 1 {
			response, err := raw.Get(within(t), "x")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := raw.Compact(within(t), response.Header.Revision); err != nil {
				t.Fatal(err)
			}
		}
		d.stop()
		d.start()
	}
	cancel()
	<-done
	c.untilEqual(contents(t, raw))
	if len(c.idle) > 0 {
		t.Errorf("changes that change nothing: %v", c.idle)
	}
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
	out := make(chan etcd.Batch)
	ended := make(chan error)
	go func() { ended <- watcher.Run(ctx, out) }()
	defer func() {
		cancel()
		<-ended
	}()
	holds := map[string]string{}
	take := func(batch etcd.Batch) {
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

// The network carries nothing any more, yet no connection breaks.
func TestSilenceIsNoticed(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	raw := d.raw()
	l := startLink(t, d.url())
	watcher := open(t, etcd.Config{Endpoints: []string{l.url()}}).Watch()
	watcher.Hasten(50*time.Millisecond, 300*time.Millisecond, time.Hour)
	c := consume(t, watcher)
	eventually(t, "the watch is live", func() bool { return watcher.Status().Connected })
	l.stall()
	eventually(t, "the silence is noticed", func() bool { return !watcher.Status().Connected })
	if reason := watcher.Status().LastError; !strings.Contains(reason, "silent") {
		t.Errorf("the reason is %q", reason)
	}
	putAll(t, raw, map[string]string{"racks/r1": `{}`})
	l.flow()
	c.untilEqual(contents(t, raw))
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

// A backup is restored: the same cluster, earlier. Then another cluster answers.
func TestRestoredAndReplacedDatastore(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	putAll(t, d.raw(), map[string]string{"nodes/h1": "1", "nodes/h2": "1"})
	d.stop()
	backup := t.TempDir() + "/backup"
	copyTree(t, d.cfg.Dir, backup)
	d.start()
	raw := d.raw()
	putAll(t, raw, map[string]string{"nodes/h2": "2", "nodes/h3": "2", "nodes/h4": "2", "nodes/h5": "2"})
	deleteAll(t, raw, "nodes/h1")
	c := consume(t, open(t, etcd.Config{Endpoints: []string{d.url()}}).Watch())
	c.untilEqual(contents(t, raw))
	revision := c.watcher.Status().Revision

	n := c.count()
	d.stop()
	d.cfg.Dir = backup
	d.start()
	c.untilEqual(map[string]string{topology.Prefix + "nodes/h1": "1", topology.Prefix + "nodes/h2": "1"})
	if changes := c.told(n); len(changes) != 5 {
		t.Errorf("told %v, want the five keys that differ", changes)
	}
	if now := c.watcher.Status().Revision; now >= revision {
		t.Errorf("revision %d after the backup of an earlier one than %d", now, revision)
	}
	putAll(t, d.raw(), map[string]string{"nodes/h6": "3"}) // the watch is of the restored one
	c.until("the change after the backup is heard", func(holds map[string]string) bool { return holds[topology.Prefix+"nodes/h6"] == "3" })

	d.stop()
	d.cfg.Dir = t.TempDir() + "/other"
	d.start()
	putAll(t, d.raw(), map[string]string{"nodes/h2": "1", "nodes/h6": "4"})
	c.untilEqual(contents(t, d.raw()))
	if len(c.idle) > 0 {
		t.Errorf("changes that change nothing: %v", c.idle)
	}
}

// The endpoints belong to two clusters, by mistake: requests go to either.
func TestTwoClustersAreNotMixed(t *testing.T) {
	t.Parallel()
	one, other := startDatastore(t, embedded.Config{}), startDatastore(t, embedded.Config{})
	watcher := open(t, etcd.Config{Endpoints: []string{one.url(), other.url()}}).Watch()
	watcher.Hasten(20*time.Millisecond, time.Minute, 50*time.Millisecond)
	consume(t, watcher)
	eventually(t, "the mistake is noticed", func() bool {
		return strings.Contains(watcher.Status().LastError, "another datastore answers")
	})
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
