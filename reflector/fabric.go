package reflector

import (
	"context"
	"time"

	"heddle/topology"
)

// Follow puts an inventory in force: it returns when routes have been judged by it,
// and what that changes is on its way to the peers.
func (r *Reflector) Follow(ctx context.Context, s *topology.Snapshot) error {
	return r.ask(ctx, func() { r.follow(s, time.Now()) })
}

func (r *Reflector) follow(s *topology.Snapshot, now time.Time) {
	if s == r.rib.Map().Snapshot() {
		return
	}
	r.rib.Tick(now)
	r.flush(now, true)
	r.publish(r.rib.Follow(r.rib.Compile(s), r.views), now, true)
}
