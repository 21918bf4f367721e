package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"heddle/bgp"
	"heddle/internal/command"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/topology"
)

// control follows the inventory: to the agent as a snapshot, to the sessions as a plan.
func (d *daemon) control(ctx, background context.Context, g *command.Group, batches <-chan topology.Batch) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	c := &controller{daemon: d, inventory: command.NewFollowed(d.keeper, d.log)}
	c.inventory.AtOnce = []topology.Kind{topology.KindWorkload, topology.KindPolicy, topology.KindTag}
	if d.watcher == nil {
		if err := c.load(); err != nil {
			return err
		}
		if err := c.apply(ctx, background, g); err != nil {
			return err
		}
	}
	late := c.inventory.Begin()
	c.past.note(time.Now(), c.inventory.Snapshot().Revision())
	notes := time.NewTicker(often)
	defer notes.Stop()
	for {
		select {
		case now := <-notes.C:
			if d.watcher != nil {
				c.past.note(now, d.watcher.Status().Revision)
			}
			if !c.relieve(ctx, now) {
				continue
			}
		case <-ctx.Done():
			return nil
		case <-late:
			c.inventory.Forgo()
		case now := <-c.inventory.Due():
			c.inventory.Tick(now)
		case b := <-batches:
			late = nil
			c.suspect(ctx, b)
			c.inventory.Hear(b)
			if len(c.past.marks) == 0 {
				c.past.note(time.Now(), b.Revision)
			}
			d.log.Info("inventory", "revision", b.Revision, "changes", len(b.Changes))
		case <-hangup:
			if err := c.load(); err != nil {
				d.log.Error("reload: nothing changed", "error", err)
				continue
			}
		}
		if err := c.apply(ctx, background, g); err != nil {
			return err
		}
	}
}

// controller is the one owner of the inventory.
type controller struct {
	*daemon
	inventory *command.Followed
	past      past  // of the datastore
	counted   int64 // revision at which the fabric had so many workloads: counting is dear
	were      int
	suspected int           // how many it had before the loss that froze the inventory
	asked     time.Time     // how many it has by now
	node      topology.Node // as it was when the sessions began
	asn       bgp.ASN
	sessions  *session.Server
}

// load reads the --inventory files, if there are any.
func (c *controller) load() error {
	if len(c.options.inventory) == 0 {
		return nil
	}
	changes, err := command.Inventory(c.options.inventory, true)
	if err != nil {
		return err
	}
	c.inventory.Trust(0, 0, changes)
	return nil
}

// apply gives the inventory to whom it concerns. Sessions begin with the first one that
// has our node: before that nobody knows who we are.
func (c *controller) apply(ctx, background context.Context, g *command.Group) error {
	snapshot := c.inventory.Snapshot()
	node, known := snapshot.Node(c.options.node)
	if !known && c.sessions == nil {
		c.current.Store(&state{waiting: "the inventory has no node " + c.options.node + ": apply it, or name it as the inventory does with --node"})
		return nil
	}
	if c.sessions == nil {
		c.node, c.asn = node, c.options.asn
		if asn := snapshot.Settings().ASN; asn != 0 && !c.asnGiven {
			c.asn = asn
		}
		sessions, err := c.start(ctx, background, g, node, c.asn)
		if err != nil {
			return err
		}
		c.sessions = sessions
		command.Ready()
	}
	plan, wishes := peering.ForHost(snapshot, c.options.node, c.asn, time.Duration(c.options.holdTime)*time.Second, peering.SourceEtcd)
	if !known {
		plan, wishes = nil, nil // the agent says so, and all stays as it is
	}
	protect := c.protectedBy(ctx, plan)
	taken, err := c.agent.Follow(ctx, snapshot, protect)
	if err != nil {
		return command.IgnoreCanceled(err)
	}
	if plan != nil && taken {
		c.sessions.Apply(plan)
	}
	c.current.Store(&state{sessions: c.sessions, problems: c.problems(snapshot, node, known, wishes), saved: c.inventory.Saved()})
	c.inventory.Keep()
	return nil
}

func (c *controller) protectedBy(ctx context.Context, plan *peering.Plan) []netip.Addr {
	var reflectors []netip.Addr
	if plan != nil {
		for _, s := range plan.Sessions {
			reflectors = append(reflectors, s.Remote)
		}
	}
	return c.protected(ctx, reflectors)
}

// problems is what the plan and the inventory leave to a person. Those of other nodes'
// objects are not this host's.
func (c *controller) problems(snapshot *topology.Snapshot, node topology.Node, known bool, wishes []peering.Problem) (list []topology.Problem) {
	list = c.inventory.Problems()
	for _, p := range wishes {
		list = append(list, topology.Problem(p))
	}
	if asn := snapshot.Settings().ASN; asn != 0 && asn != c.asn {
		list = append(list, topology.Problem{Object: "settings", Text: fmt.Sprintf(
			"asn is %s and we run with %s: restart the agent, or remove --asn if that is what sets it", asn, c.asn)})
	}
	if known && !slices.Equal(node.Addresses, c.node.Addresses) {
		list = append(list, topology.Problem{Object: node.Key().String(), Text: "has other addresses than when the agent began: restart it, so that it calls from them"})
	}
	return list
}
