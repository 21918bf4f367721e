package reflector

import (
	"context"
	"net/netip"
	"strconv"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
	"heddle/reflector/rib"
	"heddle/summarize"
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
	Reason       string // why it lost or was refused, or "best"
	Stale        bool
	Refused      bool
	Ghost        bool     // of no workload that the inventory has on its node
	Class        Class    // what it is to the fabric
	Pool         string   // empty: in none
	Home, Now    string   // racks; empty: unknown
	Node         string   // that it leads to; empty: unknown
	Tags         []string // that it bears, by name
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
	err := r.ask(ctx, func() { route.Paths = r.paths(route.Prefix, r.rib.Lookup(prefix)) })
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
				page = append(page, Route{Prefix: prefix, Paths: r.paths(prefix, paths)})
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

func (r *Reflector) paths(prefix netip.Prefix, found []rib.Path) []Path {
	list := make([]Path, 0, len(found))
	m := r.rib.Map()
	for _, p := range found {
		from := r.announcer(p.Source)
		path := Path{
			From: from.Remote, Name: from.Name, Kind: from.Kind.String(),
			Best: p.Best, Reason: p.Reason.String(), Stale: p.Stale, Refused: p.Refused != rib.RefusedNot, Ghost: p.Ghost,
			Class: classOf(p.Route), Pool: m.Info(m.PoolOf(prefix)).Name, Home: r.rib.RackName(p.Route.Place.Home), Now: r.rib.RackName(p.Route.Place.Now),
			Node: p.Node, Tags: r.tags(p.Attrs),
			NextHop: p.Attrs.NextHop, Origin: p.Attrs.Origin, LocalPref: p.Attrs.LocalPref,
			MED: p.Attrs.MED, HasMED: p.Attrs.HasMED, OriginatorID: p.Attrs.Originator,
			Described: wire.Describe(p.Attrs),
		}
		if path.Refused {
			path.Reason = p.Refused.String()
		}
		list = append(list, path)
	}
	return list
}

// Class is what a path is to the fabric (DESIGN §2), in the word that show prints.
type Class string

// The classes.
const (
	InRack    Class = "in-rack"   // at home in the rack its host is in
	Exception Class = "exception" // away from home, or home or rack unknown
	External  Class = "external"  // it came into the AS by eBGP
	Summary   Class = "summary"   // of ours
)

func classOf(route summarize.Route) Class {
	switch {
	case route.From == summarize.Ourselves:
		return Summary
	case route.Outside:
		return External
	case route.Place.AtHome():
		return InRack
	}
	return Exception
}

// tags are the names of the tags that a route bears as large communities; a number that
// has no name stands for itself.
func (r *Reflector) tags(attrs *bgp.Attrs) []string {
	names := []string{}
	for _, id := range wire.Tags(attrs, r.rib.Self().ASN) {
		names = append(names, r.tagName(id))
	}
	return names
}

func (r *Reflector) tagName(id uint32) string {
	s := r.rib.Map().Snapshot()
	if r.tagsOf != s {
		r.tagsOf, r.tagNames = s, map[uint32]string{}
		for tag := range s.Tags() {
			r.tagNames[tag.ID] = tag.Name
		}
	}
	if name, ok := r.tagNames[id]; ok {
		return name
	}
	return strconv.FormatUint(uint64(id), 10)
}
