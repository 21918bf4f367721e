package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"heddle/bgp"
	"heddle/internal/api"
	"heddle/peering"
	"heddle/peering/bfd"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/reflector"
	"heddle/summarize"
	"heddle/topology"
	"heddle/topology/etcd"
)

var update = flag.Bool("update", false, "write what the API answers into testdata")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.FixedZone("elsewhere", 3600))

// sessions and tables answer what they hold.
type sessions struct {
	peers    []session.Status
	problems []session.Problem
}

func (s *sessions) Peers() []session.Status     { return s.peers }
func (s *sessions) Problems() []session.Problem { return s.problems }
func (s *sessions) Refused() uint64             { return 0 }
func (s *sessions) Panics() uint64              { return 0 }

type tables struct {
	api.Tables
	report reflector.Report
	routes []reflector.Route
	err    error // after the routes
}

func (t *tables) Report(context.Context) (reflector.Report, error) { return t.report, t.err }

func (t *tables) Lookup(_ context.Context, prefix netip.Prefix) (reflector.Route, error) {
	for _, r := range t.routes {
		if r.Prefix == prefix {
			return r, t.err
		}
	}
	return reflector.Route{Prefix: prefix}, t.err
}

func (t *tables) Summaries(context.Context) ([]reflector.SummaryState, error) {
	if t.report.Peers == nil {
		return nil, t.err
	}
	return []reflector.SummaryState{
		{
			Pool: "p1", Prefix: netip.MustParsePrefix("10.1.0.0/16"), Rack: "r1", Public: true, Summarized: true,
			State: summarize.State{Routes: 3, Live: true, Since: noon},
		},
		{Pool: "homeless", Prefix: netip.MustParsePrefix("10.3.0.0/16"), Anycast: true},
	}, t.err
}

func (t *tables) Exceptions(_ context.Context, f bgp.Family, each func(reflector.ExceptionRoute) error) error {
	if t.report.Peers == nil || f != bgp.IPv4Unicast {
		return t.err
	}
	return each(reflector.ExceptionRoute{
		Prefix: netip.MustParsePrefix("10.1.0.6/32"), Pool: "p1", Home: "r1", Now: "r2", Since: noon, NextHop: netip.MustParseAddr("192.0.2.12"), From: "h2",
	})
}

func (t *tables) Ghosts(_ context.Context, f bgp.Family, each func(reflector.Ghost) error) error {
	if t.report.Peers == nil || f != bgp.IPv4Unicast {
		return t.err
	}
	return each(reflector.Ghost{Prefix: netip.MustParsePrefix("10.1.0.9/32"), From: "h1", Node: "h1", NextHop: netip.MustParseAddr("192.0.2.11"), Refused: true})
}

func (t *tables) BlackHoles(_ context.Context, each func(reflector.BlackHole) error) error {
	if t.report.Peers == nil {
		return t.err
	}
	return each(reflector.BlackHole{Address: netip.MustParseAddr("10.1.0.7"), Workload: "w1", Node: "h1", Session: true})
}

func (t *tables) Explain(_ context.Context, prefix netip.Prefix, to string) (reflector.Explanation, bool, error) {
	summary := reflector.SummaryState{Pool: "p1", Prefix: netip.MustParsePrefix("10.1.0.0/16"), Rack: "r1", Summarized: true}
	e := reflector.Explanation{Prefix: prefix, Ownership: topology.OwnershipWarn, Summary: &summary, Exports: []reflector.Export{
		{Group: "client ipv4", Path: "h1", Verdict: summarize.Hear(summarize.Listener{Speaker: summarize.Client}, summarize.Route{From: summarize.Client})},
		{
			Group: "tor r1 ipv4", Path: "h1", Verdict: summarize.Hear(summarize.Listener{Speaker: summarize.ToR, Rack: 1}, summarize.Route{
				From: summarize.Client, Place: summarize.Place{Home: 1, Now: 1, Pool: summarize.InPool | summarize.Summarized},
			}),
		},
		{Group: "client ipv4", To: "h1", Address: netip.MustParseAddr("192.0.2.11"), Own: true, Path: "h1", Verdict: summarize.Verdict{Manner: summarize.Reflected}},
	}}
	for w := range fabric().WorkloadsAt(prefix.Addr()) {
		e.Workloads = append(e.Workloads, w)
	}
	for _, r := range t.routes {
		if r.Prefix == prefix {
			e.Paths = r.Paths
		}
	}
	return e, to != "nobody", t.err
}

func (t *tables) Routes(_ context.Context, f bgp.Family, each func(reflector.Route) error) error {
	for _, r := range t.routes {
		if bgp.FamilyOf(r.Prefix.Addr()) != f {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return t.err
}

// fabric is two racks with a pool and a host each; h3 stands nowhere.
func fabric() *topology.Snapshot {
	var inv topology.Inventory
	var changes []topology.Change
	for path, value := range map[string]string{
		"pools/p1":         `{"prefix":"10.1.0.0/16","rack":"r1"}`,
		"pools/p2":         `{"prefix":"10.2.0.0/16","rack":"r2"}`,
		"pools/inner":      `{"prefix":"10.1.128.0/24","rack":"r2"}`,
		"pools/homeless":   `{"prefix":"10.3.0.0/16"}`,
		"nodes/h1":         `{"addresses":["192.0.2.11","2001:db8::11"],"rack":"r1"}`,
		"nodes/h2":         `{"addresses":["192.0.2.12"],"rack":"r2"}`,
		"nodes/h3":         `{"addresses":["192.0.2.13"]}`,
		"tags/web":         `{"id":1}`,
		"tags/db":          `{"id":2}`,
		"workloads/h1/w1":  `{"addresses":["10.1.0.5","10.1.0.7"],"tags":["web","db"]}`,
		"workloads/h2/w1":  `{"addresses":["10.1.0.5"],"tags":["web"],"state":"prepared"}`,
		"workloads/h2/out": `{"addresses":["10.1.0.6"],"tags":["db"]}`,
	} {
		changes = append(changes, topology.Change{Path: topology.Prefix + path, Value: []byte(value)})
	}
	inv.Apply(7, changes)
	return inv.Snapshot()
}

func path(from, nextHop string) reflector.Path {
	return reflector.Path{
		From: netip.MustParseAddr(from), Name: "h-" + from, Kind: peering.Client.String(), Best: true, Reason: "best",
		NextHop: netip.MustParseAddr(nextHop), LocalPref: 100, OriginatorID: 0x0a000001,
		Class: reflector.InRack, Pool: "p1", Home: "r1", Now: "r1", Node: "h1", Tags: []string{"web"},
	}
}

func route(prefix string, paths ...reflector.Path) reflector.Route {
	return reflector.Route{Prefix: netip.MustParsePrefix(prefix), Paths: paths}
}

// busy is a reflector with something to say about everything.
func busy() (api.State, *sessions, *tables) {
	h1, t1 := netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.1")
	s := &sessions{
		peers: []session.Status{
			{
				Spec:  peering.Session{Remote: t1, Name: "t1", Role: "tor", Rack: "r1", Source: peering.SourceStatic, Kind: peering.External, RemoteASN: 65001},
				State: session.Active, Since: noon, LastError: "hold timer expired (4/0)", Flaps: 3, Password: true,
			},
			{
				Spec: peering.Session{
					Remote: h1, Name: "h1", Role: "host", Rack: "r1", Source: peering.SourceEtcd, Kind: peering.Client, RemoteASN: 64512,
					BFD: peering.BFD{Interval: 300 * time.Millisecond, Multiplier: 3},
				},
				State: session.Established, Since: noon, Local: "192.0.2.251:179",
				Negotiated: session.Negotiated{RouterID: 0xc000020b, Families: bgp.FamiliesOf(bgp.IPv4Unicast), HoldTime: 90 * time.Second},
				Received:   session.Counts{Opens: 1, Updates: 2, Keepalives: 3, Octets: 400, Discarded: 1}, Sent: session.Counts{Opens: 1, Refreshes: 5},
				BFD: bfd.Status{
					State: bfd.Up, Remote: bfd.Up, Heard: true, RemoteDiagnostic: bfd.DetectionExpired, Since: noon,
					Interval: 300 * time.Millisecond, Detection: 900 * time.Millisecond, Port: bfd.SinglePort, Flaps: 1,
				},
			},
		},
		problems: []session.Problem{{Object: "192.0.2.66", Text: "refused"}},
	}
	v4 := func(n int) map[bgp.Family]int { return map[bgp.Family]int{bgp.IPv4Unicast: n} }
	worse := path("192.0.2.12", "192.0.2.12")
	worse.Best, worse.Reason, worse.Stale, worse.HasMED, worse.MED = false, "higher router ID", true, true, 50
	worse.Described = wire.Described{
		Communities: []string{"no-export"}, LargeCommunities: []string{"64512:1:7"}, Clusters: []string{"10.0.0.9"}, Others: []string{"AIGP <7>"},
	}
	t := &tables{
		report: reflector.Report{
			Peers: map[netip.Addr]reflector.Tables{h1: {
				Received: v4(5), Accepted: v4(4), Advertised: v4(9), Group: "client ipv4", Behind: 2, Walking: true,
				Stale: bgp.FamiliesOf(bgp.IPv4Unicast), StaleUntil: noon.Add(time.Minute), Looped: 6,
			}},
			Racks: []reflector.Rack{{
				Name: "r1", Hosts: 2, InRack: 40, Summarized: 30, ExceptionsIn: 2, ExceptionsOut: 1, Summaries: 1, Budget: 100,
				ToRs:   []reflector.RackToR{{Name: "t1", Address: t1, Held: 43}},
				Growth: reflector.Growth{Over: time.Hour, Routes: 10, Most: "in-rack", By: 9, Full: 6 * time.Hour},
			}},
			Problems: []reflector.Problem{{Object: "10.1.0.5/32", Text: "is announced by two"}},
			Groups:   []reflector.GroupStats{{Name: "client ipv4", Members: []netip.Addr{h1}, LogOctets: 4096, Walking: 1, Advertised: v4(9)}},
		},
		routes: []reflector.Route{
			route("10.1.0.5/32", path("192.0.2.11", "192.0.2.11"), worse),
			route("fd00::1/128", path("192.0.2.11", "2001:db8::11")),
		},
	}
	return api.State{
		Complete: true, Snapshot: fabric(), Planning: []peering.Problem{{Object: "router t9", Text: "has our AS"}}, Sessions: s, Tables: t,
		Datastore: &etcd.Status{Connected: false, LastContact: noon, Revision: 7, LastError: "connection refused", Mismatches: 2},
	}, s, t
}

func serve(t *testing.T, s api.State) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(api.New(api.Version{Version: "v1", Commit: "c0ffee", Go: "go1", Platform: "os/arch"}, func() api.State { return s }))
	t.Cleanup(server.Close)
	t.Cleanup(server.Client().CloseIdleConnections)
	return server
}

// get gives code and body, and the error of a body that breaks off.
func get(t *testing.T, server *httptest.Server, path string) (int, string, error) {
	t.Helper()
	response, err := server.Client().Get(server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func TestGoldenAnswers(t *testing.T) {
	state, _, _ := busy()
	server := serve(t, state)
	for _, name := range []string{"peers", "routes", "groups", "racks", "summaries", "exceptions", "ghosts", "blackholes", "explain?prefix=10.1.0.5", "problems", "version"} {
		t.Run(name, func(t *testing.T) {
			code, got, err := get(t, server, "/api/v1/"+name)
			if err != nil || code != http.StatusOK || !json.Valid([]byte(got)) || strings.Contains(got, "null") {
				t.Fatalf("answer is %d %s %v, want whole JSON without null", code, got, err)
			}
			file, _, _ := strings.Cut(name, "?")
			file = "testdata/" + file + ".json"
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || got != string(want) {
				t.Errorf("answer is\n%swant\n%s%v", got, want, err)
			}
		})
	}
}

func TestNothingToListIsAnEmptyArray(t *testing.T) {
	var inv topology.Inventory
	server := serve(t, api.State{Complete: true, Snapshot: inv.Snapshot(), Sessions: &sessions{}, Tables: &tables{}})
	for _, path := range []string{"peers", "routes", "routes?prefix=10.0.0.1", "groups", "racks", "summaries", "exceptions", "ghosts", "blackholes", "problems"} {
		if code, got, _ := get(t, server, "/api/v1/"+path); code != http.StatusOK || got != "[]\n" {
			t.Errorf("%s: answer is %d %q", path, code, got)
		}
	}
}

func TestBeforeTheInventoryThereIsASentence(t *testing.T) {
	var inv topology.Inventory
	for _, c := range []struct {
		name  string
		state api.State
		want  string
	}{
		{"etcd never answered", api.State{Datastore: &etcd.Status{}}, "the inventory is not complete yet: etcd has not answered so far"},
		{"etcd said why", api.State{Datastore: &etcd.Status{LastError: "etcd at x does not answer"}}, "not complete yet: etcd at x does not answer"},
		{"between inventory and sessions", api.State{Complete: true}, "the sessions are about to start"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.state.Snapshot = inv.Snapshot()
			server := serve(t, c.state)
			for _, path := range []string{"peers", "routes", "routes?prefix=10.0.0.1", "groups", "racks", "exceptions", "explain?prefix=10.0.0.1", "problems"} {
				code, got, _ := get(t, server, "/api/v1/"+path)
				if code != http.StatusServiceUnavailable || !strings.Contains(got, c.want) {
					t.Errorf("%s: answer is %d %q, want 503 with %q", path, code, got, c.want)
				}
			}
			if code, _, _ := get(t, server, "/api/v1/version"); code != http.StatusOK {
				t.Errorf("version is %d", code)
			}
		})
	}
}

func TestQuestionsThatAreNone(t *testing.T) {
	state, _, _ := busy()
	server := serve(t, state)
	for path, want := range map[string]string{
		"routes?family=ipv5":                    "want ipv4 or ipv6",
		"routes?famly=ipv4":                     `no parameter \"famly\"`,
		"routes?prefix=10.1.0.5/16":             "did you mean 10.1.0.0/16?",
		"routes?prefix=":                        "want one such as",
		"routes?prefix=fe80::1%25eth0":          "want one such as",
		"routes?prefix=10.1.0.5/32&family=ipv6": "not of family",
		"peers?prefix=10.1.0.5":                 `no parameter \"prefix\"`,
		"exceptions?prefix=10.1.0.5":            `no parameter \"prefix\"`,
		"explain":                               "want one such as",
	} {
		code, got, _ := get(t, server, "/api/v1/"+path)
		if code != http.StatusBadRequest || !strings.Contains(got, want) {
			t.Errorf("%s: answer is %d %q, want 400 with %q", path, code, got, want)
		}
	}
	response, err := server.Client().Post(server.URL+"/api/v1/peers", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a POST is answered with %s", response.Status)
	}
}

func TestAFamilyAndAPrefixAreAskedFor(t *testing.T) {
	state, _, _ := busy()
	server := serve(t, state)
	for path, want := range map[string]string{
		"?family=ipv4": "10.1.0.5/32", "?family=ipv6": "fd00::1/128",
		"?prefix=10.1.0.5": "10.1.0.5/32", "?prefix=10.1.0.5/32&family=ipv4": "10.1.0.5/32", "?prefix=10.1.0.0/24": "",
	} {
		_, got, _ := get(t, server, "/api/v1/routes"+path)
		var routes []api.Route
		if err := json.Unmarshal([]byte(got), &routes); err != nil {
			t.Fatal(err)
		}
		prefix := ""
		if len(routes) == 1 {
			prefix = routes[0].Prefix.String()
		}
		if prefix != want || len(routes) > 1 {
			t.Errorf("%s: routes are %v, want %q", path, routes, want)
		}
	}
}

var errGone = errors.New("the reflector has stopped")

func TestAnArrayThatCannotBeFinishedBreaksOff(t *testing.T) {
	state, _, tables := busy()
	tables.err = errGone
	server := serve(t, state)
	for _, path := range []string{"routes", "routes?prefix=10.1.0.5", "peers", "groups"} {
		if code, got, _ := get(t, server, "/api/v1/"+path); code != http.StatusServiceUnavailable || !strings.Contains(got, errGone.Error()) {
			t.Errorf("%s: answer is %d %q, want 503 with the reason", path, code, got)
		}
	}
	for range 1000 { // more than waits to be sent
		tables.routes = append(tables.routes, tables.routes[0])
	}
	if code, got, err := get(t, server, "/api/v1/routes"); err == nil {
		t.Errorf("a list of which the end is missing ends as if it were whole: %d %s", code, got)
	}
}
