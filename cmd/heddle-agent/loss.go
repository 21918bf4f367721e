package main

import (
	"context"
	"fmt"
	"time"

	"heddle/topology"
)

// An agent follows the workloads of its own node alone, and of few things many may be
// gone without harm. Whether what it sees go is part of something greater, it asks the
// datastore: how many workloads there are, and how many there were Window ago.

// lossPatience bounds the wait for the answer. Without one, the deletion is taken for what
// it looks like.
const lossPatience = 3 * time.Second

// suspect freezes the inventory if a deletion of ours is one of too many in the fabric.
func (c *controller) suspect(ctx context.Context, b topology.Batch) {
	before, known := c.past.ago()
	if !known || !c.removesWorkloads(b) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lossPatience)
	defer cancel()
	were, err := c.client.Count(ctx, topology.KindWorkload, before)
	if err != nil {
		c.log.Warn("how many workloads the fabric lost can't be told", "error", err)
		return
	}
	are, err := c.client.Count(ctx, topology.KindWorkload, 0)
	if err == nil && were-are > topology.LossMost(were) {
		c.inventory.Suspect(time.Now(), fmt.Sprintf("%d of the fabric's %d workloads are gone", were-are, were))
	}
}

// removesWorkloads says whether a batch deletes workloads that are in force.
func (c *controller) removesWorkloads(b topology.Batch) bool {
	snapshot := c.inventory.Snapshot()
	written := 0
	for _, change := range b.Changes {
		key, err := topology.ParseKey(change.Path)
		if err != nil || key.Kind != topology.KindWorkload {
			continue
		}
		if change.Value == nil {
			return true
		}
		if b.Complete {
			written++
		}
	}
	had := 0
	for range snapshot.WorkloadsOn(c.options.node) {
		had++
	}
	return b.Complete && written < had
}

// past is what the revision of the datastore was.
type past struct{ marks []mark }

type mark struct {
	at       time.Time
	revision int64
}

// often is how often it is noted.
const often = topology.Window / 6

// note notes where the datastore is.
func (p *past) note(now time.Time, revision int64) {
	if revision == 0 {
		return
	}
	p.marks = append(p.marks, mark{now, revision})
	for len(p.marks) > 1 && now.Sub(p.marks[1].at) >= topology.Window {
		p.marks = p.marks[1:]
	}
}

// ago is the revision Window ago, or the first that is known.
func (p *past) ago() (revision int64, known bool) {
	if len(p.marks) == 0 {
		return 0, false
	}
	return p.marks[0].revision, true
}
