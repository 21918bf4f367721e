package command

import (
	"log/slog"
	"time"

	"heddle/topology"
)

// Followed is a daemon's inventory: what etcd says, guarded against what it is not likely
// to mean, and what is on disk until etcd says something. It has one owner.
type Followed struct {
	topology.Guard

	keeper *Keeper   // nil: etcd is not followed
	saved  time.Time // of what time the inventory is, while it is that of the disk
	frozen string    // why, as the log has it
	log    *slog.Logger
	due    *time.Timer
}

// NewFollowed keeps what etcd says with a keeper, if there is one.
func NewFollowed(keeper *Keeper, log *slog.Logger) *Followed {
	f := &Followed{keeper: keeper, log: log, due: time.NewTimer(time.Hour)}
	f.due.Stop()
	return f
}

// Begin loads what is on disk. If there is something, the channel says when etcd has been
// waited for long enough; Forgo is to follow.
func (f *Followed) Begin() <-chan time.Time {
	if f.keeper == nil {
		return nil
	}
	s, known := f.keeper.Load()
	if !known {
		return nil
	}
	f.Trust(s.Cluster, s.Revision, s.Changes)
	f.saved = s.At
	return time.After(PatienceWithEtcd)
}

// Forgo goes by what is on disk.
func (f *Followed) Forgo() {
	f.log.Warn("etcd does not answer: the inventory is the one that was kept on disk", "of", f.saved.UTC().Format(time.RFC3339))
}

// Hear takes what etcd has to say.
func (f *Followed) Hear(b topology.Batch) {
	f.saved = time.Time{}
	f.Take(time.Now(), b)
	f.tell()
}

// Tick does what time has come for.
func (f *Followed) Tick(now time.Time) {
	f.Guard.Tick(now)
	f.tell()
}

// tell has the log know when the inventory freezes and thaws.
func (f *Followed) tell() {
	_, frozen := f.Withheld()
	switch {
	case frozen == f.frozen:
	case frozen != "":
		f.log.Error("the inventory is frozen: nothing is deleted until `heddle accept` or `heddle reject`", "reason", frozen)
	default:
		f.log.Info("the inventory is frozen no more")
	}
	f.frozen = frozen
}

// Due fires when Tick has something to do.
func (f *Followed) Due() <-chan time.Time {
	if at, ok := f.Guard.Due(); ok {
		f.due.Reset(time.Until(at))
	} else {
		f.due.Stop()
	}
	return f.due.C
}

// Saved is of what time the inventory is, while it is that of the disk; else zero.
func (f *Followed) Saved() time.Time { return f.saved }

// Keep has what is in force kept on disk, unless it is from there.
func (f *Followed) Keep() {
	if f.keeper != nil && f.saved.IsZero() {
		f.keeper.Keep(f.Snapshot(), f.Cluster())
	}
}
