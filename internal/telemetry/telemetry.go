package telemetry

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"heddle/internal/api"
)

// New returns the handler of /metrics. State is called for each scrape.
func New(build api.Version, state func() api.State) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		&collector{build: build, state: state, descs: describe()},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	// One metric that comes out wrong must not hide the others; it is counted.
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, Registry: registry})
}

// collector reads the state into metrics.
type collector struct {
	build api.Version
	state func() api.State
	descs map[string]described
}

type described struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func describe() map[string]described {
	descs := make(map[string]described, len(metrics))
	for _, m := range metrics {
		descs[m.name] = described{prometheus.NewDesc(m.name, m.help, strings.Fields(m.labels), nil), m.kind}
	}
	return descs
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d.desc
	}
}

// patience bounds the wait for the owner of the tables. A scrape that gives up
// then still says what the others know.
const patience = 5 * time.Second

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.state()
	e := &emitter{descs: c.descs, out: out}
	e.add("heddle_build_info", 1, c.build.Version, c.build.Commit, c.build.Go)
	if s.Sessions == nil {
		e.inventory(s, nil, time.Now())
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	report, err := s.Tables.Report(ctx)
	e.inventory(s, report.Problems, time.Now())
	e.count("heddle_session_panics_total", s.Sessions.Panics())
	e.count("heddle_refused_connections_total", s.Sessions.Refused())
	for _, peer := range s.Sessions.Peers() {
		e.peer(s.Self, peer)
		if err == nil {
			e.routes(peer, report.Peers[peer.Spec.Remote])
		}
	}
	if err == nil {
		e.tables(report)
		e.racks(report)
	}
}

// emitter passes on values under the names of the table.
type emitter struct {
	descs map[string]described
	out   chan<- prometheus.Metric
}

// add panics for a name that is not in the table.
func (e *emitter) add(name string, value float64, labels ...string) {
	d, ok := e.descs[name]
	if !ok {
		panic("telemetry: no metric " + name)
	}
	e.out <- prometheus.MustNewConstMetric(d.desc, d.kind, value, labels...)
}

func (e *emitter) count(name string, n uint64, labels ...string) {
	e.add(name, float64(n), labels...)
}

func (e *emitter) flag(name string, set bool, labels ...string) {
	value := 0.0
	if set {
		value = 1
	}
	e.add(name, value, labels...)
}
