package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"heddle/topology"
	"heddle/topology/etcd"
)

// An agent follows the workloads of its own node alone, and of few things many may be
// gone without harm. Whether what it sees go is part of something greater, it asks the
// datastore: how many workloads there are, and how many there were Window ago.

// lossPatience bounds the wait for the answer.
const lossPatience = 3 * time.Second

// suspect freezes the inventory if a deletion of ours is one of too many in the fabric,
// or our node itself is gone. What the datastore does not tell, the inventory judges by
// the workloads of this node.
func (c *controller) suspect(ctx context.Context, b topology.Batch) {
	removed, leaving, had := c.workloadsRemoved(b)
	if removed+leaving == 0 {
		return
	}
	c.inventory.Judged = []topology.Kind{topology.KindWorkload}
	lost, were, err := 0, 0, error(nil)
	if removed > 0 {
		lost, were, err = c.fabricLost(ctx, had)
	}
	if err != nil {
		c.log.Warn("how many workloads the fabric lost can't be told: it is judged by those of this node", "error", err)
		c.inventory.Judged, were = nil, math.MaxInt
	}
	reason := ""
	switch {
	case c.nodeGone(ctx):
		reason = "the node of this host is gone"
	case err == nil && lost > topology.LossMost(were):
		reason = fmt.Sprintf("%d of %d workloads of the fabric are gone", lost, were)
	case err != nil && removed == had && had > 1:
		reason = fmt.Sprintf("all %d workloads of this node are gone, and what the fabric lost can't be told", had)
	}
	if reason != "" && !c.inventory.Suspected() {
		c.suspected, c.asked = were, time.Now()
		c.inventory.Suspect(c.asked, reason)
	}
}

// nodeGone says whether the datastore has no node of ours. The watch may tell later.
func (c *controller) nodeGone(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, lossPatience)
	defer cancel()
	_, err := c.client.Get(ctx, topology.Key{Kind: topology.KindNode, Name: c.options.node})
	return errors.Is(err, etcd.ErrNotFound)
}

// relieve ends what suspect began when the fabric has all it had again: workloads were
// deleted here first, and made elsewhere after. Less than all may be half of what a
// `heddle reject` writes back.
func (c *controller) relieve(ctx context.Context, now time.Time) bool {
	if !c.inventory.Suspected() || now.Sub(c.asked) < topology.Window {
		return false
	}
	c.asked = now
	if are, err := c.count(ctx, 0); err != nil || are < c.suspected || c.nodeGone(ctx) {
		return false
	}
	c.inventory.Relieve()
	c.inventory.Tick(now)
	return true
}

// fabricLost is how many workloads fewer there are than Window ago, and how many there
// were. A moment at which there were fewer than this node had is none to compare with: it
// was in the middle of another loss, since put right.
func (c *controller) fabricLost(ctx context.Context, had int) (lost, were int, err error) {
	if err := c.remember(ctx, had); err != nil {
		return 0, 0, err
	}
	are, err := c.count(ctx, 0)
	return c.were - are, c.were, err
}

// remember counts the workloads there were, Window ago or as long ago as the datastore
// remembers: it may have been compacted since, and what an agent begins with may be of
// days ago.
func (c *controller) remember(ctx context.Context, had int) error {
	err := errors.New("its past is not known")
	for _, m := range c.past.marks {
		if c.counted != m.revision {
			n, failed := c.count(ctx, m.revision)
			if failed != nil {
				err = failed
				continue
			}
			c.were, c.counted = n, m.revision
		}
		if c.were >= had {
			return nil
		}
	}
	return err
}

// count is how many workloads the fabric has, or had at a revision.
func (c *controller) count(ctx context.Context, revision int64) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, lossPatience)
	defer cancel()
	return c.client.Count(ctx, topology.KindWorkload, revision)
}

// workloadsRemoved is how many of our workloads a batch deletes, and how many we had. Those
// that were leaving are counted apart: it had been said that they would go, and they are
// live elsewhere.
func (c *controller) workloadsRemoved(b topology.Batch) (removed, leaving, had int) {
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
		path := w.Key().Path()
		switch {
		case !gone[path] && (!b.Complete || written[path]):
		case w.State == topology.Leaving:
			leaving++
		default:
			removed++
		}
	}
	return removed, leaving, had
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
