package reflector

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/reflector/rib"
	"heddle/topology"
)

// Sessions is what the reflector needs of the sessions' server.
type Sessions interface {
	// Wake says that these sessions' streams have something new; it does not block.
	Wake([]*session.Session)
	// Release takes a batch back.
	Release(*wire.Batch)
}

// Config is what a Reflector needs to know.
type Config struct {
	Self rib.Self
	Log  *slog.Logger
	// LogOctets bounds the log of each update group; a peer that is further behind
	// walks the table. 0 is the default.
	LogOctets int
	// Defer is how long after a start End-of-RIB is withheld at most.
	Defer time.Duration
}

// logOctets holds the initial routes of a large fabric several times over.
const logOctets = 16 << 20

// Reflector owns the tables. It implements session.Handler.
type Reflector struct {
	rib      *rib.RIB
	slog     *slog.Logger
	sessions Sessions
	limit    int // octets of a group's log

	events  chan event
	asked   chan func()
	hungry  chan struct{}
	stopped chan struct{}

	// Owned by the loop.
	plan      *peering.Plan // nil: not told yet, and everybody is wanted
	members   map[netip.Addr]*member
	byID      map[rib.SourceID]*member
	dropping  map[*member]struct{}
	walking   map[*member]struct{} // those whose walk is not nil
	leaving   []*member
	groups    []*group
	views     []rib.View // of groups, in their order
	refresh   map[*member]bgp.FamilySet
	pace      pace
	tick      time.Time // of the last housekeeping
	refreshed time.Time // when refreshes were answered last
	stats     Stats
	woken     []*session.Session
	tagsOf    *topology.Snapshot // that tagNames is of
	tagNames  map[uint32]string
	deferral  time.Duration
	started   time.Time            // when somebody first was to be told something
	deferred  bool                 // End-of-RIB is not withheld any more
	heard     bool                 // something that may end that, and was not looked at
	owing     map[*member]struct{} // those that wait for it
	draining  bool                 // Drain was called
	sampled   time.Time            // when the racks were counted last
	trends    map[string]*trend    // by rack
	missing   missing
	unfit     unfit
}

// event is one thing a session reported. Exactly one of arrival, batch and ending
// is set.
type event struct {
	arrival *arrival
	outlet  outlet
	key     netip.Addr
	batch   *wire.Batch
	ending  *session.Ending
}

// eventsMost bounds what sessions have reported and the loop has not taken in. When
// it is full, sessions stop reading.
const eventsMost = 256

// New returns a reflector without peers. Attach and Run follow.
func New(c Config) *Reflector {
	if c.LogOctets == 0 {
		c.LogOctets = logOctets
	}
	return &Reflector{
		rib: rib.New(c.Self, rib.DefaultLimits()), slog: c.Log, limit: c.LogOctets, deferral: c.Defer, owing: map[*member]struct{}{},
		events: make(chan event, eventsMost), asked: make(chan func()), hungry: make(chan struct{}, 1), stopped: make(chan struct{}),
		members: map[netip.Addr]*member{}, byID: map[rib.SourceID]*member{}, dropping: map[*member]struct{}{}, walking: map[*member]struct{}{}, refresh: map[*member]bgp.FamilySet{},
	}
}

// Attach names the server whose sessions this reflector handles; before Run.
func (r *Reflector) Attach(s Sessions) { r.sessions = s }

// Up implements session.Handler.
func (r *Reflector) Up(s *session.Session) {
	a := &arrival{outlet: s, session: s, spec: s.Spec, negotiated: s.Negotiated}
	r.report(event{arrival: a, outlet: s, key: s.Spec.Remote})
}

// Batch implements session.Handler.
func (r *Reflector) Batch(s *session.Session, b *wire.Batch) {
	if !r.report(event{outlet: s, key: s.Spec.Remote, batch: b}) {
		r.sessions.Release(b)
	}
}

// Down implements session.Handler.
func (r *Reflector) Down(s *session.Session, e session.Ending) {
	r.report(event{outlet: s, key: s.Spec.Remote, ending: &e})
}

func (r *Reflector) report(e event) bool {
	select {
	case r.events <- e:
		return true
	case <-r.stopped:
		return false
	}
}

// Run is the loop. It ends with the context; sessions should have ended before.
func (r *Reflector) Run(ctx context.Context) error {
	defer close(r.stopped)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(r.next(time.Now()))
		select {
		case <-ctx.Done():
			return nil
		case e := <-r.events:
			r.take(e, time.Now())
		case f := <-r.asked:
			f()
		case <-r.hungry:
		case <-timer.C:
		}
		r.work(time.Now())
	}
}

// housekeeping is how often what is not urgent is looked at.
const housekeeping = time.Second

// next is how long the loop may sleep.
func (r *Reflector) next(now time.Time) time.Duration {
	switch {
	case len(r.dropping) > 0:
		return 0
	case r.rib.Dirty() > 0:
		return r.pace.wait(now, r.rib.Dirty())
	case r.due(now) == 0:
		return 0
	case len(r.refresh) > 0:
		return refreshPause
	case len(r.members) > 0:
		return min(housekeeping, r.due(now))
	}
	return r.due(now)
}

// due is how long until there is something to tell though nothing changes.
func (r *Reflector) due(now time.Time) time.Duration {
	if at, ok := r.rib.Due(); ok {
		return max(0, at.Sub(now))
	}
	return time.Hour
}

// take takes in one event.
func (r *Reflector) take(e event, now time.Time) {
	r.rib.Tick(now)
	if e.arrival != nil {
		r.arrive(*e.arrival, now)
		return
	}
	m := r.members[e.key]
	current := m != nil && m.up && m.arrival.outlet == e.outlet
	switch {
	case e.batch != nil:
		if current {
			r.learn(m, e.batch, now)
		}
		r.sessions.Release(e.batch)
	case current:
		r.depart(m, e.ending.Graceful, now)
	}
}

// learn takes in what a peer said.
func (r *Reflector) learn(m *member, b *wire.Batch, now time.Time) {
	for i := range b.Items {
		item := &b.Items[i]
		switch item.Kind {
		case wire.Announced:
			r.rib.Announce(m.id, item.Family, item.NLRI, &b.Attrs[item.Attrs])
		case wire.Withdrawn:
			r.rib.Withdraw(m.id, item.Family, item.NLRI)
		case wire.EndOfRIB:
			m.said, r.heard = m.said|bgp.FamiliesOf(item.Family), true
			r.endOfRIB(m, item.Family)
		case wire.RefreshRequested:
			r.refresh[m] |= bgp.FamiliesOf(item.Family)
		case wire.RefreshBegun:
			r.finishDrops(m) // of the refresh before: what is marked now is not its
			r.rib.MarkAll(m.id, item.Family, rib.Pending)
		case wire.RefreshEnded:
			m.drops = append(m.drops, drop{family: item.Family, mark: rib.Pending})
			r.dropping[m] = struct{}{}
		}
		if r.rib.Dirty() >= dirtyMost {
			r.flush(now, true)
		}
	}
	r.limitRoutes(m)
}

// takenMost bounds the events taken in before peers are told.
const takenMost = 64

// work does what is due after an event: what is waiting is taken in, as far as it
// goes well into one flush, and then peers are told.
func (r *Reflector) work(now time.Time) {
	r.rib.Tick(now)
	for range takenMost {
		if r.rib.Dirty() >= dirtyMost || !r.takeNext(now) {
			break
		}
	}
	r.dropSome()
	if len(r.leaving) > 0 && r.rib.Dirty() == 0 {
		r.forget()
	}
	if (r.rib.Dirty() > 0 && r.pace.wait(now, r.rib.Dirty()) == 0) || r.due(now) == 0 {
		r.flush(now, len(r.events) > 0 || len(r.dropping) > 0)
	}
	r.answerRefreshes(now)
	r.walkers(now)
	r.pay(now)
	if now.Sub(r.tick) >= housekeeping {
		r.tick = now
		r.expire(now)
		r.tidy(now)
		r.sample(now)
		r.lookForMissing()
		r.unfit.look(r.rib.Overflow(), now)
	}
}

func (r *Reflector) takeNext(now time.Time) bool {
	select {
	case e := <-r.events:
		r.take(e, now)
		return true
	default:
		return false
	}
}

// flush tells every group what changed.
func (r *Reflector) flush(now time.Time, busy bool) {
	chunks := r.rib.Flush(r.views)
	r.forget()
	r.publish(chunks, now, busy)
}

// publish appends what a flush made to the groups' logs, and has it sent.
func (r *Reflector) publish(chunks [][]*rib.Chunk, now time.Time, busy bool) {
	if chunks == nil {
		return
	}
	r.stats.Flushes++
	r.woken = r.woken[:0]
	for i, g := range r.groups {
		if len(chunks[i]) == 0 {
			continue
		}
		g.log.append(chunks[i])
		if cut := g.log.cut(r.limit); cut > 0 {
			r.overflow(g, cut)
		}
		// Members that just fell off the log are woken too: that they are to walk they
		// find out when they look.
		for _, m := range g.members {
			r.woken = append(r.woken, m.arrival.session)
		}
	}
	r.pace.flushed(now, busy, len(r.woken))
	r.sessions.Wake(r.woken)
	r.tidy(now)
}

// ask has the loop run a function and waits for it; it says whether it ran.
func (r *Reflector) ask(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case r.asked <- func() { f(); close(done) }:
		<-done
		return nil
	case <-r.stopped:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errStopped = errors.New("the reflector has stopped")
