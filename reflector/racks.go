package reflector

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"heddle/bgp"
	"heddle/reflector/rib"
	"heddle/summarize"
)

// Rack is what the tables hold of one rack.
type Rack struct {
	Name string
	// InRack are routes at home there, Summarized those of them that a summary covers.
	InRack, Summarized int
	// ExceptionsIn live there and are at home elsewhere or nowhere; ExceptionsOut are at
	// home there and live elsewhere, or nobody knows where.
	ExceptionsIn, ExceptionsOut int
	Summaries                   int // that exist
	Hosts                       int // nodes of the inventory
	ToRs                        []RackToR
	Budget                      int // routes that each of its ToRs has room for; 0: not stated
	Growth                      Growth
}

// RackToR is a ToR that has a session.
type RackToR struct {
	Name    string
	Address netip.Addr
	Held    int // routes it is sent, of both families
}

// ToldOn is how many routes the rack's ToRs tell the fabric: its summaries and what
// no summary covers.
func (r *Rack) ToldOn() int { return r.InRack - r.Summarized + r.ExceptionsIn + r.Summaries }

// Racks describes every rack that the inventory names, by name.
func (r *Reflector) Racks(ctx context.Context) ([]Rack, error) {
	var list []Rack
	err := r.ask(ctx, func() { list = r.racks() })
	return list, err
}

func (r *Reflector) racks() []Rack {
	var list []Rack
	racks := map[string]*Rack{}
	for rack := range r.rib.Map().Snapshot().Racks() {
		racks[rack.Name] = &Rack{Name: rack.Name, Budget: int(rack.RouteBudget)}
	}
	r.countRacks(racks)
	for _, rack := range racks {
		if t := r.trends[rack.Name]; t != nil {
			rack.Growth = t.growth(r.tick, rack)
		}
		list = append(list, *rack)
	}
	slices.SortFunc(list, func(a, b Rack) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (r *Reflector) countRacks(racks map[string]*Rack) {
	at := func(id summarize.Rack) *Rack {
		if rack := racks[r.rib.RackName(id)]; rack != nil {
			return rack
		}
		return &Rack{} // of no rack, or one that is gone
	}
	for _, f := range bgp.Families {
		for route, n := range r.rib.Census(f) {
			count(at, route, n)
		}
	}
	for node := range r.rib.Map().Snapshot().Nodes() {
		at(r.rib.Rack(node.Rack)).Hosts++
	}
	for _, info := range r.rib.Map().Pools {
		if r.rib.SummaryOf(info.Prefix).Live {
			at(info.Home).Summaries++
		}
	}
	for _, m := range r.members {
		if m.up && summarize.SpeakerOf(m.arrival.spec) == summarize.ToR {
			rack := at(r.rib.Rack(m.arrival.spec.Rack))
			rack.ToRs = append(rack.ToRs, RackToR{m.arrival.spec.Name, m.key, r.held(m)})
			slices.SortFunc(rack.ToRs, func(a, b RackToR) int { return a.Address.Compare(b.Address) })
		}
	}
}

func count(at func(summarize.Rack) *Rack, route summarize.Route, n int) {
	p := route.Place
	switch {
	case route.Outside, route.From == summarize.Ourselves:
	case p.AtHome():
		rack := at(p.Home)
		rack.InRack += n
		if p.Pool.Has(summarize.Summarized) {
			rack.Summarized += n
		}
	default:
		at(p.Now).ExceptionsIn += n
		at(p.Home).ExceptionsOut += n
	}
}

// held is how many routes a member is sent.
func (r *Reflector) held(m *member) (n int) {
	for _, f := range bgp.Families {
		n += r.rib.Advertised(m.group.view, m.feed.receiver(), f)
	}
	return n
}

// SummaryState is what is known of the summary of one pool.
type SummaryState struct {
	Pool       string
	Prefix     netip.Prefix
	Rack       string
	Public     bool
	Anycast    bool
	Summarized bool // it is to be summarised, and can be
	summarize.State
}

// Summaries describes every pool's summary, by prefix.
func (r *Reflector) Summaries(ctx context.Context) ([]SummaryState, error) {
	var list []SummaryState
	err := r.ask(ctx, func() {
		for _, info := range r.rib.Map().Pools {
			list = append(list, r.summaryOf(info))
		}
	})
	slices.SortFunc(list, func(a, b SummaryState) int { return a.Prefix.Compare(b.Prefix) })
	return list, err
}

func (r *Reflector) summaryOf(info *summarize.PoolInfo) SummaryState {
	return SummaryState{
		Pool: info.Name, Prefix: info.Prefix, Rack: r.rib.RackName(info.Home), Public: info.Flags.Has(summarize.Public),
		Anycast: info.Flags.Has(summarize.Anycast), Summarized: info.Flags.Has(summarize.Summarized), State: r.rib.SummaryOf(info.Prefix),
	}
}

// ExceptionRoute is a host route that does not live at home, or of which that is not
// known.
type ExceptionRoute struct {
	Prefix  netip.Prefix
	Pool    string // empty: in none
	Home    string // rack; empty: unknown
	Now     string // rack; empty: unknown
	Since   time.Time
	NextHop netip.Addr
	From    string // the peer that announced it
}

// Exceptions calls back for every exception of a family, in no particular order and
// outside the loop, as Routes does.
func (r *Reflector) Exceptions(ctx context.Context, family bgp.Family, each func(ExceptionRoute) error) error {
	for at := uint32(0); ; {
		var page []ExceptionRoute
		err := r.ask(ctx, func() {
			at = r.rib.Exceptions(family, at, exceptionsPage, func(e rib.Exception) {
				page = append(page, ExceptionRoute{
					Prefix: e.Prefix, Pool: e.Pool, Home: e.Home, Now: e.Now, Since: e.Since, NextHop: e.NextHop, From: r.announcer(e.Source).Name,
				})
			})
		})
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := each(e); err != nil {
				return err
			}
		}
		if at == 0 {
			return nil
		}
	}
}

// exceptionsPage is how many records of the table one question covers: about a
// millisecond.
const exceptionsPage = 16 << 10
