package agent

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"heddle/agent/derive"
	"heddle/agent/fib"
	"heddle/agent/firewall"
	"heddle/agent/routes"
	"heddle/bgp"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/topology"
)

// Kernel is what forwards. *fib.Kernel is the real one; its methods say what they do.
type Kernel interface {
	Links() ([]fib.Link, error)
	Dump(family bgp.Family, yield func(*fib.Found) bool) error
	Replace(r fib.Route)
	Remove(prefix netip.Prefix)
	Flush() []fib.Failure
	Watch(ctx context.Context, f func(fib.Event)) error
	Port(p fib.Port) (changed bool, err error)
	Unport(index int, name string) error
	Forward(family bgp.Family) (changed bool, err error)
	LooseRPF() (bool, error)
}

// Filter is what filters. *firewall.Driver is the real one.
type Filter interface {
	Existing() ([]string, error)
	Prepare(s *firewall.State) (wrote bool, err error)
	Apply(ctx context.Context, s *firewall.State) (wrote bool, err error)
	Changed() (bool, error)
	Repair(ctx context.Context) (wrote bool, err error)
	Fill(set string, members []netip.Prefix) error
	Change(set string, add, remove []netip.Prefix) error
	Forget(addresses []netip.Addr) (flows int, err error)
}

// Install says which of the routes that the reflectors tell go into the kernel.
type Install uint8

// The modes. The zero value is All.
const (
	InstallAll  Install = iota
	InstallRack         // those of hosts on a link of ours; for the rest there is a default route
	InstallNone
)

// String is the word of the flag.
func (i Install) String() string { return [...]string{"all", "rack", "none"}[i] }

// Config is what an Agent needs to know.
type Config struct {
	Host    derive.Config
	ASN     bgp.ASN
	Install Install
	Kernel  Kernel
	Filter  Filter
	Log     *slog.Logger
}

// sessions is what the loop asks of *session.Server.
type sessions interface {
	Release(batch *wire.Batch)
	Wake(list []*session.Session)
	Peers() []session.Status
}

// Agent is the loop. Create one with New, Attach the sessions, then Run.
type Agent struct {
	cfg      Config
	log      *slog.Logger
	kernel   Kernel
	filter   Filter
	sessions sessions
	attach   func(*session.Session, session.Stream)
	speaker  speaker

	events  chan event
	kicks   chan fib.Event
	stopped chan struct{} // closed when Run has ended

	// What follows belongs to the loop.
	snapshot  *topology.Snapshot // in force; nil until there is one with our node
	node      topology.Node
	protected []netip.Addr
	frozen    string // why the latest snapshot is not in force

	links    []fib.Link
	sources  [2]netip.Addr // of the host's own packets, by family; see source
	linksOld bool          // something about them changed
	state    *derive.State
	stale    bool // state is to be derived anew
	local    map[netip.Prefix]derive.Route
	ports    map[string]fib.Port // readied
	sets     map[string]*set
	byTag    map[tagged][]*set

	table     *routes.Table
	peers     map[*session.Session]*peer
	lost      map[routes.Peer]time.Time
	synced    bool // inventory and reflectors have said all: what is left over may go
	firstEOR  time.Time
	preserved bool                 // a process before us has left routes
	found     map[netip.Prefix]int // to workloads that it left, by the index of their interface
	inherited map[string]bool      // sets that it left; nil: not looked yet
	departed  map[netip.Addr]bool  // whose flows are to be forgotten

	resolver resolver
	failed   map[netip.Prefix]error
	check    bool // everything is to be compared with the kernel
	due      deadlines
	trouble  map[string]string // problems of the drivers, by what they are about
	counts   Counts
}

// event is something that happens to the loop.
type event struct {
	session  *session.Session
	batch    *wire.Batch
	ending   *session.Ending
	snapshot *topology.Snapshot
	protect  []netip.Addr
	taken    chan<- bool // whether the snapshot is in force
	ask      func()
}

// eventsMost bounds what waits for the loop; beyond it the sessions stop reading.
const eventsMost = 64

// New returns an agent. Nothing happens before Run.
func New(cfg Config) *Agent {
	return &Agent{
		cfg: cfg, log: cfg.Log, kernel: cfg.Kernel, filter: cfg.Filter,
		attach: (*session.Session).Attach,
		events: make(chan event, eventsMost), kicks: make(chan fib.Event, 256), stopped: make(chan struct{}),
		local: map[netip.Prefix]derive.Route{}, found: map[netip.Prefix]int{}, departed: map[netip.Addr]bool{}, ports: map[string]fib.Port{}, sets: map[string]*set{}, byTag: map[tagged][]*set{},
		table: routes.New(cfg.ASN), peers: map[*session.Session]*peer{}, lost: map[routes.Peer]time.Time{},
		resolver: newResolver(), failed: map[netip.Prefix]error{}, linksOld: true, trouble: map[string]string{},
	}
}

// Attach names the sessions that the agent speaks on, before Run.
func (a *Agent) Attach(s *session.Server) { a.sessions = s }

// Follow gives the agent an inventory, and the addresses that no route may lead away. It
// waits for the loop, which says whether the inventory is in force: one that a slip of
// the hand leaves is not.
func (a *Agent) Follow(ctx context.Context, snapshot *topology.Snapshot, protect []netip.Addr) (taken bool, err error) {
	answer := make(chan bool, 1)
	if err := a.send(ctx, event{snapshot: snapshot, protect: protect, taken: answer}); err != nil {
		return false, err
	}
	select {
	case taken = <-answer:
		return taken, nil
	case <-a.stopped:
		return false, errStopped
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// Up implements session.Handler.
func (a *Agent) Up(s *session.Session) { a.tell(event{session: s}) }

// Batch implements session.Handler. It blocks while the loop is behind, which stops the
// reading from that peer.
func (a *Agent) Batch(s *session.Session, b *wire.Batch) {
	if !a.tell(event{session: s, batch: b}) {
		a.sessions.Release(b)
	}
}

// Down implements session.Handler.
func (a *Agent) Down(s *session.Session, end session.Ending) {
	a.tell(event{session: s, ending: &end})
}

// tell hands an event to the loop. One that has ended takes none, and holds nobody up.
func (a *Agent) tell(e event) bool {
	select {
	case a.events <- e:
		return true
	case <-a.stopped:
		return false
	}
}

var errStopped = errors.New("the agent has ended")

func (a *Agent) send(ctx context.Context, e event) error {
	select {
	case a.events <- e:
		return nil
	case <-a.stopped:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask has the loop do something between two events.
func (a *Agent) ask(ctx context.Context, f func()) error {
	done := make(chan struct{})
	if err := a.send(ctx, event{ask: func() { f(); close(done) }}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-a.stopped:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run drives the host until the context ends. It leaves everything in place.
func (a *Agent) Run(ctx context.Context) error {
	defer close(a.stopped)
	if err := a.kernel.Watch(ctx, a.kick); err != nil {
		return err
	}
	a.due = newDeadlines()
	defer a.due.stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case e := <-a.events:
			a.take(e)
		case k := <-a.kicks:
			a.notice(k)
		case now := <-a.due.tick.C:
			a.onTick(now)
		}
		a.drain()
		a.settle(ctx)
	}
	return nil
}

// kick is called from the watch. What does not fit is not lost: an overrun has
// everything compared.
func (a *Agent) kick(e fib.Event) {
	select {
	case a.kicks <- e:
	default:
		select {
		case <-a.kicks:
		default:
		}
		select {
		case a.kicks <- fib.Event{Kind: fib.Overrun}:
		default:
		}
	}
}

// drainMost is how many events are taken before what they come to is done: a load is
// written in large pieces, a single change at once.
const drainMost = 16

func (a *Agent) drain() {
	for range drainMost {
		select {
		case e := <-a.events:
			a.take(e)
		case k := <-a.kicks:
			a.notice(k)
		default:
			return
		}
	}
}

func (a *Agent) take(e event) {
	switch {
	case e.ask != nil:
		e.ask()
	case e.snapshot != nil:
		taken := a.follow(e.snapshot, e.protect)
		if e.taken != nil {
			e.taken <- taken
		}
	case e.batch != nil:
		a.hear(e.session, e.batch)
		a.sessions.Release(e.batch)
	case e.ending != nil:
		a.goodbye(e.session, *e.ending)
	default:
		a.welcome(e.session)
	}
}

// follow takes a snapshot, unless it is one that a slip of the hand leaves: then all
// stays as it is, and a problem says so.
func (a *Agent) follow(snapshot *topology.Snapshot, protect []netip.Addr) (taken bool) {
	node, known := snapshot.Node(a.cfg.Host.Node)
	a.frozen = ""
	switch {
	case !known:
		a.frozen = "is not in the inventory: nothing is changed until it is; apply it, or name the node as the inventory does with --node"
		return false
	case a.snapshot != nil && a.snapshot.HasSettings() && !snapshot.HasSettings():
		a.frozen = "follows the inventory as it was, since its settings have vanished: apply them again"
		return false
	}
	a.check = a.check || !slices.Equal(node.Addresses, a.node.Addresses)
	a.snapshot, a.node, a.stale = snapshot, node, true
	a.protected = protect
	a.findSources()
	a.guard()
	return true
}

// notice takes word from the kernel.
func (a *Agent) notice(e fib.Event) {
	switch e.Kind {
	case fib.RouteLost:
		a.counts.Repaired++
		a.rewrite(e.Prefix)
	case fib.Links, fib.Overrun:
		a.linksOld = true
		a.due.soon()
	case fib.Underlay:
		a.due.soon()
	}
}
