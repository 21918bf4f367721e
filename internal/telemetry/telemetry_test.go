package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	gobgp "github.com/osrg/gobgp/v3/api"
	"go.uber.org/goleak"

	"heddle/bgp"
	"heddle/internal/api"
	"heddle/internal/telemetry"
	"heddle/peering"
	"heddle/peering/bfd"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/reflector"
	"heddle/reflector/rib"
	"heddle/topology"
	"heddle/topology/etcd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// speaker is both sessions and tables.
type speaker struct {
	api.Tables
	peers  []session.Status
	report reflector.Report
	err    error
}

func (s *speaker) Peers() []session.Status     { return s.peers }
func (s *speaker) Problems() []session.Problem { return []session.Problem{{Object: "x", Text: "y"}} }
func (s *speaker) Refused() uint64             { return 11 }
func (s *speaker) Panics() uint64              { return 12 }

func (s *speaker) Report(context.Context) (reflector.Report, error) { return s.report, s.err }

func (s *speaker) Lookup(context.Context, netip.Prefix) (reflector.Route, error) {
	return reflector.Route{}, errors.ErrUnsupported
}

func (s *speaker) Routes(context.Context, bgp.Family, func(reflector.Route) error) error {
	return errors.ErrUnsupported
}

var (
	noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	host = netip.MustParseAddr("192.0.2.11")
	both = bgp.FamiliesOf(bgp.Families[:]...)
)

// full is a state in which every metric has a value.
func full() (api.State, *speaker) {
	s := &speaker{peers: []session.Status{{
		Spec: peering.Session{
			Remote: host, Name: "h1", Role: "host", Rack: "r1", Source: peering.SourceEtcd, Kind: peering.Client, RemoteASN: 64512, Families: both,
			BFD: peering.BFD{Interval: 300 * time.Millisecond, Multiplier: 3},
		},
		State: session.Established, Since: noon, Flaps: 3, Password: true, Negotiated: session.Negotiated{RouterID: 0x0a00000b},
		Received: session.Counts{Opens: 1, Updates: 2, Notifications: 3, Keepalives: 4, Refreshes: 5, Octets: 6, Withdraws: 7, Discarded: 8},
		Sent:     session.Counts{Opens: 9, Updates: 10, Notifications: 11, Keepalives: 12, Refreshes: 13, Octets: 14},
		BFD:      bfd.Status{State: bfd.Up, Detection: 900 * time.Millisecond, Flaps: 15},
		Faults: []session.Faults{
			{Attr: bgp.AttrASPath, Consequence: wire.TreatAsWithdraw, Count: 1},
			{Attr: 200, Consequence: wire.DiscardAttribute, Count: 2},
			{Attr: 201, Consequence: wire.DiscardAttribute, Count: 3},
			{Attr: 0, Consequence: wire.ResetSession, Count: 4},
		},
	}}}
	s.report = reflector.Report{
		Stats: reflector.Stats{Flushes: 1, Snapshots: 2, Falls: 3, Steps: 4, Refreshes: 5},
		Racks: []reflector.Rack{{
			Name: "r1", InRack: 30, Summarized: 31, ExceptionsIn: 32, ExceptionsOut: 33, Summaries: 34, Budget: 35,
			ToRs: []reflector.RackToR{{Name: "t1", Address: host, Held: 36}},
		}},
		Disputed: 37, BlackHoles: 38, Problems: []reflector.Problem{{Object: "x", Text: "y"}},
		RIB: rib.Stats{Ghosts: [2]int{39, 40}, Version: 6, Prefixes: [2]int{7, 8}, Paths: [2]int{9, 10}, Tombstones: 11, Sets: 12, Overflow: 13},
		Groups: []reflector.GroupStats{{
			Name: "client ipv4+ipv6", Members: []netip.Addr{host}, LogOctets: 14, Walking: 1, Advertised: map[bgp.Family]int{bgp.IPv4Unicast: 15, bgp.IPv6Unicast: 16},
		}},
		Peers: map[netip.Addr]reflector.Tables{host: {
			Received:   map[bgp.Family]int{bgp.IPv4Unicast: 17, bgp.IPv6Unicast: 18},
			Accepted:   map[bgp.Family]int{bgp.IPv4Unicast: 19, bgp.IPv6Unicast: 20},
			Advertised: map[bgp.Family]int{bgp.IPv4Unicast: 21, bgp.IPv6Unicast: 22},
			Behind:     23, Walking: true, Stale: bgp.FamiliesOf(bgp.IPv6Unicast), LongLived: bgp.FamiliesOf(bgp.IPv6Unicast), Looped: 24,
		}},
	}
	var inv topology.Inventory
	inv.Apply(42, []topology.Change{{Path: topology.Prefix + "settings", Value: []byte(`{"asn":64512}`)}})
	return api.State{
		Self: rib.Self{ASN: 64512, RouterID: 0x0a000001}, Complete: true, Snapshot: inv.Snapshot(),
		Planning: []peering.Problem{{Object: "a", Text: "b"}}, Sessions: s, Tables: s,
		Saved: time.Now().Add(-time.Hour), Datastore: &etcd.Status{Connected: true, LastContact: noon, Keys: 26, Relists: 27, Errors: 28, Mismatches: 29},
	}, s
}

func scrape(t *testing.T, s api.State) string {
	t.Helper()
	w := httptest.NewRecorder()
	build := api.Version{Version: "v1", Commit: "c0ffee", Go: "go1"}
	telemetry.New(build, func() api.State { return s }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("scrape is %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// ours are the lines that do not change from one run to the next.
func ours(text string) string {
	text = regexp.MustCompile(`(?m)^(# (HELP|TYPE) )?(go|process|promhttp)_.*\n`).ReplaceAllString(text, "")
	return regexp.MustCompile(`(?m)^(heddle_(etcd_last_contact|inventory_saved)_age_seconds) .*`).ReplaceAllString(text, "$1 AGE")
}

func TestMetricsGolden(t *testing.T) {
	state, _ := full()
	got := ours(scrape(t, state))
	const file = "testdata/scrape.txt"
	if telemetry.Update() {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("scrape is\n%swant\n%s%v", got, want, err)
	}
}

func TestMetricsOfTheTableAreAllServed(t *testing.T) {
	state, _ := full()
	got := scrape(t, state)
	for _, name := range telemetry.Names() {
		if !strings.Contains(got, "\n"+name+"{") && !strings.Contains(got, "\n"+name+" ") {
			t.Errorf("%s is in the table and not served", name)
		}
	}
	foreign := regexp.MustCompile(`(?m)^[a-z]`)
	known := regexp.MustCompile(`^(bgp|heddle|go|process|promhttp)_`)
	for line := range strings.Lines(got) {
		if foreign.MatchString(line) && !known.MatchString(line) {
			t.Errorf("not ours: %s", line)
		}
	}
}

func TestMetricsBeforeTheInventory(t *testing.T) {
	var inv topology.Inventory
	got := ours(scrape(t, api.State{Snapshot: inv.Snapshot(), Datastore: &etcd.Status{Errors: 3}}))
	for _, want := range []string{"heddle_build_info{", "heddle_etcd_connected 0\n", "heddle_etcd_errors_total 3\n", `heddle_problems{area="etcd"} 1`} {
		if !strings.Contains(got, want) {
			t.Errorf("scrape lacks %q:\n%s", want, got)
		}
	}
	for _, absent := range []string{"bgp_", "heddle_inventory_revision", "heddle_table", "last_contact"} {
		if strings.Contains(got, absent) {
			t.Errorf("scrape has %q, which nobody knows yet:\n%s", absent, got)
		}
	}
}

// Zeros would look like a table that was emptied.
func TestMetricsWithoutTheTables(t *testing.T) {
	state, s := full()
	s.err = errors.New("the reflector has stopped")
	got := ours(scrape(t, state))
	if !strings.Contains(got, "bgp_peer_state{") || strings.Contains(got, "bgp_routes_") || strings.Contains(got, "heddle_table_") {
		t.Errorf("want sessions without routes:\n%s", got)
	}
}

func TestMetricsWithoutEtcd(t *testing.T) {
	state, _ := full()
	state.Datastore = nil
	if got := ours(scrape(t, state)); strings.Contains(got, "heddle_etcd_") {
		t.Errorf("there is no etcd:\n%s", got)
	}
}

func TestMetricsUseGoBGPsWords(t *testing.T) {
	state, s := full()
	for n, want := range gobgp.PeerState_SessionState_name {
		s.peers[0].State = session.State(n) // both follow RFC 4271 §8.2.2
		if got := scrape(t, state); !strings.Contains(got, `session_state="`+want+`"`) {
			t.Errorf("state %s is not called %s", session.State(n), want)
		}
	}
	if got := scrape(t, state); !strings.Contains(got, `admin_state="`+gobgp.PeerState_UP.String()+`"`) {
		t.Errorf("the administrative state is not called %s", gobgp.PeerState_UP)
	}
}
