package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"heddle/agent"
	"heddle/agent/fib"
	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/internal/command"
	"heddle/internal/hostapi"
	"heddle/peering/session"
	"heddle/topology"
	"heddle/topology/etcd"
)

// daemon is a running agent: the parts, wired.
//
//	watcher ─► control ─┬─► agent ◄─► kernel, iptables
//	                    └─► sessions ◄─► reflectors
type daemon struct {
	options  *options
	log      *slog.Logger
	asnGiven bool

	web     net.Listener // nil: off
	kernel  *fib.Kernel
	filter  *firewall.Driver
	client  *etcd.Client
	watcher *etcd.Watcher
	keeper  *command.Keeper // nil: etcd is off
	agent   *agent.Agent
	current atomic.Pointer[state]
	known   map[string][]netip.Addr // addresses of etcd, by name; the control loop's
	failed  context.CancelFunc      // ends the daemon: a part of it has
}

// state is what others may see of the control loop.
type state struct {
	waiting  string
	sessions *session.Server
	problems []topology.Problem
	saved    time.Time // of what time the inventory is, while it is that of the disk
}

// run starts everything and returns when the context has ended. The kernel keeps what
// it has.
func (d *daemon) run(ctx context.Context) error {
	if err := d.options.check(); err != nil {
		return err
	}
	if err := d.open(); err != nil {
		return err
	}
	defer d.close()
	d.current.Store(&state{waiting: "there is no inventory yet: is etcd there?"})
	ctx, d.failed = context.WithCancel(ctx)
	defer d.failed()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g := &command.Group{}
	g.Start(func() error { return d.serveHTTP(background) })
	batches := make(chan topology.Batch, 1)
	if d.watcher != nil {
		d.keeper = command.NewKeeper(d.options.dataDir, func() time.Time { return d.watcher.Status().LastContact }, d.log)
		g.Start(func() error { return d.keeper.Run(background) })
		g.Start(func() error { return command.IgnoreCanceled(d.watcher.Run(background, batches)) })
	}
	err := d.control(ctx, background, g, batches)
	command.Stopping()
	stop()
	return errors.Join(command.IgnoreCanceled(err), g.Wait())
}

// open takes hold of what is outside, so that what is missing is found out first.
func (d *daemon) open() (err error) {
	if d.kernel, err = fib.Open(); err != nil {
		return err
	}
	if d.filter, err = firewall.Open(d.options.iptables); err != nil {
		return err
	}
	if d.options.http != "" {
		if d.web, err = net.Listen("tcp", d.options.http); err != nil {
			return fmt.Errorf("listen for HTTP: %w", err)
		}
	}
	if len(d.options.inventory) > 0 || d.options.etcd.Off() {
		return nil
	}
	if d.client, err = d.options.etcd.Open(d.log); err != nil {
		return err
	}
	d.watcher = d.client.Watch(topology.HostScope(d.options.node)...)
	return nil
}

func (d *daemon) close() {
	if d.client != nil {
		d.client.Close()
	}
	_ = d.filter.Close()
	d.kernel.Close()
}

// start begins the sessions and the loop, when it is known who we are.
func (d *daemon) start(ctx, background context.Context, g *command.Group, node topology.Node, asn bgp.ASN) (*session.Server, error) {
	routerID := d.options.routerID
	for _, a := range node.Addresses {
		if routerID == 0 && a.Is4() {
			octets := a.As4()
			routerID = bgp.RouterID(uint32(octets[0])<<24 | uint32(octets[1])<<16 | uint32(octets[2])<<8 | uint32(octets[3]))
		}
	}
	if routerID == 0 {
		return nil, errors.New("no router ID: the node has no IPv4 address; give --router-id")
	}
	preserved, err := d.preserved()
	if err != nil {
		return nil, err
	}
	d.agent = agent.New(agent.Config{
		Host: d.options.host(), ASN: asn, Install: d.options.install, Kernel: d.kernel, Filter: d.filter, Log: d.log,
	})
	sessions := session.New(session.Config{
		Self: session.Self{ASN: asn, RouterID: routerID}, Port: d.options.port, Handler: d.agent, Log: d.log, Local: node.Addresses,
		Restart: session.Restart{Time: time.Duration(d.options.restartTime) * time.Second, Preserved: preserved},
	})
	d.agent.Attach(sessions)
	// The loop outlives the sessions, which tell it of their end.
	g.Start(func() error {
		defer d.failed()
		return d.agent.Run(background)
	})
	g.Start(func() error { return sessions.Run(ctx) })
	g.Start(func() error {
		return command.Watchdog(background, func(ctx context.Context) error { _, err := d.agent.Status(ctx); return err })
	})
	d.log.Info("agent", "version", command.Release, "node", node.Name, "asn", asn, "router-id", routerID, "iptables", d.filter.Backend(), "restarted", preserved)
	if err := command.Economize(); err != nil {
		d.log.Warn("memory that start-up used stays resident", "error", err)
	}
	return sessions, nil
}

// preserved says whether an agent before us left routes, which the kernel went on
// forwarding by.
func (d *daemon) preserved() (found bool, err error) {
	for _, f := range bgp.Families {
		err = d.kernel.Dump(f, func(r *fib.Found) bool {
			found = found || r.Own
			return !found
		})
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

func (d *daemon) serveHTTP(background context.Context) error {
	if d.web == nil {
		return nil
	}
	build := hostapi.Version{Version: command.Release, Commit: command.Commit(), Go: runtime.Version(), Platform: command.Platform()}
	server := &http.Server{
		Handler: hostapi.New(build, d.state), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return background },
	}
	context.AfterFunc(background, func() { _ = server.Close() })
	if err := server.Serve(d.web); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("HTTP: %w", err)
	}
	return nil
}

// state is what the API and the metrics are read from.
func (d *daemon) state() hostapi.State {
	now := d.current.Load()
	s := hostapi.State{Node: d.options.node, Waiting: now.waiting, Sessions: now.sessions, Planning: now.problems, Filter: d.filter.Backend()}
	if now.waiting == "" {
		s.Agent = d.agent
	}
	if d.watcher != nil {
		status := d.watcher.Status()
		s.Datastore, s.Saved = &status, now.saved
		s.Planning = append(slices.Clip(s.Planning), d.keeper.Problems()...)
	}
	return s
}

// protected is the addresses that no route may lead away, beside those that the agent
// knows itself.
func (d *daemon) protected(ctx context.Context, sessions []netip.Addr) []netip.Addr {
	list := sessions
	for _, endpoint := range d.options.etcd.Hosts() {
		if a, err := netip.ParseAddr(endpoint); err == nil {
			list = append(list, a)
			continue
		}
		list = append(list, d.lookup(ctx, endpoint)...)
	}
	return list
}

// lookup gives the addresses of a name. While nobody answers, they are what they were.
func (d *daemon) lookup(ctx context.Context, name string) []netip.Addr {
	patience, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(patience, "ip", name)
	if err != nil {
		return d.known[name]
	}
	for i, a := range found {
		found[i] = a.Unmap()
	}
	if d.known == nil {
		d.known = map[string][]netip.Addr{}
	}
	d.known[name] = found
	return found
}
