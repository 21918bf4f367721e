package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"heddle/internal/api"
	"heddle/internal/command"
)

var update = flag.Bool("update", false, "write what commands print into testdata")

// canned is a reflector that answers each list with a file.
func canned(t *testing.T, files map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := files[strings.TrimPrefix(r.URL.RequestURI(), "/api/v1/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeFile(w, r, file)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%s: output is\n%swant\n%s%v", file, got, want, err)
	}
}

func TestGoldenTables(t *testing.T) {
	address := canned(t, map[string]string{
		"routes": "testdata/routes.json", "routes?family=ipv6": "testdata/routes6.json",
		"groups": "testdata/groups.json", "problems": "testdata/problems.json",
	})
	for name, args := range map[string][]string{
		"routes": {"routes"}, "routes6": {"routes", "--family", "ipv6"}, "groups": {"groups"}, "problems": {"problems"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := heddle(t, "", append(append([]string{"show"}, args...), "--http", address)...)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/"+name+".txt", got)
		})
	}
}

func TestGoldenPeers(t *testing.T) {
	file, err := os.Open("testdata/peers.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var peers []api.Peer
	if err := command.Each(file, func(p api.Peer) { peers = append(peers, p) }); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := peersTable(&out, peers, time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/peers.txt", out.String())
}

// A column that nobody needs is not there.
func TestBFDIsShownWhereAPathIsWatched(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	peers := []api.Peer{
		{Name: "h1", Address: netip.MustParseAddr("192.0.2.11"), State: "Established", Since: noon, BFD: &api.BFD{State: "Up"}},
		{Name: "h2", Address: netip.MustParseAddr("192.0.2.12"), State: "Active", Since: noon},
	}
	var out strings.Builder
	if err := peersTable(&out, peers, noon); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"NAME ADDRESS AS ROLE RACK STATE FOR BFD V4 IN/OUT V6 IN/OUT NOTE", " Up ", " - "} {
		line := strings.Join(strings.Fields(strings.Split(out.String(), "\n")[i]), " ")
		if !strings.Contains(line, want) {
			t.Errorf("line %d is %q, want %q", i, line, want)
		}
	}
}

func TestJSONIsPrintedAsServed(t *testing.T) {
	address := canned(t, map[string]string{"peers": "testdata/peers.json", "routes?prefix=10.1.0.5%2F32": "testdata/routes.json"})
	for file, args := range map[string][]string{
		"peers": {"show", "peers"}, "routes": {"show", "routes", "10.1.0.5"},
	} {
		want, err := os.ReadFile("testdata/" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		expect(t, string(want), "", append(args, "-o", "json", "--http", address)...)
	}
}

func TestNothingToShowIsASentence(t *testing.T) {
	address := canned(t, map[string]string{
		"peers": "testdata/none.json", "routes": "testdata/none.json", "groups": "testdata/none.json",
		"problems": "testdata/none.json", "routes?prefix=10.9.0.0%2F16": "testdata/none.json",
	})
	for command, want := range map[string]string{
		"peers": "no peers\n", "routes": "no routes\n", "groups": "no groups: no session is established\n", "problems": "no problems\n",
		"routes 10.9.0.0/16": "no path for 10.9.0.0/16\n",
	} {
		expect(t, want, "", append([]string{"show", "--http", address}, strings.Fields(command)...)...)
	}
}

func TestWhatShowCannotShow(t *testing.T) {
	nobody := "127.0.0.1:" + freePort(t)
	refused(t, "", []string{"show", "peers", "--http", nobody},
		"no answer from "+nobody+" (connection refused): is the reflector running, and is this its --http address?")
	stranger := canned(t, nil)
	refused(t, "", []string{"show", "peers", "--http", stranger}, "what answers at "+stranger+" is no reflector of this release (404")
	waiting := httptest.NewServer(api.New(api.Version{}, func() api.State { return api.State{} }))
	defer waiting.Close()
	refused(t, "", []string{"show", "problems", "--http", waiting.Listener.Addr().String()}, "the inventory is not complete yet")
	broken := canned(t, map[string]string{"peers": "testdata/broken.json", "routes": "testdata/peers.txt"})
	refused(t, "", []string{"show", "peers", "--http", broken}, "the answer breaks off")
	refused(t, "", []string{"show", "routes", "--http", broken}, "the answer breaks off")
	for args, want := range map[string]string{
		"peers -o yaml":          "-o yaml: want table or json",
		"routes --family ipv5":   `family "ipv5": want ipv4 or ipv6`,
		"routes 10.1.0.5/16":     "did you mean 10.1.0.0/16?",
		"pears":                  `unknown command "pears"`,
		"peers h1":               `unknown command "h1"`,
		"peers --http http://x/": "want an address such as 127.0.0.1:8179",
	} {
		refused(t, "", append([]string{"show"}, strings.Fields(args)...), want)
	}
}

func TestSpansHaveTwoUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m01s", 3*time.Hour + 5*time.Minute: "3h05m", 49 * time.Hour: "2d01h",
	} {
		if got := command.Span(d); got != want {
			t.Errorf("%s is %s, want %s", d, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 B", 1536: "1.5 KiB", 16 << 20: "16.0 MiB"} {
		if got := octets(n); got != want {
			t.Errorf("%d octets are %s, want %s", n, got, want)
		}
	}
	if got := fmt.Sprint(several(1, "fault"), several(2, "fault")); got != "1 fault2 faults" {
		t.Error(got)
	}
}
