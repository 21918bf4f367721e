package main

import (
	"context"
	"errors"
	"fmt"
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
	if !c.losesWorkloads(b) {
		return
	}
	c.inventory.Judged = []topology.Kind{topology.KindWorkload}
	lost, were, err := c.fabricLost(ctx)
	if err != nil {
		c.log.Warn("how many workloads the fabric lost can't be told: it is judged by those of this node", "error", err)
		c.inventory.Judged = nil
	}
	reason := ""
	switch {
	case c.nodeGone(ctx):
		reason = "the node of this host is gone"
	case err == nil && lost > topology.LossMost(were):
		reason = fmt.Sprintf("%d of %d workloads of the fabric are gone", lost, were)
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
// were.
func (c *controller) fabricLost(ctx context.Context) (lost, were int, err error) {
	before, known := c.past.ago()
	if !known {
		return 0, 0, errors.New("its past is not known")
	}
	if c.counted != before {
		if c.were, err = c.count(ctx, before); err != nil {
			return 0, 0, err
		}
		c.counted = before
	}
	are, err := c.count(ctx, 0)
	return c.were - are, c.were, err
}

// count is how many workloads the fabric has, or had at a revision.
func (c *controller) count(ctx context.Context, revision int64) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, lossPatience)
	defer cancel()
	return c.client.Count(ctx, topology.KindWorkload, revision)
}

// losesWorkloads says whether a batch deletes any of ours.
func (c *controller) losesWorkloads(b topology.Batch) bool {
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
		if path := w.Key().Path(); gone[path] || b.Complete && !written[path] {
			return true
		}
	}
	return false
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
