package bench

import (
	"context"
	"math/rand/v2"
	"time"
)

// playSoak does what happens to a fabric on a long day, in random order, and has
// every table verified after each step.
func playSoak(r *run) error {
	if err := r.fill(); err != nil {
		return err
	}
	u, err := usageOf(r.target.pid)
	if err != nil {
		return err
	}
	r.report.IdleRSS = u.RSS
	s := &soak{run: r, random: rand.New(rand.NewPCG(1, 2)), owners: r.owners()}
	watch := watchSlope(r.target, r.config.Duration)
	defer watch.end(r.report)
	for begin := time.Now(); time.Since(begin) < r.config.Duration; {
		if err := s.next(); err != nil {
			return err
		}
	}
	return r.verify()
}

type soak struct {
	*run
	random *rand.Rand
	owners []int32
	steps  int
}

// next does one thing.
func (s *soak) next() error {
	s.steps++
	select {
	case <-s.ctx.Done():
		return s.ctx.Err()
	case <-time.After(time.Duration(s.random.IntN(20)) * time.Millisecond):
	}
	switch s.random.IntN(8) {
	case 0:
		return s.restart()
	case 1:
		return s.refresh()
	default:
		changes, parcels := s.moves(s.random, s.owners, 1+s.random.IntN(s.config.Moves))
		return s.do("moves", changes, func(context.Context) error { return s.send(parcels) })
	}
}

func (s *soak) do(phase string, changes []change, act func(context.Context) error) error {
	_, err := s.step(phase, changes, act)
	return err
}

// restart has a feeder fail, and return when all know.
func (s *soak) restart() error {
	c := s.e.clients[s.random.IntN(s.config.feeders())]
	var gone, back []change
	for route, owner := range s.owners {
		if owner == c.client {
			gone = append(gone, change{uint32(route), absent})
			back = append(back, change{uint32(route), s.attr(uint32(route), int(owner), 0)})
		}
	}
	err := s.do("failover", gone, func(context.Context) error {
		s.e.hangUp([]*client{c})
		return nil
	})
	if err != nil {
		return err
	}
	s.e.join([]*client{c})
	return s.do("return", back, func(ctx context.Context) error {
		if err := s.e.connect(ctx, []*client{c}, 1); err != nil {
			return err
		}
		return s.send([]parcel{{c, s.sets.build(back)}})
	})
}

// refresh has some clients ask for everything again. That all hold it is nothing
// new: what is measured is only how long the others' next change takes.
func (s *soak) refresh() error {
	var some []*client
	for _, c := range s.members() {
		if s.random.IntN(10) == 0 {
			some = append(some, c)
		}
	}
	return s.do("refresh", nil, func(context.Context) error { return s.e.ask(some) })
}
