package reflector

import (
	"context"
	"net/netip"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
	"heddle/reflector/rib"
)

// Route is a prefix with every path we have for it, the best first.
type Route struct {
	Prefix netip.Prefix
	Paths  []Path
}

// Path is one path of a Route. It shares nothing with the tables.
type Path struct {
	From         netip.Addr // the peer that announced it
	Name         string     // of that peer
	Kind         string     // of the session: client, non-client, external
	Best         bool
	Reason       string // why it lost, or "best"
	Stale        bool
	Refused      bool
	NextHop      netip.Addr
	Origin       bgp.Origin
	LocalPref    uint32
	MED          uint32
	HasMED       bool
	OriginatorID bgp.RouterID
	wire.Described
}

// Lookup asks for one prefix; the route has no paths when there is none.
func (r *Reflector) Lookup(ctx context.Context, prefix netip.Prefix) (Route, error) {
	route := Route{Prefix: prefix.Masked()}
	err := r.ask(ctx, func() { route.Paths = r.paths(r.rib.Lookup(prefix)) })
	return route, err
}

// pageSize is how many prefixes one question to the loop covers: a few
// milliseconds at the most, between which peers are served.
const pageSize = 1024

// Routes calls back for every prefix of a family, in no particular order. The
// tables go on changing meanwhile: a prefix that comes or goes may be missed or
// not, one that stays is there once. each runs outside the loop.
func (r *Reflector) Routes(ctx context.Context, family bgp.Family, each func(Route) error) error {
	for at := uint32(0); ; {
		var page []Route
		err := r.ask(ctx, func() {
			at = r.rib.Page(family, at, pageSize, func(prefix netip.Prefix, paths []rib.Path) {
				page = append(page, Route{Prefix: prefix, Paths: r.paths(paths)})
			})
		})
		if err != nil {
			return err
		}
		for _, route := range page {
			if err := each(route); err != nil {
				return err
			}
		}
		if at == 0 {
			return nil
		}
	}
}

// announcer is the session that a path came from; of summaries, one with ourselves.
func (r *Reflector) announcer(id rib.SourceID) peering.Session {
	if m := r.byID[id]; m != nil {
		return m.arrival.spec
	}
	return peering.Session{Name: "ourselves", Kind: peering.Ourselves}
}

func (r *Reflector) paths(found []rib.Path) []Path {
	list := make([]Path, 0, len(found))
	for _, p := range found {
		from := r.announcer(p.Source)
		list = append(list, Path{
			From: from.Remote, Name: from.Name, Kind: from.Kind.String(),
			Best: p.Best, Reason: p.Reason.String(), Stale: p.Stale, Refused: p.Refused,
			NextHop: p.Attrs.NextHop, Origin: p.Attrs.Origin, LocalPref: p.Attrs.LocalPref,
			MED: p.Attrs.MED, HasMED: p.Attrs.HasMED, OriginatorID: p.Attrs.Originator,
			Described: wire.Describe(p.Attrs),
		})
	}
	return list
}
