package reflector

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"heddle/reflector/rib"
	"heddle/summarize"
	"heddle/topology"
)

// Explanation is all that decides about one prefix, in the order it is decided.
type Explanation struct {
	Prefix    netip.Prefix
	Workloads []topology.Workload // that have the address
	Ownership topology.Ownership
	Paths     []Path        // import and decision: the best first
	Disputed  bool          // several hosts announce it, and no evidence says which is right
	Summary   *SummaryState // of the pool; nil: in none
	Exports   []Export
}

// Export is what peers of one update group hear of a prefix.
type Export struct {
	Group   string
	To      string     // the peer asked about; empty: every member but those whose route it is
	Address netip.Addr // of that peer
	Own     bool       // the path is that peer's own
	Path    string     // name of the peer whose path is heard; of several, those, comma-separated
	summarize.Verdict
}

// Explain says why a prefix is where it is, and why it is not where it is not. to is
// the name or address of a peer, or empty for one answer per update group. known is
// false when there is no such peer with a session.
func (r *Reflector) Explain(ctx context.Context, prefix netip.Prefix, to string) (e Explanation, known bool, err error) {
	prefix = prefix.Masked()
	err = r.ask(ctx, func() {
		m := r.rib.Map()
		e = Explanation{Prefix: prefix, Ownership: m.Ownership(), Paths: r.paths(prefix, r.rib.Lookup(prefix))}
		if prefix.IsSingleIP() {
			e.Workloads = slices.Collect(m.Snapshot().WorkloadsAt(prefix.Addr()))
		}
		if pool := m.PoolOf(prefix); pool != 0 {
			s := r.summaryOf(m.Info(pool))
			e.Summary = &s
		}
		e.Disputed = slices.Contains(r.rib.Disputed(), prefix)
		e.Exports = r.exports(prefix, to)
		known = to == "" || len(e.Exports) > 0
	})
	return e, known, err
}

func (r *Reflector) exports(prefix netip.Prefix, to string) []Export {
	var list []Export
	for _, g := range r.groups {
		if to == "" {
			list = append(list, r.export(prefix, g, rib.Receiver{}))
			continue
		}
		for _, m := range g.members {
			if m.arrival.spec.Name == to || m.key.String() == to {
				export := r.export(prefix, g, m.feed.receiver())
				export.To, export.Address = m.arrival.spec.Name, m.key
				list = append(list, export)
			}
		}
	}
	slices.SortFunc(list, func(a, b Export) int { return strings.Compare(a.Group+a.Address.String(), b.Group+b.Address.String()) })
	return list
}

func (r *Reflector) export(prefix netip.Prefix, g *group, to rib.Receiver) Export {
	heard := r.rib.Hears(prefix, g.view, to)
	export := Export{Group: r.rib.NameOf(g.view), Verdict: heard.Verdict, Own: heard.Own}
	export.Path = r.announcers(heard.Sources)
	return export
}

// announcers are the names of peers, comma-separated.
func (r *Reflector) announcers(ids []rib.SourceID) string {
	var names []string
	for _, id := range ids {
		names = append(names, r.announcer(id).Name)
	}
	return strings.Join(names, ",")
}
