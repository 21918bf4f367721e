package telemetry

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var update = flag.Bool("update", false, "write docs/METRICS.md anew")

const document = "../../docs/METRICS.md"

// TestMetricsAreDocumented is the golden list of names, types, labels and help.
func TestMetricsAreDocumented(t *testing.T) {
	want := describeForPeople()
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil || string(got) != want {
		t.Errorf("docs/METRICS.md is not what metrics.go says (%v): run `make golden` and read the difference", err)
	}
}

func describeForPeople() string {
	var out strings.Builder
	fmt.Fprint(&out, `# Metrics

Made from `+"`internal/telemetry/metrics.go`"+` by its test; `+"`make golden`"+` makes it anew.

`+"`GET /metrics`"+` on the address given with `+"`--http`"+`, in Prometheus' formats. Beside the metrics below there are those of
the Go runtime (`+"`go_`"+`), of the process (`+"`process_`"+`) and `+"`promhttp_metric_handler_errors_total`"+`.

* `+"`peer`"+` is the address of the peer; join `+"`heddle_peer_info`"+` on it for name, role and rack:
  `+"`bgp_routes_received * on(peer) group_left(name, rack) heddle_peer_info`"+`.
* `+"`route_family`"+` is `+"`ipv4-unicast` or `ipv6-unicast`"+`, `+"`session_state`"+` the state in capitals, such as `+"`ESTABLISHED`"+`.
* What is not known is absent, not 0: before the first complete inventory there are no peers, without etcd no
  `+"`heddle_etcd_`"+` metrics.
* Counters of a peer begin at 0 when it is configured and end with it.
`)
	for _, part := range []struct{ title, prefix string }{
		{"By GoBGP's names", "bgp_"}, {"Our own", "heddle_"},
	} {
		fmt.Fprintf(&out, "\n## %s\n\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n", part.title)
		for _, m := range metrics {
			if !strings.HasPrefix(m.name, part.prefix) {
				continue
			}
			labels := ""
			if m.labels != "" {
				labels = "`" + strings.Join(strings.Fields(m.labels), "` `") + "`"
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", m.name, kindName(m.kind), labels, m.help)
		}
	}
	return out.String()
}

func kindName(kind prometheus.ValueType) string {
	if kind == counter {
		return "counter"
	}
	return "gauge"
}

// What promlint says of names that GoBGP chose and dashboards rely on.
var legacy = map[string]string{
	"bgp_peer_flop_count":      "GoBGP's name",
	"bgp_peer_out_queue_count": "GoBGP's name",
}

func TestMetricsAreNamedAsPrometheusWants(t *testing.T) {
	var text bytes.Buffer
	for _, m := range metrics {
		fmt.Fprintf(&text, "# HELP %s %s\n# TYPE %s %s\n%s 0\n", m.name, m.help, m.name, kindName(m.kind), m.name)
	}
	problems, err := promlint.New(&text).Lint()
	if err != nil {
		t.Fatal(err)
	}
	var excused []string
	for _, p := range problems {
		if legacy[p.Metric] == "" {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
		excused = append(excused, p.Metric)
	}
	for name := range legacy {
		if !slices.Contains(excused, name) {
			t.Errorf("%s needs no exception", name)
		}
	}
}

func TestMetricsHaveOneName(t *testing.T) {
	if len(describe()) != len(metrics) {
		t.Error("a name stands in the table twice")
	}
	for _, m := range metrics {
		if !strings.HasPrefix(m.name, "bgp_") && !strings.HasPrefix(m.name, "heddle_") {
			t.Errorf("%s is neither GoBGP's nor ours", m.name)
		}
	}
}
