package reflector

import (
	"context"
	"time"

	"heddle/bgp"
)

// Drain has every peer told all its routes again, as those of a speaker that is about to
// go (RFC 8326): with GRACEFUL_SHUTDOWN, and inside the AS with LOCAL_PREF 0, so that a
// path by another reflector wins. It returns when all have taken it, or with the context.
// There is no way back.
func (r *Reflector) Drain(ctx context.Context) error {
	if err := r.ask(ctx, func() { r.drain(time.Now()) }); err != nil {
		return err
	}
	every := time.NewTicker(drainLook)
	defer every.Stop()
	for told := false; ; {
		if err := r.ask(ctx, func() { told = r.allTold() }); err != nil || told {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-every.C:
		}
	}
}

// drainLook is how often it is looked whether all have taken what they are told.
const drainLook = 20 * time.Millisecond

// drain changes all views, and answers as if every peer had asked for a refresh.
func (r *Reflector) drain(now time.Time) {
	r.flush(now, true)
	r.draining, r.woken = true, r.woken[:0]
	for i, g := range r.groups {
		g.view.Draining, g.snapshot = true, nil
		r.views[i] = g.view
		s := r.current(g, now)
		for _, m := range g.members {
			if m.walk != nil {
				m.again |= g.view.Families
				continue
			}
			for _, f := range bgp.Families {
				if g.view.Families.Has(f) {
					m.feed.refresh(g.log.last, f, s.chunks[f])
				}
			}
			r.woken = append(r.woken, m.arrival.session)
		}
	}
	r.sessions.Wake(r.woken)
}

// allTold says whether every member has been given all there is.
func (r *Reflector) allTold() bool {
	for _, g := range r.groups {
		for _, m := range g.members {
			if m.walk != nil || !m.feed.idle() {
				return false
			}
		}
	}
	return r.rib.Dirty() == 0 && len(r.refresh) == 0
}
