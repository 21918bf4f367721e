package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"heddle/peering/wire"
)

// run is one scenario being played.
type run struct {
	ctx    context.Context
	config *Config
	target *target
	sets   *attrSets
	e      *engine
	report *Report
	watch  stopwatch
}

// settle is for how long nothing must happen for the speaker to count as idle.
const settle = 300 * time.Millisecond

// Run plays a scenario. A speaker that is too slow, or that ends sessions, gives a
// report which says so; an error is one of ours, or of the interrupted context.
func Run(ctx context.Context, c Config) (_ *Report, err error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	t, err := aim(ctx, &c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	r := &run{ctx: ctx, config: &c, target: t, sets: newAttrSets(c.family(), c.ASN), report: newReport(&c)}
	if r.e, err = newEngine(t, c.ASN, r.sets, c.Clients+c.Joiners, c.routes()); err != nil {
		return nil, err
	}
	defer func() { _ = r.e.close() }() // its fault was reported
	s, _ := scenarioOf(c.Scenario)
	err = s.play(r)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("interrupted: %w", ctx.Err())
	}
	if err != nil {
		r.report.Failure, r.report.Late = err.Error(), errors.Is(err, context.DeadlineExceeded)
	}
	r.report.First, r.report.Last = spread(r.watch.first), spread(r.watch.last)
	return r.report, r.memory()
}

func newReport(c *Config) *Report {
	r := &Report{
		Scenario: c.Scenario, Speaker: c.Start, Clients: c.Clients, Feeders: c.feeders(), Routes: c.routes(),
		Family: c.family().String(),
	}
	if r.Speaker == "" {
		r.Speaker = c.Target.String()
	}
	return r
}

// memory notes what is resident, once the speaker had time to tidy up.
func (r *run) memory() error {
	if r.report.RSS > 0 {
		return nil // the scenario has done it
	}
	if r.report.Failure == "" {
		select {
		case <-r.ctx.Done():
		case <-time.After(time.Second):
		}
	}
	u, err := usageOf(r.target.pid)
	if err != nil && r.report.Failure != "" {
		return nil // the speaker has died, which was the failure
	}
	r.report.RSS, r.report.Anon, r.report.Peak = u.RSS, u.Anon, u.Peak
	return err
}

// members are the clients that are there from the start.
func (r *run) members() []*client { return r.e.clients[:r.config.Clients] }

// attr is the attribute set of a route, as some client announces it.
func (r *run) attr(route uint32, owner int, version int) attrID {
	return r.sets.id(attrKey{owner: int32(owner), group: r.group(route), version: int32(version), pref: defaultPref})
}

func (r *run) group(route uint32) int32 {
	place := int(route) % r.config.Routes
	return int32(place * r.config.Groups / r.config.Routes)
}

// table is the routes of some feeders, as they announce them first.
func (r *run) table(from, to int) []change {
	list := make([]change, 0, (to-from)*r.config.Routes)
	for route := from * r.config.Routes; route < to*r.config.Routes; route++ {
		list = append(list, change{uint32(route), r.attr(uint32(route), route/r.config.Routes, 0)})
	}
	return list
}

// backupPref is the LOCAL_PREF of the second best.
const backupPref = defaultPref / 2

// backup is the routes of a feeder as its neighbour announces them.
func (r *run) backup(feeder int) []change {
	list := make([]change, r.config.Routes)
	for i := range list {
		route := uint32(feeder*r.config.Routes + i)
		list[i] = change{route, r.sets.id(attrKey{
			owner: int32((feeder + 1) % r.config.feeders()), group: r.group(route), pref: backupPref,
		})}
	}
	return list
}

// parcel is octets for a client to send.
type parcel struct {
	client *client
	octets []byte
}

// parcels are the UPDATEs with which feeders announce their routes.
func (r *run) parcels(from, to int) []parcel {
	var list []parcel
	for i := from; i < to; i++ {
		list = append(list, parcel{r.e.clients[i], r.sets.build(r.table(i, i+1))})
	}
	for i := from; i < to && r.config.Backup; i++ {
		second := r.backup(i)
		list = append(list, parcel{r.e.clients[r.sets.owner(second[0].attr)], r.sets.build(second)})
	}
	return list
}

func (r *run) send(parcels []parcel) error {
	for _, p := range parcels {
		if err := p.client.send(p.octets); err != nil {
			return fmt.Errorf("client %s: %w", clientAddr(int(p.client.client)), err)
		}
		r.sent(p)
	}
	return nil
}

func (r *run) sent(p parcel) {
	r.report.SentOctets += len(p.octets)
	r.report.SentMessages += count(p.octets)
}

// count counts the messages in well-formed octets.
func count(octets []byte) (n int) {
	for ; len(octets) > 0; n++ {
		length, _, _ := wire.ParseHeader(octets, wire.MaxMessage)
		octets = octets[length:]
	}
	return n
}

// connect brings up sessions, which is not measured.
func (r *run) connect(clients []*client) error {
	ctx, cancel := r.limited()
	defer cancel()
	r.e.join(clients)
	stop := r.progress("sessions", func() (int, int) { return r.e.sessions(), len(clients) })
	defer stop()
	if err := r.e.connect(ctx, clients, dialsAtOnce); err != nil {
		return err
	}
	return r.e.quiet(ctx, settle)
}

func (r *run) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(r.ctx, r.config.Deadline, errTimeUp)
}

var errTimeUp = errors.New("time is up")

// fill connects all members and loads the table, which is not measured.
func (r *run) fill() error {
	if err := r.connect(r.members()); err != nil {
		return err
	}
	feeders := r.config.feeders()
	if err := r.play("load", r.table(0, feeders), func(context.Context) error { return r.send(r.parcels(0, feeders)) }); err != nil {
		return err
	}
	r.report.SentOctets, r.report.SentMessages = 0, 0
	ctx, cancel := r.limited()
	defer cancel()
	return r.e.quiet(ctx, settle)
}

// play has something done, and waits until every client knows.
func (r *run) play(phase string, changes []change, act func(context.Context) error) error {
	ctx, cancel := r.limited()
	defer cancel()
	r.e.begin(changes)
	total := max(r.e.missing(), 1)
	stop := r.progress(phase, func() (int, int) { return total - min(r.e.missing(), total), total })
	defer stop()
	err := act(ctx)
	if err == nil {
		err = r.e.wait(ctx)
	}
	return err
}

// measure is a step, verified, of which it is worth knowing when each client was
// done.
func (r *run) measure(phase string, changes []change, act func(context.Context) error) error {
	times, err := r.step(phase, changes, act)
	r.report.Each = spread(times)
	if err != nil {
		return err
	}
	return r.verify()
}

// step is play with what it took noted in the report, and how long until each client
// was whole. There may be many.
func (r *run) step(phase string, changes []change, act func(context.Context) error) ([]time.Duration, error) {
	before, err := usageOf(r.target.pid)
	if err != nil {
		return nil, err
	}
	heard := r.e.heard()
	var begin time.Duration
	failure := r.play(phase, changes, func(ctx context.Context) error {
		begin = r.e.now()
		return act(ctx)
	})
	end := r.e.now()
	after, err := usageOf(r.target.pid)
	if err != nil {
		return nil, errors.Join(failure, err)
	}
	times := r.e.times(begin)
	if failure == nil {
		end = begin + latest(times)
	} else {
		r.report.Missing = r.e.missing()
	}
	r.note(before, after, heard, end-begin)
	r.watch.add(times)
	return times, failure
}

func latest(times []time.Duration) (t time.Duration) {
	for _, other := range times {
		t = max(t, other)
	}
	return t
}

// note adds up what a step took.
func (r *run) note(before, after usage, heard traffic, wall time.Duration) {
	now := r.e.heard()
	r.report.Wall += wall.Seconds()
	r.report.Core += (after.CPU - before.CPU).Seconds()
	r.report.Octets += now.octets - heard.octets
	r.report.Messages += now.messages - heard.messages
	r.report.Announcements += now.routes - heard.routes
	r.report.Changes++
}

// verify looks again when the dust has settled.
func (r *run) verify() error {
	ctx, cancel := r.limited()
	defer cancel()
	if err := r.e.quiet(ctx, settle); err != nil {
		return err
	}
	if n := r.e.missing(); n > 0 {
		r.report.Missing = n
		return fmt.Errorf("all clients had what they must, and then %d routes were wrong", n)
	}
	return nil
}

// progress tells whoever wants to know, until it is stopped.
func (r *run) progress(phase string, done func() (done, total int)) (stop func()) {
	if r.config.Progress == nil {
		return func() {}
	}
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-over:
				return
			case <-time.After(500 * time.Millisecond): // short phases are left alone
			}
			n, total := done()
			r.config.Progress(phase, n, total)
		}
	}()
	return func() { close(over); <-gone }
}
