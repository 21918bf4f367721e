package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"heddle/bgp"
	"heddle/internal/command"
	"heddle/peering/session"
	"heddle/reflector"
	"heddle/reflector/rib"
	"heddle/topology"
	"heddle/topology/etcd"
	"heddle/topology/etcd/embedded"
)

func reflectorCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "reflector",
		Short: "Run the route reflector",
		Long: "Run the route reflector: take the fabric from etcd, hold sessions with its hosts, routers and other reflectors,\n" +
			"and reflect routes between them as RFC 4456 says. Every flag is also a key of the file given with --config.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := command.Load(o.config, cmd.Flags()); err != nil {
				return err
			}
			log, err := command.Logger(o.logLevel)
			if err != nil {
				return err
			}
			d := &daemon{options: &o, log: log, asnGiven: cmd.Flags().Changed("asn")}
			return d.run(cmd.Context())
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

// daemon is a running reflector: the parts, wired.
//
//	listeners ─► embedded etcd ─► watcher ─► first complete inventory
//	                                             │ AS, router ID, cluster ID
//	                        reflector ◄─► sessions ◄─ control (plan after plan)
type daemon struct {
	options  *options
	log      *slog.Logger
	asnGiven bool

	listeners []*session.Listener
	web       net.Listener     // nil: off
	embedded  *embedded.Server // nil: etcd is elsewhere, or off
	client    *etcd.Client
	watcher   *etcd.Watcher
	keeper    *command.Keeper // nil: etcd is off
	control   *control
}

// run starts everything and returns when the context has ended and all is down.
func (d *daemon) run(ctx context.Context) error {
	if err := d.listen(); err != nil {
		return err
	}
	defer d.closeListeners()
	stopDatastore, err := d.openDatastore(ctx)
	if err != nil {
		return err
	}
	defer stopDatastore()

	// What the sessions and the tables need outlives the signal: they end first.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g := &command.Group{}
	d.keep(background, g)
	d.control = newControl(d.options, command.NewFollowed(d.keeper, d.log), d.log)
	g.Start(func() error { return d.serveHTTP(ctx, background) })
	g.Start(func() error { d.watchEmbedded(background); return nil })
	batches := make(chan topology.Batch, 1)
	if d.watcher != nil {
		g.Start(func() error { return command.IgnoreCanceled(d.watcher.Run(background, batches)) })
	} else {
		batches <- topology.Batch{Complete: true}
	}
	serveErr := d.serve(ctx, background, g, batches)
	stop()
	return errors.Join(serveErr, g.Wait())
}

// keep has the inventory of etcd kept on disk.
func (d *daemon) keep(background context.Context, g *command.Group) {
	if d.watcher == nil {
		return
	}
	d.keeper = command.NewKeeper(d.options.dataDir, func() time.Time { return d.watcher.Status().LastContact }, d.log)
	g.Start(func() error { return d.keeper.Run(background) })
}

// serve waits for the inventory and then runs sessions and tables until the
// context ends.
func (d *daemon) serve(ctx, background context.Context, g *command.Group, batches <-chan topology.Batch) error {
	if err := d.control.first(ctx, batches); err != nil {
		return command.IgnoreCanceled(err)
	}
	self, err := d.identity()
	if err != nil {
		return err
	}
	tables := reflector.New(reflector.Config{Self: self, Log: d.log, Defer: time.Duration(d.options.deferral) * time.Second})
	sessions := session.New(session.Config{
		Self: session.Self{ASN: self.ASN, RouterID: self.RouterID}, Listeners: d.listeners,
		Port: d.options.port, Handler: tables, Log: d.log, Discard: bgp.AttrsOf(d.options.discard...),
		Restart:   session.Restart{Time: time.Duration(d.options.restartTime) * time.Second, Preserved: true}, // packets never pass us
		LongLived: true,
	})
	tables.Attach(sessions)
	g.Start(func() error { return tables.Run(background) })
	d.log.Info("reflector", "version", command.Release, "asn", self.ASN, "router-id", self.RouterID, "cluster-id", self.Cluster,
		"revision", d.control.snapshot().Revision(), "objects", count(d.control.snapshot())+count(d.control.static))
	if err := command.Economize(); err != nil {
		d.log.Warn("memory that start-up used stays resident", "error", err)
	}
	if err := d.control.attach(background, self, sessions, tables); err != nil {
		return command.IgnoreCanceled(err)
	}
	g.Start(func() error { return d.control.run(background, batches) })
	g.Start(func() error {
		return command.Watchdog(background, func(ctx context.Context) error { _, err := tables.Report(ctx); return err })
	})
	command.Ready()
	defer command.Stopping()
	if d.options.drain {
		var stop func()
		ctx, stop = d.drained(ctx, background, sessions, tables)
		defer stop()
	}
	return sessions.Run(ctx)
}

func (d *daemon) listen() error {
	for _, address := range d.options.listen {
		l, err := session.Listen(address)
		if err != nil {
			d.closeListeners()
			return err
		}
		d.listeners = append(d.listeners, l)
	}
	if d.options.http == "" {
		return nil
	}
	web, err := net.Listen("tcp", d.options.http)
	if err != nil {
		d.closeListeners()
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	d.web = web
	return nil
}

func (d *daemon) closeListeners() {
	for _, l := range d.listeners {
		l.Close()
	}
	if d.web != nil {
		_ = d.web.Close()
	}
}

// openDatastore starts the embedded etcd if no other is named, and a client.
func (d *daemon) openDatastore(ctx context.Context) (stop func(), err error) {
	o := d.options
	if o.etcd.Off() {
		return func() {}, nil
	}
	stopServer := func() {}
	if len(o.etcd.Endpoints) == 0 {
		server, err := embedded.Start(ctx, embedded.Config{Dir: o.dataDir, ListenClient: o.etcdListen, Logger: d.log})
		if err != nil {
			return nil, fmt.Errorf("%w; see --data-dir and --etcd-listen", err)
		}
		o.etcd.Endpoints, stopServer = server.Endpoints(), server.Close
		d.log.Info("embedded etcd", "endpoints", o.etcd.Endpoints, "dir", o.dataDir)
		d.embedded = server
	}
	d.client, err = o.etcd.Open(d.log)
	if err != nil {
		stopServer()
		return nil, err
	}
	d.watcher = d.client.Watch()
	return func() { d.client.Close(); stopServer() }, nil
}

// watchEmbedded says when the embedded etcd has failed. Sessions and routes stay:
// they need the inventory only to change.
func (d *daemon) watchEmbedded(ctx context.Context) {
	if d.embedded == nil {
		return
	}
	select {
	case <-ctx.Done():
	case err := <-d.embedded.Failed():
		d.log.Error("embedded etcd failed: the inventory stays as it is; mend the cause and restart", "error", err)
	}
}

// identity is who we are, by flag, file, inventory or default, in that order.
func (d *daemon) identity() (rib.Self, error) {
	o := d.options
	self := rib.Self{ASN: o.asn, RouterID: o.routerID, Cluster: o.clusterID, Ownership: o.ownership}
	if asn := d.control.asn(); asn != 0 && !d.asnGiven {
		self.ASN = asn
	}
	me := d.control.me()
	if self.RouterID == 0 {
		addresses := slices.Clone(me.Addresses)
		for _, l := range d.listeners {
			addresses = append(addresses, l.Addr().Addr())
		}
		self.RouterID = firstIPv4(addresses)
	}
	if self.RouterID == 0 {
		return self, errors.New("no router ID: give --router-id, an IPv4 address to --listen, or the inventory a router named " + o.name)
	}
	if self.Cluster == 0 {
		self.Cluster = me.ClusterID
	}
	if self.Cluster == 0 {
		self.Cluster = bgp.ClusterID(self.RouterID)
	}
	return self, nil
}

func firstIPv4(addresses []netip.Addr) bgp.RouterID {
	for _, a := range addresses {
		if a.Is4() && !a.IsUnspecified() {
			octets := a.As4()
			return bgp.RouterID(uint32(octets[0])<<24 | uint32(octets[1])<<16 | uint32(octets[2])<<8 | uint32(octets[3]))
		}
	}
	return 0
}
