package command

import (
	"errors"
	"sync"
)

// Group runs goroutines and gathers their errors. The zero value is ready.
type Group struct {
	done sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

// Start runs f.
func (g *Group) Start(f func() error) {
	g.done.Go(func() {
		if err := f(); err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.errs = append(g.errs, err)
		}
	})
}

// Wait returns when all have, with what went wrong.
func (g *Group) Wait() error {
	g.done.Wait()
	return errors.Join(g.errs...)
}
