package hostapi

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"heddle/agent"
	"heddle/bgp"
	"heddle/peering/session"
)

// patience bounds how long a scrape waits for the loop.
const patience = 5 * time.Second

// metric is one number of ours.
type metric struct {
	name, help string
	kind       prometheus.ValueType
	value      func(*agent.Status) float64
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// metrics lists those without labels. docs/AGENT.md names them all.
var metrics = [...]metric{
	{"heddle_agent_synced", "1 once the reflectors have said all.", gauge, func(s *agent.Status) float64 { return truth(s.Synced) }},
	{"heddle_agent_workloads_announced", "Addresses of workloads that are announced.", gauge, func(s *agent.Status) float64 { return float64(s.Announced) }},
	{"heddle_agent_paths", "Paths that the reflectors tell.", gauge, func(s *agent.Status) float64 { return float64(s.Paths) }},
	{"heddle_agent_routes_refused", "Prefixes that no host installs, such as a default route.", gauge, func(s *agent.Status) float64 { return float64(s.Refused) }},
	{"heddle_agent_routes_failed", "Routes that the kernel refused.", gauge, func(s *agent.Status) float64 { return float64(s.Failed) }},
	{"heddle_agent_problems", "What a person should mend.", gauge, func(s *agent.Status) float64 { return float64(len(s.Problems)) }},
	{"heddle_agent_route_changes_total", "Changes of routes taken.", counter, func(s *agent.Status) float64 { return float64(s.Counts.Changes) }},
	{"heddle_agent_checks_total", "Times that all routes were compared with the kernel.", counter, func(s *agent.Status) float64 { return float64(s.Counts.Checks) }},
	{"heddle_agent_routes_repaired_total", "Routes that were not as they should be, and were written again.", counter, func(s *agent.Status) float64 { return float64(s.Counts.Repaired) }},
	{"heddle_agent_rules_written_total", "Times that rules were written.", counter, func(s *agent.Status) float64 { return float64(s.Counts.Filtered) }},
	{"heddle_agent_rules_repaired_total", "Times that rules were not as they should be, and were written again.", counter, func(s *agent.Status) float64 { return float64(s.Counts.Mended) }},
	{"heddle_agent_set_changes_total", "Members that joined or left a set.", counter, func(s *agent.Status) float64 { return float64(s.Counts.Members) }},
	{"heddle_agent_flows_forgotten_total", "Tracked flows removed because their address left.", counter, func(s *agent.Status) float64 { return float64(s.Counts.Forgotten) }},
}

// registry collects them.
type registry struct {
	handler *handler
	descs   [len(metrics)]*prometheus.Desc
	routes  *prometheus.Desc
	peer    *prometheus.Desc
	etcd    *prometheus.Desc
	saved   *prometheus.Desc
	info    *prometheus.Desc
}

func newRegistry(h *handler) *prometheus.Registry {
	r := &registry{handler: h}
	for i, m := range metrics {
		r.descs[i] = prometheus.NewDesc(m.name, m.help, nil, nil)
	}
	r.routes = prometheus.NewDesc("heddle_agent_routes", "Prefixes with next hops.", []string{"route_family"}, nil)
	r.peer = prometheus.NewDesc("heddle_agent_peer_up", "1 while the session with a reflector is Established.", []string{"peer", "name"}, nil)
	r.etcd = prometheus.NewDesc("heddle_agent_datastore_connected", "1 while the inventory is followed live.", nil, nil)
	r.saved = prometheus.NewDesc("heddle_agent_inventory_saved_age_seconds", "Age of the inventory in force, while it is the one that was kept on disk.", nil, nil)
	r.info = prometheus.NewDesc("heddle_agent_info", "1, with what is running.", []string{"version", "commit", "node"}, nil)
	out := prometheus.NewRegistry()
	out.MustRegister(r, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	return out
}

// Describe implements prometheus.Collector.
func (r *registry) Describe(out chan<- *prometheus.Desc) {
	for _, d := range r.descs {
		out <- d
	}
	for _, d := range []*prometheus.Desc{r.routes, r.peer, r.etcd, r.saved, r.info} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (r *registry) Collect(out chan<- prometheus.Metric) {
	s := r.handler.state()
	v := r.handler.version
	out <- prometheus.MustNewConstMetric(r.info, gauge, 1, v.Version, v.Commit, s.Node)
	if s.Datastore != nil {
		out <- prometheus.MustNewConstMetric(r.etcd, gauge, truth(s.Datastore.Connected))
	}
	if !s.Saved.IsZero() {
		out <- prometheus.MustNewConstMetric(r.saved, gauge, time.Since(s.Saved).Seconds())
	}
	if s.Waiting != "" {
		return
	}
	for _, p := range s.Sessions.Peers() {
		out <- prometheus.MustNewConstMetric(r.peer, gauge, truth(p.State == session.Established), p.Spec.Remote.String(), p.Spec.Name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	status, err := s.Agent.Status(ctx)
	if err != nil {
		return
	}
	for i, m := range metrics {
		out <- prometheus.MustNewConstMetric(r.descs[i], m.kind, m.value(&status))
	}
	for _, f := range bgp.Families {
		out <- prometheus.MustNewConstMetric(r.routes, gauge, float64(status.Routes[f]), f.String())
	}
}
