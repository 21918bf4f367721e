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
	// What nobody waited for any more may be written still.
	eventually(t, "the consumer holds what is in the datastore", func() bool {
		want := contents(t, raw)
		c.mu.Lock()
		defer c.mu.Unlock()
		return maps.Equal(c.holds, want)
	})
	if len(c.idle) > 0 {
		t.Errorf("changes that change nothing: %v", c.idle)
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
	if !c.last().Restored {
		t.Error("nobody is told that the datastore went back")
	}
	if now := c.watcher.Status().Revision; now >= revision {
		t.Errorf("revision %d after the backup of an earlier one than %d", now, revision)
	}
	putAll(t, d.raw(), map[string]string{"nodes/h6": "3"}) // the watch is of the restored one
	c.until("the change after the backup is heard", func(holds map[string]string) bool { return holds[topology.Prefix+"nodes/h6"] == "3" })
	if c.last().Restored {
		t.Error("what happens after the backup is told as if it were in it")
	}

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
