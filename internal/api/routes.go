package api

import (
	"fmt"
	"net/http"
	"net/netip"

	"heddle/bgp"
	"heddle/internal/web"
	"heddle/reflector"
)

// Route is one prefix with every path there is, the best first.
type Route struct {
	Prefix netip.Prefix `json:"prefix"`
	Paths  []Path       `json:"paths"`
}

// Path is one path of a route.
type Path struct {
	From    string     `json:"from"`    // the peer that announced it
	Address string     `json:"address"` // of that peer; empty: ourselves
	Session string     `json:"session"` // client, non-client, external
	NextHop netip.Addr `json:"nextHop"`
	Best    bool       `json:"best"`
	Reason  string     `json:"reason"` // why it lost, or "best"
	Stale   bool       `json:"stale"`  // kept while the peer restarts
	Refused bool       `json:"refused"`
	Ghost   bool       `json:"ghost"` // inside a pool, but of no workload of its node
	Kind    string     `json:"kind"`  // in-rack, exception, external, summary
	Home    string     `json:"home"`  // rack the address belongs to; empty: unknown
	Now     string     `json:"now"`   // rack it is in; empty: unknown
	Tags    []string   `json:"tags"`  // that it bears

	ASPath           string   `json:"asPath"`
	Origin           string   `json:"origin"`
	LocalPref        uint32   `json:"localPref"`
	MED              *uint32  `json:"med,omitempty"`
	Communities      []string `json:"communities"`
	LargeCommunities []string `json:"largeCommunities"`
	OriginatorID     string   `json:"originatorID"` // the attribute, else the peer's router ID
	ClusterList      []string `json:"clusterList"`
	Attributes       []string `json:"attributes"` // the others, in words
}

// routes answers with the routes of both families, of one, or of one prefix.
func (h *handler) routes(w http.ResponseWriter, r *http.Request) {
	state, ok := h.begin(w, r, "family", "prefix")
	if !ok {
		return
	}
	q := r.URL.Query()
	if q.Has("prefix") {
		h.lookup(w, r, state, q.Get("prefix"), q.Get("family"))
		return
	}
	families := bgp.Families[:]
	if q.Has("family") {
		family, err := bgp.ParseFamily(q.Get("family"))
		if err != nil {
			web.Refuse(w, http.StatusBadRequest, err)
			return
		}
		families = []bgp.Family{family}
	}
	stream(w, r, state, families)
}

// stream writes routes as the tables hand them over. Once some are on their way, an
// error breaks the connection: the reader must not take a part for the whole.
func stream(w http.ResponseWriter, r *http.Request, s State, families []bgp.Family) {
	a := web.NewArray(w)
	for _, family := range families {
		err := s.Tables.Routes(r.Context(), family, func(route reflector.Route) error {
			return a.Add(routeOf(route))
		})
		switch {
		case err == nil:
		case !a.Begun():
			web.Refuse(w, http.StatusServiceUnavailable, err)
			return
		default:
			panic(http.ErrAbortHandler)
		}
	}
	if a.End() != nil {
		panic(http.ErrAbortHandler)
	}
}

// lookup answers with the route of one prefix, or with none.
func (h *handler) lookup(w http.ResponseWriter, r *http.Request, s State, text, family string) {
	prefix, err := ParsePrefix(text)
	if err == nil && family != "" && family != bgp.FamilyOf(prefix.Addr()).String() {
		err = fmt.Errorf("prefix %s is not of family %q: leave the family out", prefix, family)
	}
	if err != nil {
		web.Refuse(w, http.StatusBadRequest, err)
		return
	}
	route, err := s.Tables.Lookup(r.Context(), prefix)
	if err != nil {
		web.Refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	a := web.NewArray(w)
	if len(route.Paths) > 0 {
		_ = a.Add(routeOf(route)) // an error stays for the end
	}
	_ = a.End() // nobody reads any more
}

// ParsePrefix reads a prefix; an address alone is its host route.
func ParsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, fmt.Errorf("prefix %q: want one such as 10.1.0.5/32 or 2001:db8::/64, or an address", text)
	}
	if prefix != prefix.Masked() {
		return prefix, fmt.Errorf("prefix %s has host bits; did you mean %s?", prefix, prefix.Masked())
	}
	return prefix, nil
}

func routeOf(route reflector.Route) Route {
	shown := Route{Prefix: route.Prefix, Paths: make([]Path, 0, len(route.Paths))}
	for i := range route.Paths {
		shown.Paths = append(shown.Paths, pathOf(&route.Paths[i]))
	}
	return shown
}

func pathOf(p *reflector.Path) Path {
	path := Path{
		From: p.Name, Session: p.Kind, NextHop: p.NextHop, Best: p.Best, Reason: p.Reason, Stale: p.Stale,
		Refused: p.Refused, Ghost: p.Ghost, Kind: string(p.Class), Home: p.Home, Now: p.Now, Tags: orEmpty(p.Tags),
		ASPath: p.ASPath, Origin: p.Origin.String(), LocalPref: p.LocalPref,
		Communities: orEmpty(p.Communities), LargeCommunities: orEmpty(p.LargeCommunities),
		OriginatorID: p.OriginatorID.String(), ClusterList: orEmpty(p.Clusters), Attributes: orEmpty(p.Others),
	}
	if p.From.IsValid() {
		path.Address = p.From.String()
	}
	if p.HasMED {
		path.MED = &p.MED
	}
	return path
}

// orEmpty makes an empty array of none: null is for what is not known.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
