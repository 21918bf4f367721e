package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"heddle/bgp"
	"heddle/internal/command"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/reflector"
	"heddle/reflector/rib"
	"heddle/topology"
)

// control turns inventory into plans: the one owner of both.
type control struct {
	options *options
	log     *slog.Logger

	inventory *command.Followed  // of etcd
	static    *topology.Snapshot // of the --inventory files
	refused   error              // why the files as they are now are not in force
	fabric    fabric             // both, as one
	self      rib.Self
	sessions  *session.Server
	tables    *reflector.Reflector

	hangup  chan os.Signal
	current atomic.Pointer[state]
}

// state is what others may see of the control loop.
type state struct {
	complete bool               // the first inventory is here
	snapshot *topology.Snapshot // of etcd
	fabric   *topology.Snapshot // of etcd and files
	plan     func(*topology.Snapshot) *peering.Plan
	problems []peering.Problem
	withheld []topology.Withheld // of etcd, and not in force
	frozen   string              // why, until a person says so
	doubts   []topology.Problem  // about the inventory as a whole
	saved    time.Time           // when the inventory in force was kept on disk; zero: etcd has answered
	self     rib.Self
	sessions *session.Server      // nil until there is an inventory
	tables   *reflector.Reflector // likewise
}

func newControl(o *options, inventory *command.Followed, log *slog.Logger) *control {
	// From now on: a hangup before there is an inventory must not end us.
	c := &control{options: o, log: log, inventory: inventory, hangup: make(chan os.Signal, 1)}
	signal.Notify(c.hangup, syscall.SIGHUP)
	c.current.Store(&state{snapshot: c.inventory.Snapshot()})
	return c
}

func (c *control) snapshot() *topology.Snapshot { return c.current.Load().snapshot }

// me is our object among the routers, from etcd or a file; zero if there is none.
func (c *control) me() topology.Router {
	for _, s := range []*topology.Snapshot{c.snapshot(), c.static} {
		if r, ok := s.Router(c.options.name); ok {
			return r
		}
	}
	return topology.Router{}
}

// asn is that of the settings, from etcd or a file; 0 if they name none.
func (c *control) asn() bgp.ASN {
	return cmp.Or(c.snapshot().Settings().ASN, c.static.Settings().ASN)
}

// first waits for a complete inventory: that of etcd, or that of the disk if etcd does
// not answer.
func (c *control) first(ctx context.Context, batches <-chan topology.Batch) error {
	if err := c.loadStatic(); err != nil {
		return err
	}
	late := c.inventory.Begin()
	select {
	case b := <-batches:
		c.inventory.Hear(b)
	case <-late:
		c.inventory.Forgo()
	case <-ctx.Done():
		return ctx.Err()
	}
	c.current.Store(&state{complete: true, snapshot: c.inventory.Snapshot()})
	return nil
}

func (c *control) attach(ctx context.Context, self rib.Self, sessions *session.Server, tables *reflector.Reflector) error {
	c.self, c.sessions, c.tables = self, sessions, tables
	return c.apply(ctx)
}

// run follows the inventory until the context ends. SIGHUP has files read again.
func (c *control) run(ctx context.Context, batches <-chan topology.Batch) error {
	defer signal.Stop(c.hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-c.inventory.Due():
			c.inventory.Tick(now)
		case b := <-batches:
			c.inventory.Hear(b)
			c.log.Info("inventory", "revision", b.Revision, "changes", len(b.Changes), "objects", count(c.inventory.Snapshot()))
		case <-c.hangup:
			if c.refused = c.loadStatic(); c.refused != nil {
				c.log.Error("reload: nothing changed", "error", c.refused)
			} else {
				c.log.Info("reload", "objects", count(c.static))
			}
		}
		if err := c.apply(ctx); err != nil {
			return command.IgnoreCanceled(err)
		}
	}
}

// apply has routes judged by the inventory, plans the sessions and makes them so.
func (c *control) apply(ctx context.Context) error {
	snapshot := c.inventory.Snapshot()
	self := c.planner()
	plan, problems := peering.For(snapshot, self, peering.SourceEtcd)
	fixed, more := peering.For(c.static, self, peering.SourceStatic)
	problems = append(problems, more...)
	for _, p := range c.static.Problems() {
		problems = append(problems, peering.Problem(p))
	}
	if c.refused != nil {
		problems = append(problems, peering.Problem{Object: "--inventory", Text: fmt.Sprintf(
			"%v (what the files said before stays in force)", c.refused)})
	}
	problems = append(problems, c.outgrown(snapshot)...)
	// Routes first: the first words of a new session are judged by what made it.
	whole := c.fabric.of(snapshot, c.static)
	if err := c.tables.Follow(ctx, whole); err != nil {
		return err
	}
	wanted := peering.Merge(plan, fixed)
	if err := c.tables.Want(ctx, wanted); err != nil {
		return err
	}
	c.sessions.Apply(wanted)
	next := &state{
		complete: true, snapshot: snapshot, fabric: whole, plan: plansOf(self), problems: problems, self: c.self, sessions: c.sessions, tables: c.tables,
		doubts: c.inventory.Problems(), saved: c.inventory.Saved(),
	}
	next.withheld, next.frozen = c.inventory.Withheld()
	c.current.Store(next)
	c.inventory.Keep()
	return nil
}

// outgrown is what the inventory says of us by now that we can't become while we run: a
// fabric is often applied when its reflectors have begun.
func (c *control) outgrown(snapshot *topology.Snapshot) []peering.Problem {
	var problems []peering.Problem
	if asn := snapshot.Settings().ASN; asn != 0 && asn != c.self.ASN {
		problems = append(problems, peering.Problem{Object: "settings", Text: fmt.Sprintf(
			"asn is %s and we run with %s: restart the reflector, or remove --asn if that is what sets it", asn, c.self.ASN)})
	}
	me, _ := snapshot.Router(c.options.name)
	if me.ClusterID != 0 && me.ClusterID != c.self.Cluster {
		problems = append(problems, peering.Problem{Object: me.Key().String(), Text: fmt.Sprintf(
			"clusterID is %s and we run with %s: restart the reflector, or remove --cluster-id if that is what sets it", me.ClusterID, c.self.Cluster)})
	}
	return problems
}

// loadStatic reads the --inventory files.
func (c *control) loadStatic() error {
	changes, err := command.Inventory(c.options.inventory, c.options.etcd.Off())
	if err != nil {
		return err
	}
	var inventory topology.Inventory
	inventory.Apply(0, changes)
	c.static = inventory.Snapshot()
	return nil
}

// planner is who we are to the planning of sessions.
func (c *control) planner() peering.Self {
	self := peering.Self{
		Name: c.options.name, ASN: c.self.ASN, HoldTime: time.Duration(c.options.holdTime) * time.Second,
	}
	for _, address := range c.options.listen {
		if a := address.Addr(); !a.IsUnspecified() {
			self.Addresses = append(self.Addresses, a)
		}
	}
	for _, prefix := range c.options.ranges {
		self.Ranges = append(self.Ranges, peering.Range{Prefix: prefix, PasswordFile: c.options.rangesMD5})
	}
	return self
}

// plansOf plans for fabrics that are not in force.
func plansOf(self peering.Self) func(*topology.Snapshot) *peering.Plan {
	return func(s *topology.Snapshot) *peering.Plan {
		plan, _ := peering.For(s, self, peering.SourceEtcd)
		return plan
	}
}
