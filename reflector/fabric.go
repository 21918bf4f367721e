package reflector

import (
	"context"
	"time"

	"heddle/peering/session"
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
	for _, m := range r.members {
		if m.up && m.walk == nil {
			r.relocate(m)
		}
	}
}

// relocate tells a client that stands in another rack now what it hears there. A
// feed that walks is told when it is level. Nothing may be waiting to be flushed.
func (r *Reflector) relocate(m *member) {
	from, to := m.feed.receiver(), r.receiver(m)
	if from == to {
		return
	}
	m.feed.relocate(m.group.log.last, to, r.rib.Relocate(m.group.view, from, to))
	r.sessions.Wake([]*session.Session{m.arrival.session})
}
