package etcd

import (
	"time"

	"heddle/topology"
)

// Impatient makes a watcher retry sooner than a fabric would want.
func (w *Watcher) Impatient() { w.pace.retryMax = 400 * time.Millisecond }

// Hasten makes a watcher do by the clock what it does, faster than a fabric would
// want.
func (w *Watcher) Hasten(heartbeat, silence, verify time.Duration) {
	w.pace.heartbeat, w.pace.silence, w.pace.verify = heartbeat, silence, verify
}

// Lie has the watcher believe a change that the datastore knows nothing of.
func (w *Watcher) Lie(change topology.Change) {
	w.mirror.fold(0, []topology.Change{change})
}
