package reflector

import (
	"context"

	"heddle/peering"
)

// Want says which sessions should exist, before they are made so. The sessions' server
// reports the end of those that exist; that one which was lost gracefully is not to
// come back only the plan says, and nobody would ever end its grace but time.
func (r *Reflector) Want(ctx context.Context, plan *peering.Plan) error {
	return r.ask(ctx, func() { r.want(plan) })
}

func (r *Reflector) want(plan *peering.Plan) {
	r.plan, r.heard = plan, true
	for _, m := range r.members {
		if !m.up && m.stale != 0 && !r.wanted(m) {
			r.dropStale(m)
		}
	}
}

// wanted says whether the plan has a member come back as what it was.
func (r *Reflector) wanted(m *member) bool {
	if r.plan == nil {
		return true
	}
	spec, ok := r.plan.Find(m.key)
	if !ok {
		spec, ok = r.plan.Admit(m.key)
	}
	return ok && sameListener(spec, m.arrival.spec)
}

// sameListener says whether two versions of a session are with the same to the tables:
// a router of another role or rack is another, whose routes others hear.
func sameListener(a, b peering.Session) bool {
	return a.Kind == b.Kind && (a.Kind != peering.External || (a.Role == b.Role && a.Rack == b.Rack))
}
