package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"heddle/topology"
)

// An agent follows the workloads of its own node alone, and of few things many may be
// gone without harm. Whether what it sees go is part of something greater, it asks the
// datastore: how many workloads there are, and how many there were Window ago.

// lossPatience bounds the wait for the answer.
const lossPatience = 3 * time.Second

// suspect freezes the inventory if a deletion of ours is one of too many in the fabric.
func (c *controller) suspect(ctx context.Context, b topology.Batch) {
	removed, had := c.workloadsRemoved(b)
	if removed == 0 {
		return
	}
	lost, were, err := c.fabricLost(ctx)
	if err != nil {
		c.log.Warn("how many workloads the fabric lost can't be told: it is judged by those of this node", "error", err)
		lost, were = removed, had
	}
	if lost > topology.LossMost(were) {
		c.inventory.Suspect(time.Now(), fmt.Sprintf("%d of %d workloads of the fabric are gone", lost, were))
	}
}

// fabricLost is how many workloads fewer there are than Window ago, and how many there
// were.
func (c *controller) fabricLost(ctx context.Context) (lost, were int, err error) {
	ctx, cancel := context.WithTimeout(ctx, lossPatience)
	defer cancel()
	before, known := c.past.ago()
	if !known {
		return 0, 0, errors.New("its past is not known")
	}
	if c.counted != before {
		if c.were, err = c.client.Count(ctx, topology.KindWorkload, before); err != nil {
			return 0, 0, err
		}
		c.counted = before
	}
	are, err := c.client.Count(ctx, topology.KindWorkload, 0)
	return c.were - are, c.were, err
}

// workloadsRemoved is how many of our workloads a batch deletes, and how many we had.
func (c *controller) workloadsRemoved(b topology.Batch) (removed, had int) {
	written := map[string]bool{}
	gone := map[string]bool{}
	for _, change := range b.Changes {
		if change.Value != nil {
			written[change.Path] = true
		} else {
			gone[change.Path] = true
		}
	}
	for w := range c.inventory.Snapshot().WorkloadsOn(c.options.node) {
		had++
		if path := w.Key().Path(); gone[path] || b.Complete && !written[path] {
			removed++
		}
	}
	return removed, had
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
