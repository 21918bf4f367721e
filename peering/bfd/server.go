package bfd

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Server holds the sessions of one speaker.
type Server struct {
	network network
	wake    chan struct{} // the heap has an earlier head

	mu       sync.Mutex
	sessions map[netip.Addr]*session
	mine     map[uint32]*session // by our discriminator
	queue    byTime
	families [2]family // IPv4, IPv6
	closed   bool
	turning  bool // the loop is at it, and will see what is due
	readers  sync.WaitGroup
}

// family is the sockets of one address family: open while it has sessions.
type family struct {
	sessions int
	sockets  *sockets  // nil: closed
	fault    error     // why, though they are wanted
	again    time.Time // when they are tried again
}

// New returns a server that sends from the addresses given, as far as they are
// specific; of a family without, the kernel chooses, and answers come from where the
// peer sent to. Nothing is opened before Run.
func New(local []netip.Addr) *Server { return with(&udp{local}) }

func with(n network) *Server {
	return &Server{network: n, wake: make(chan struct{}, 1), sessions: map[netip.Addr]*session{}, mine: map[uint32]*session{}}
}

// Set makes the session with a peer what is wanted. One that is not wanted any more
// and up stays, unseen, as long as the peer keeps it up: FRR takes the word that we have
// it down, and silence just as well, for a broken path. Changed is told of every change
// that follows, in order; it must neither block nor call the server.
func (s *Server) Set(remote netip.Addr, want Want, changed func(Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	have := s.sessions[remote]
	switch {
	case want == Want{} && have == nil:
	case want == Want{}:
		have.left, have.changed = true, nil
		s.settle(have)
	case have == nil:
		s.add(remote, want, changed)
	default:
		have.changed, have.left = changed, false
		if have.want != want {
			have.want = want
			have.machine.Configure(want.Settings)
			s.schedule(have)
		}
	}
}

func (s *Server) add(remote netip.Addr, want Want, changed func(Event)) {
	mine := rand.Uint32()
	for mine == 0 || s.mine[mine] != nil {
		mine = rand.Uint32()
	}
	added := &session{remote: remote, want: want, machine: NewMachine(want.Settings, mine), changed: changed, since: time.Now(), index: -1}
	s.sessions[remote], s.mine[mine] = added, added
	s.familyOf(remote).sessions++
	s.schedule(added)
}

// End ends the session with a peer, and has the peer told that it is by our will.
func (s *Server) End(remote netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.sessions[remote]; have != nil && !s.closed {
		s.remove(have)
	}
}

// farewells is how often a peer is told that a session ends: nobody is left to tell it
// again (RFC 5880 §6.8.16 has us do so for a detection time, which a process that ends
// has not got).
const farewells = 3

func (s *Server) remove(gone *session) {
	gone.changed = nil
	gone.machine.Close()
	now := time.Now()
	if p, ok := gone.machine.Transmit(now, 0); ok && s.familyOf(gone.remote).sockets != nil {
		for range farewells {
			s.send(gone, p)
		}
	}
	if gone.index >= 0 {
		heap.Remove(&s.queue, gone.index)
	}
	delete(s.sessions, gone.remote)
	delete(s.mine, gone.machine.mine)
	s.familyOf(gone.remote).sessions--
	s.poke() // the last of its family has its sockets closed
}

// Status is the session with a peer; the zero value if there is none.
func (s *Server) Status(remote netip.Addr) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.sessions[remote]; have != nil && !have.left {
		return have.status()
	}
	return Status{}
}

// Fault is why the sessions of a family can't be, if they can't: its ports are taken.
func (s *Server) Fault(remote netip.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.familyOf(remote).fault
}

func (s *Server) familyOf(a netip.Addr) *family {
	if a.Is4() {
		return &s.families[0]
	}
	return &s.families[1]
}

// Run sends, receives and keeps time until the context ends. Sessions that were not ended
// before fall silent then.
func (s *Server) Run(ctx context.Context) {
	timer := time.NewTimer(s.turn(time.Now()))
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
		timer.Reset(s.turn(time.Now()))
	}
	s.shutdown()
}

func (s *Server) shutdown() {
	s.mu.Lock()
	s.closed = true
	for i := range s.families {
		s.families[i].sessions = 0
	}
	s.adjust(time.Now())
	s.mu.Unlock()
	s.readers.Wait()
}

// idle is how long the loop sleeps when nothing is due.
const idle = time.Hour

// turn does what is due and says how long there is nothing to do.
func (s *Server) turn(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.adjust(now)
	if len(s.queue) == 0 {
		return next
	}
	s.turning = true
	for drained := false; len(s.queue) > 0 && !s.queue[0].at.After(now); {
		// What has arrived counts as heard, however late we are to read it.
		if due := s.queue[0]; drained || !due.machine.Silent(now) {
			s.serve(due, now)
			continue
		}
		s.drain(now)
		drained = true
	}
	s.turning = false
	if len(s.queue) == 0 {
		return next
	}
	return min(next, max(0, s.queue[0].at.Sub(now)))
}

// serve does what is due of one session.
func (s *Server) serve(due *session, now time.Time) {
	silent := now.Sub(due.machine.heard)
	known := due.machine.known
	due.note(due.machine.Expire(now), silent, now)
	if known && !due.machine.known {
		due.port, due.local = 0, netip.Addr{} // it may come back in another form
	}
	if p, ok := due.machine.Transmit(now, rand.Float64()); ok {
		s.send(due, p)
	}
	s.settle(due)
}

// settle has a session served when it is due, or ends one that nobody wants.
func (s *Server) settle(have *session) {
	if have.left && have.machine.State() != Up {
		s.remove(have)
		return
	}
	s.schedule(have)
}

// schedule has a session served when it is due.
func (s *Server) schedule(have *session) {
	at, ok := have.machine.Due()
	switch {
	case !ok && have.index >= 0:
		heap.Remove(&s.queue, have.index)
		return
	case !ok:
		return
	case have.index < 0:
		have.at = at
		heap.Push(&s.queue, have)
	case !have.at.Equal(at):
		have.at = at
		heap.Fix(&s.queue, have.index)
	}
	if have.index == 0 && !s.turning {
		s.poke()
	}
}

func (s *Server) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Server) send(to *session, p Packet) {
	open := s.familyOf(to.remote).sockets
	if open == nil {
		return
	}
	var room [Length]byte
	b := p.Append(room[:0])
	for _, port := range to.ports() {
		open.out.write(b, to.local, netip.AddrPortFrom(to.remote, port))
	}
}
