package command

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"heddle/internal/virtual"
	"heddle/topology"
)

// A start without the datastore takes what is on disk for what is in force: a deletion
// that it does not know would be one to withhold, and `reject` would undo it.
func TestWhatIsOnDiskIsASecondBehind(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		k := NewKeeper(t.TempDir(), time.Now, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.Run(ctx) }()
		f := NewFollowed(k, k.log)
		for revision, names := range [][]string{{"1", "2"}, {"3"}, {"4"}, {"5"}} {
			f.Hear(topology.Batch{Complete: revision == 0, Cluster: 7, Revision: int64(revision), Changes: nodes(names...)})
			f.Keep()
			time.Sleep(time.Second)
			synctest.Wait()
			if saved, known := k.Load(); !known || len(saved.Changes) != revision+2 {
				t.Errorf("a second after %q came: %v, %d objects, want %d", names, known, len(saved.Changes), revision+2)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
