package session

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/bfd"
)

// watch has the path to a peer watched as its session wants it: from when the session is
// planned, so that the peer finds us in whatever order the two come up.
func (s *Server) watch(p *peer) {
	spec, _ := p.target()
	s.bfd.Set(spec.Remote, wantOf(spec), p.bfdChanged)
}

// wantOf is how the path of a session is watched. A session whose peer must be on this
// link has its path on it, too.
func wantOf(spec peering.Session) bfd.Want {
	if !spec.BFD.On() {
		return bfd.Want{}
	}
	return bfd.Want{Settings: bfd.Settings{Interval: spec.BFD.Interval, Multiplier: spec.BFD.Multiplier}, Hops: spec.Hops}
}

// bfdChanged is told what became of the path. A path that breaks ends the session at
// once (RFC 9384), and nothing else does: one that is not up yet, or that the peer's
// people have taken down, says nothing about the peer (RFC 5882 §3.2, §4.2).
func (p *peer) bfdChanged(e bfd.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	level := slog.LevelInfo
	if e.To == bfd.Init {
		level = slog.LevelDebug
	}
	p.log.Log(context.Background(), level, "BFD", "from", e.From, "to", e.To, "reason", e.Reason())
	if !e.Broken() {
		return
	}
	if c := p.establishedConn(); c != nil && !c.restarts(e) {
		c.finish(&ending{sent: bgp.Cease(bgp.CeaseBFDDown, ""), detail: ": " + e.Reason(), broken: true})
	}
}

// restarts says whether a path that breaks is part of a restart (RFC 5882 §4.3.2): the
// peer has hung up, which the reader may be too busy to have seen, or it was faster with
// BGP than with BFD, and has said that it restarted since it fell silent. mu of the peer
// is held.
func (c *conn) restarts(e bfd.Event) bool {
	return c.transport.Ended() || (c.negotiated.Restarting && time.Since(c.session.Since) < e.Silent)
}

// bfdPatience is how long a session may stand without the path's being up before
// somebody is asked to look.
const bfdPatience = 30 * time.Second

// bfdProblem says that the path to a peer should be watched and is not; false if all is
// well. Fault is why its family has no sockets.
func bfdProblem(status Status, fault error, now time.Time) (Problem, bool) {
	spec, path := status.Spec, status.BFD
	say := func(format string, args ...any) (Problem, bool) {
		return Problem{spec.Name, fmt.Sprintf("BFD with "+spec.Remote.String()+" "+format, args...)}, true
	}
	long := status.State == Established && now.Sub(status.Since) > bfdPatience && now.Sub(path.Since) > bfdPatience
	switch {
	case !spec.BFD.On(), path.State == bfd.Up:
		return Problem{}, false
	case fault != nil:
		return say("can't be: %s", fault)
	case !long, path.Heard && path.Remote == bfd.AdminDown: // its people know
		return Problem{}, false
	case path.Heard:
		return say("is %s though the session is Established: the peer is heard and does not hear us; let UDP port %d through to it, "+
			"or set \"bfd\": false", path.State, path.Port)
	}
	return say("is %s though the session is Established: nothing is heard; configure BFD on the peer (FRR: neighbor … bfd, "+
		"BIRD: bfd graceful and a protocol bfd), let UDP ports %d and %d through, or set \"bfd\": false", path.State, bfd.SinglePort, bfd.MultihopPort)
}
