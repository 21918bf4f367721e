package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Scenario is a kind of work that can be measured.
type Scenario struct {
	Name  string
	Short string
	// Usual is what its command measures by default.
	Usual Config

	check func(*Config) error
	play  func(*run) error
}

// Scenarios lists all, in the order in which they are best read.
func Scenarios() []Scenario {
	fine := func(*Config) error { return nil }
	return []Scenario{
		{
			Name: "load", Short: "Feeders announce their routes, all clients receive them",
			Usual: Config{Clients: 100, Routes: 1000}, check: fine, play: playLoad,
		},
		{
			Name: "late", Short: "Clients join when the table is full, all at once",
			Usual: Config{Clients: 10, Routes: 10000, Joiners: 50}, check: needJoiners, play: playLate,
		},
		{
			Name: "latency", Short: "One route changes at a time: until the first, until the last client knows",
			Usual: Config{Clients: 100, Routes: 10, Changes: 200}, check: needChanges, play: playLatency,
		},
		{
			Name: "churn", Short: "Routes move between feeders: the new one announces, the old one withdraws",
			Usual: Config{Clients: 100, Routes: 1000, Moves: 20000}, check: needMoves, play: playChurn,
		},
		{
			Name: "failover", Short: "A feeder fails: until the last client knows that its routes are gone, or are its backup's",
			Usual: Config{Clients: 20, Routes: 25000}, check: needSurvivors, play: playFailover,
		},
		{
			Name: "storm", Short: "All clients connect at once: until all are Established and know every route",
			Usual: Config{Clients: 2500, Routes: 1}, check: fine, play: playStorm,
		},
		{
			Name: "stalled", Short: "Load while some clients do not read: what the others notice of it",
			Usual: Config{Clients: 1000, Routes: 500, Stalled: 100}, check: needStalled, play: playStalled,
		},
		{
			Name: "strangers", Short: "Load while some clients do not read, others say nothing, and strangers connect all the time",
			Usual: Config{Clients: 1000, Routes: 100, Stalled: 20, Strangers: 5000, Silent: 500, Duration: 20 * time.Second},
			check: needStrangers, play: playStrangers,
		},
		{
			Name: "refresh", Short: "All clients ask for all routes again (RFC 2918), at once",
			Usual: Config{Clients: 100, Routes: 1000}, check: fine, play: playRefresh,
		},
		{
			Name: "soak", Short: "Everything mixed, for a time, verified after each step",
			Usual: Config{Clients: 100, Routes: 100, Moves: 100, Duration: time.Minute}, check: needDuration, play: playSoak,
		},
	}
}

// ScenarioNames lists the names, for people.
func ScenarioNames() string {
	var names []string
	for _, s := range Scenarios() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

func scenarioOf(name string) (Scenario, bool) {
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, true
		}
	}
	return Scenario{}, false
}

func needJoiners(c *Config) error { return atLeast(1, c.Joiners, "joiners") }
func needChanges(c *Config) error { return atLeast(1, c.Changes, "changes") }

func needMoves(c *Config) error {
	if c.feeders() < 2 || c.Moves > c.routes() {
		return fmt.Errorf("%d moves of %d routes between %d feeders: want at most one of each route, between two", c.Moves, c.routes(), c.feeders())
	}
	return atLeast(1, c.Moves, "moves")
}

func needSurvivors(c *Config) error {
	if c.feeders() == c.Clients && c.Clients < 3 {
		return errors.New("want at least two clients to survive")
	}
	return nil
}

func needStalled(c *Config) error {
	if c.Stalled > c.Clients-2 {
		return fmt.Errorf("%d of %d clients stalled: want two that read", c.Stalled, c.Clients)
	}
	return atLeast(1, c.Stalled, "stalled clients")
}

func needStrangers(c *Config) error {
	if c.Duration <= 0 || c.Duration > 10*time.Minute {
		return fmt.Errorf("a storm of %s: want one of up to ten minutes", c.Duration)
	}
	return errors.Join(needStalled(c), atLeast(1, c.Strangers, "strangers"))
}

func needDuration(c *Config) error {
	if c.Duration <= 0 {
		return errors.New("want a duration")
	}
	return needMoves(c)
}

func atLeast(least, n int, what string) error {
	if n < least {
		return fmt.Errorf("%d %s: want at least %d", n, what, least)
	}
	return nil
}

func playLoad(r *run) error {
	if err := r.connect(r.members()); err != nil {
		return err
	}
	return r.load()
}

// load measures the announcement of the whole table.
func (r *run) load() error {
	u, err := usageOf(r.target.pid)
	if err != nil {
		return err
	}
	r.report.IdleRSS = u.RSS
	feeders := r.config.feeders()
	table, parcels := r.table(0, feeders), r.parcels(0, feeders)
	return r.measure("load", table, func(context.Context) error { return r.send(parcels) })
}

func playLate(r *run) error {
	if err := r.fill(); err != nil {
		return err
	}
	joiners := r.e.clients[r.config.Clients:]
	r.e.join(joiners)
	return r.measure("joiners", nil, func(ctx context.Context) error { return r.e.connect(ctx, joiners, len(joiners)) })
}

// pause lets a speaker be idle between two changes.
const pause = 20 * time.Millisecond

func playLatency(r *run) error {
	if err := r.fill(); err != nil {
		return err
	}
	for i := range r.config.Changes {
		if err := r.changeOne(i); err != nil {
			return err
		}
	}
	return r.verify()
}

// changeOne has a feeder change the attributes of a route.
func (r *run) changeOne(i int) error {
	owner := i * 7 % r.config.feeders()
	route := uint32(owner * r.config.Routes)
	changes := []change{{route, r.attr(route, owner, i+1)}}
	parcels := []parcel{{r.e.clients[owner], r.sets.build(changes)}}
	time.Sleep(pause)
	_, err := r.step("changes", changes, func(context.Context) error { return r.send(parcels) })
	return err
}

func playChurn(r *run) error {
	if err := r.fill(); err != nil {
		return err
	}
	changes, parcels := r.moves(rand.New(rand.NewPCG(1, 2)), r.owners(), r.config.Moves)
	return r.measure("moves", changes, func(context.Context) error { return r.send(parcels) })
}

// owners says which feeder has which route, at first.
func (r *run) owners() []int32 {
	owners := make([]int32, r.config.routes())
	for route := range owners {
		owners[route] = int32(route / r.config.Routes)
	}
	return owners
}

// moves takes routes from their owners and gives each to another feeder. All that
// gain something announce it before any that lost it withdraws: so a move is a
// replacement, and never a withdrawal, for whoever keeps the order.
func (r *run) moves(random *rand.Rand, owners []int32, n int) (changes []change, parcels []parcel) {
	feeders := r.config.feeders()
	gained, lost := make([][]change, feeders), make([][]change, feeders)
	for _, place := range random.Perm(len(owners))[:n] {
		route, from := uint32(place), owners[place]
		to := (int(from) + 1 + random.IntN(feeders-1)) % feeders
		c := change{route, r.attr(route, to, 0)}
		changes = append(changes, c)
		gained[to] = append(gained[to], c)
		lost[from] = append(lost[from], change{route, absent})
		owners[place] = int32(to)
	}
	for _, lists := range [][][]change{gained, lost} {
		for i, list := range lists {
			if len(list) > 0 {
				parcels = append(parcels, parcel{r.e.clients[i], r.sets.build(list)})
			}
		}
	}
	return changes, parcels
}

func playFailover(r *run) error {
	if err := r.fill(); err != nil {
		return err
	}
	var changes []change
	for route := range r.config.Routes {
		changes = append(changes, change{uint32(route), absent})
	}
	if r.config.Backup {
		changes = r.backup(0)
	}
	return r.measure("failover", changes, func(context.Context) error {
		r.e.hangUp(r.e.clients[:1])
		return nil
	})
}

func playStorm(r *run) error {
	members := r.members()
	r.e.join(members)
	for _, p := range r.parcels(0, r.config.feeders()) {
		p.client.greeting = append(p.client.greeting, p.octets...)
		r.sent(p)
	}
	return r.measure("storm", r.table(0, r.config.feeders()), func(ctx context.Context) error {
		return r.e.connect(ctx, members, len(members))
	})
}

func playRefresh(r *run) error {
	if err := r.fill(); err != nil {
		return err
	}
	return r.measure("refresh", r.table(0, r.config.feeders()), func(context.Context) error { return r.e.ask(r.members()) })
}
