package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/bfd"
	"heddle/peering/wire"
)

// Config is what a Server needs to know.
type Config struct {
	Self      Self
	Listeners []*Listener // which the server closes
	Port      uint16      // of the routers we dial; 0 means 179
	Handler   Handler
	Log       *slog.Logger

	Local   []netip.Addr // that we dial from, beside those of the listeners
	Restart Restart
	// LongLived: the handler keeps the routes of a peer that asks for it for long (RFC
	// 9494), and knows what to think of routes that others keep so.
	LongLived bool
	Discard   bgp.AttrSet // optional attributes, none that we read, that are not passed on
}

// Server holds the sessions of one speaker.
type Server struct {
	self    Self
	restart Restart
	lasting bool // Config.LongLived
	discard bgp.AttrSet
	handler Handler
	log     *slog.Logger
	network network
	bfd     *bfd.Server
	buffers *buffers
	crew    *crew
	conns   sync.WaitGroup // connections
	dialers sync.WaitGroup

	mu        sync.Mutex
	ctx       context.Context // of Run; nil before and after
	plan      *peering.Plan   // nil before the first Apply
	planned   chan struct{}   // closed by the first Apply
	peers     map[netip.Addr]*peer
	listeners []*Listener
	keys      map[netip.Prefix]string // TCP-MD5 keys on the listeners
	passwords map[string]string       // by file, as the last Apply had them
	refusals  refusals
	refusing  chan struct{}
	defects   defects
	limits    limits
	live      atomic.Int64 // connections of peers
	problems  []Problem    // of the last Apply
	dismissal string       // Dismiss
}

// Problem is something that keeps a session from existing.
type Problem struct {
	Object string // the peer, by name or address
	Text   string
}

// buffersMost bounds what is read and not yet taken in: 64 times 64 KiB.
const buffersMost = 64

// New returns a server. Nothing happens before Run and Apply.
func New(c Config) *Server {
	port := c.Port
	if port == 0 {
		port = 179
	}
	s := &Server{
		self: c.Self, restart: c.Restart, lasting: c.LongLived, discard: c.Discard, handler: c.Handler, log: c.Log, listeners: c.Listeners,
		buffers: newBuffers(buffersMost), crew: newCrew(), planned: make(chan struct{}),
		limits: newLimits(descriptors()), peers: map[netip.Addr]*peer{}, keys: map[netip.Prefix]string{}, refusals: newRefusals(), refusing: make(chan struct{}, refusingMost),
	}
	local := slices.Clone(c.Local)
	for _, l := range c.Listeners {
		local = append(local, l.addr.Addr())
	}
	s.network, s.bfd = &tcpNetwork{port: port, local: local}, bfd.New(local)
	return s
}

// Run serves until the context ends; then it ends every session, with Cease,
// administrative shutdown, or without a word if we asked for our routes to be kept and
// nobody called Dismiss, and returns when all are gone.
func (s *Server) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.ctx = inner
	for _, p := range s.peers {
		s.startDialling(p)
	}
	s.mu.Unlock()
	var accepting sync.WaitGroup
	crewCtx, crewDone := context.WithCancel(context.WithoutCancel(ctx))
	accepting.Go(func() { s.crew.run(crewCtx, max(2, runtime.GOMAXPROCS(0))) })
	accepting.Go(func() { s.bfd.Run(crewCtx) })
	for _, l := range s.listeners {
		accepting.Go(func() { s.acceptFrom(inner, l) })
	}
	<-ctx.Done()
	s.shutdown()
	crewDone()
	accepting.Wait()
	return nil
}

// shutdown ends everything that was started.
func (s *Server) shutdown() {
	for _, l := range s.listeners {
		l.Close()
	}
	s.mu.Lock()
	s.ctx = nil
	peers, dismissal := s.peers, s.dismissal
	s.peers = map[netip.Addr]*peer{}
	s.mu.Unlock()
	s.farewells(peers, dismissal)
	s.dialers.Wait()
	s.conns.Wait()
}

// Release gives back a batch that the handler is done with.
func (s *Server) Release(batch *wire.Batch) { s.buffers.put(batch) }

// Wake says that the streams of these sessions have something new. It does not
// block.
func (s *Server) Wake(sessions []*Session) { s.crew.wake(sessions) }

// Peers returns every peer's status, by address.
func (s *Server) Peers() []Status {
	s.mu.Lock()
	peers := make([]*peer, 0, len(s.peers))
	for _, p := range s.peers {
		peers = append(peers, p)
	}
	s.mu.Unlock()
	list := make([]Status, 0, len(peers))
	for _, p := range peers {
		list = append(list, p.status())
	}
	slices.SortFunc(list, func(a, b Status) int { return a.Spec.Remote.Compare(b.Spec.Remote) })
	return list
}

// Problems lists what keeps sessions from existing, strangers included.
func (s *Server) Problems() []Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	admitted := func(remote netip.Addr) bool {
		_, named := s.plan.Find(remote)
		_, ranged := s.plan.Admit(remote)
		return named || ranged
	}
	wanted := 0
	if s.plan != nil {
		wanted = len(s.plan.Sessions)
	}
	list := slices.Concat(s.problems, s.limits.problems(wanted), s.defects.problems(), s.refusals.problems(admitted))
	for _, remote := range slices.SortedFunc(maps.Keys(s.peers), netip.Addr.Compare) {
		if problem, ok := bfdProblem(s.peers[remote].status(), s.bfd.Fault(remote), time.Now()); ok {
			list = append(list, problem)
		}
	}
	return list
}

// Refused counts the connections of strangers that were refused.
func (s *Server) Refused() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusals.total
}

// ErrUnknownPeer is returned when an address has no session.
var ErrUnknownPeer = errors.New("no such peer")

// Reset ends a peer's session with Cease, administrative reset, and the reason;
// it may come back at once, even if it was to wait.
func (s *Server) Reset(remote netip.Addr, reason string) error {
	s.mu.Lock()
	p := s.peers[remote]
	s.mu.Unlock()
	if p == nil {
		return fmt.Errorf("%s: %w", remote, ErrUnknownPeer)
	}
	p.reset(bgp.Cease(bgp.CeaseAdminReset, reason))
	s.gone(p)
	return nil
}
