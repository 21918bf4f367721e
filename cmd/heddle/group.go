package main

import (
	"errors"
	"sync"
)

// group runs goroutines and gathers their errors.
type group struct {
	done sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func newGroup() *group { return &group{} }

func (g *group) start(f func() error) {
	g.done.Go(func() {
		if err := f(); err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.errs = append(g.errs, err)
		}
	})
}

func (g *group) wait() error {
	g.done.Wait()
	return errors.Join(g.errs...)
}
