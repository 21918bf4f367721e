package command

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"heddle/topology"
	"heddle/topology/disk"
)

// PatienceWithEtcd is how long a start waits for the datastore before it goes by what is
// on disk.
const PatienceWithEtcd = 5 * time.Second

// Keeper keeps the last inventory on disk.
type Keeper struct {
	file    string
	log     *slog.Logger
	contact func() time.Time // when the datastore was last heard of
	wake    chan struct{}

	mu      sync.Mutex
	latest  *topology.Snapshot
	cluster uint64
	failure string
}

// A file is written anew when the inventory changed, and every keepLate, so that its age
// is that of the last contact, give or take that. Between two writes is keepShare times
// what the last one took, but keepSoon at least and keepRare at most: what a start without
// the datastore finds is behind by that, and what was deleted meanwhile is a deletion to
// withhold again.
const (
	keepShare = 50
	keepSoon  = time.Second
	keepRare  = 30 * time.Second
	keepLate  = time.Hour
)

// NewKeeper keeps it in a directory.
func NewKeeper(dir string, contact func() time.Time, log *slog.Logger) *Keeper {
	return &Keeper{file: filepath.Join(dir, "inventory"), log: log, contact: contact, wake: make(chan struct{}, 1)}
}

// Load gives what was kept; known is false if there is nothing that can be used.
func (k *Keeper) Load() (s disk.Saved, known bool) {
	s, err := disk.Load(k.file)
	switch {
	case err == nil:
		return s, true
	case !errors.Is(err, fs.ErrNotExist):
		k.log.Error("the inventory on disk", "error", err)
	}
	return disk.Saved{}, false
}

// Keep names the inventory to keep. It does not wait for the disk.
func (k *Keeper) Keep(s *topology.Snapshot, cluster uint64) {
	k.mu.Lock()
	same := k.latest == s && k.cluster == cluster
	k.latest, k.cluster = s, cluster
	k.mu.Unlock()
	if same {
		return
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run writes until the context ends, and then once more.
func (k *Keeper) Run(ctx context.Context) error {
	defer k.write()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.wake:
		case <-time.After(keepLate):
		}
		began := time.Now()
		k.write()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(max(keepShare*time.Since(began), keepSoon), keepRare)):
		}
	}
}

func (k *Keeper) write() {
	k.mu.Lock()
	snapshot, cluster := k.latest, k.cluster
	k.mu.Unlock()
	if snapshot == nil {
		return
	}
	err := disk.Store(k.file, disk.Saved{
		Cluster: cluster, Revision: snapshot.Revision(), At: k.contact(), Changes: topology.ChangesOf(snapshot.Objects()),
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
		if text != k.failure {
			k.log.Error("the inventory can't be kept on disk, and a start without etcd will have none", "error", err)
		}
	}
	k.failure = text
}

// Problems says if the inventory can't be kept.
func (k *Keeper) Problems() []topology.Problem {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure == "" {
		return nil
	}
	return []topology.Problem{{Object: "inventory", Text: "can't be kept on disk (" + k.failure +
		"), so that a start without etcd will have none: make the directory writable, or name another with --data-dir"}}
}
