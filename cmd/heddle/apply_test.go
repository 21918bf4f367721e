package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/peering/wire"
)

// A fabric from nothing to nothing, as a person would see it.
func TestADayOfAReflector(t *testing.T) {
	r := startReflector(t)
	r.ready(t)
	at, show := []string{"--etcd", r.etcd}, []string{"--http", r.http}
	do := func(want, stdin, args string) {
		t.Helper()
		expect(t, want, stdin, append(strings.Fields(args), at...)...)
	}
	expect(t, "no peers\n", "", append([]string{"show", "peers"}, show...)...)

	do("created tag web\ncreated settings\ncreated pool p1\ncreated node h1\ncreated workload h1/web1\n", "", "apply -f testdata/fabric.yaml")
	do("unchanged settings\nunchanged pool p1\nunchanged node h1\nunchanged workload h1/web1\n", "", "apply -f testdata/fabric.yaml")
	do("changed pool p1\n", "{kind: pool, name: p1, prefix: 10.1.0.0/16, rack: r1, public: true}", "apply -f -")
	do("5 objects, no problems\n", "", "check")
	do("kind: tag\nname: web\nid: 1\n", "", "get tags")
	do("kind: node\nname: h1\naddresses:\n  - 127.0.0.2\n  - 192.0.2.11\nrack: r1\n", "", "get node h1")

	for _, format := range []string{"yaml", "json"} { // what get prints, apply takes
		backup, err := heddle(t, "", append([]string{"get", "-o", format}, at...)...)
		if err != nil || !strings.Contains(backup, "web1") {
			t.Fatalf("backup is %s, %v", backup, err)
		}
		do("unchanged tag web\nunchanged settings\nunchanged pool p1\nunchanged node h1\nunchanged workload h1/web1\n", backup, "apply -f -")
	}

	h := startHost(t, r.port, "192.0.2.11")
	eventually(t, "the route is there", func() bool {
		got, _ := heddle(t, "", append([]string{"show", "routes"}, show...)...)
		return got == "   PREFIX       FROM  NEXT HOP    KIND     PREF  AS PATH  TAGS  WHY NOT BEST\n"+
			"*  10.1.0.5/32  h1    192.0.2.11  in-rack  100   -        web\n"
	})
	got, err := heddle(t, "", append([]string{"show", "peers"}, show...)...)
	if !regexp.MustCompile(`(?m)^h1 +127\.0\.0\.2 +64512 +host +r1 +Established +\d+s +1/0 +0/0$`).MatchString(got) {
		t.Errorf("peers are\n%s%v", got, err)
	}
	_, metrics := r.get(t, "/metrics")
	for _, want := range []string{
		`bgp_peer_state{admin_state="UP",peer="127.0.0.2",session_state="ESTABLISHED"} 1`, `bgp_routes_received{peer="127.0.0.2",route_family="ipv4-unicast"} 1`,
		"heddle_etcd_connected 1", "heddle_etcd_keys 5",
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
	// The packages of etcd's server and of gRPC count in Prometheus' default registry.
	for _, name := range regexp.MustCompile(`(?m)^[a-z_]+`).FindAllString(metrics, -1) {
		if !regexp.MustCompile(`^(bgp|heddle|go|process|promhttp)_`).MatchString(name) {
			t.Errorf("metric %s is not ours", name)
		}
	}
	h.stop()

	refused(t, "", append([]string{"get", "node", "h9"}, at...), "node h9: does not exist")
	refused(t, "", append([]string{"delete", "nodes", "h1", "h9"}, at...), "node h9 does not exist")
	refused(t, "", append([]string{"check"}, at...), "1 problem")
	eventually(t, "the problem is shown", func() bool {
		got, _ := heddle(t, "", append([]string{"show", "problems"}, show...)...)
		return strings.Contains(got, "does not exist, yet workload web1 stands under it")
	})
	do("deleted pool p1\n", "", "delete pool p1")
	refused(t, "", append([]string{"delete", "-f", "testdata/fabric.yaml"}, at...), "pool p1 does not exist\nnode h1 does not exist")
	do("kind: tag\nname: web\nid: 1\n", "", "get")
}

func TestAReflectorWithoutEtcd(t *testing.T) {
	r := startReflector(t, "--etcd", "off", "--accept-range", "127.0.0.2/32")
	r.ready(t)
	startHost(t, r.port, "127.0.0.2") // no next hop for anybody else
	eventually(t, "a client of the range has a session", func() bool {
		_, body := r.get(t, "/api/v1/peers")
		return strings.Contains(body, `"source":"range"`) && strings.Contains(body, `"state":"Established"`)
	})
	stranger := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	conn, err := stranger.DialContext(t.Context(), "tcp", "127.0.0.1:"+r.port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var metrics string
	eventually(t, "what went wrong is counted", func() bool {
		_, metrics = r.get(t, "/metrics")
		return strings.Contains(metrics, "heddle_refused_connections_total 1\n") && strings.Contains(metrics,
			`heddle_peer_malformed_updates_total{attribute="NEXT_HOP",consequence="treat-as-withdraw",peer="127.0.0.2"} 1`)
	})
	if strings.Contains(metrics, "heddle_etcd_") {
		t.Error("there are metrics of an etcd that is not there")
	}
	got, err := heddle(t, "", "show", "problems", "--http", r.http)
	if !strings.Contains(got, "sessions  127.0.0.9  refused 1") {
		t.Errorf("problems are\n%s%v", got, err)
	}
}

func TestAnEtcdThatNeverAnswersIsWaitedFor(t *testing.T) {
	nobody := "http://127.0.0.1:" + freePort(t)
	r := startReflector(t, "--etcd", nobody)
	eventually(t, "the reason is known", func() bool {
		code, body := r.get(t, "/readyz?verbose")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "[-] inventory failed") && strings.Contains(body, "connection refused")
	})
	if code, body := r.get(t, "/livez"); code != http.StatusOK {
		t.Errorf("not alive: %d %s", code, body)
	}
	refused(t, "", []string{"show", "peers", "--http", r.http}, "the reflector at "+r.http+": the inventory is not complete yet", "connection refused")
}

func TestHTTPCanBeOff(t *testing.T) {
	r := startReflector(t, "--etcd", "off", "--accept-range", "127.0.0.2/32", "--http", "")
	h := startHost(t, r.port, "192.0.2.11")
	eventually(t, "the session is up", h.up)
}

// host is a client with one route, from 127.0.0.2.
type host struct {
	stop    func()
	nextHop netip.Addr

	mu          sync.Mutex
	established bool
	server      *session.Server
}

func startHost(t *testing.T, port, nextHop string) *host {
	t.Helper()
	from := netip.MustParseAddrPort("127.0.0.2:" + freePort(t))
	listener, err := session.Listen(from)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{nextHop: netip.MustParseAddr(nextHop)}
	h.server = session.New(session.Config{
		Self: session.Self{ASN: 64512, RouterID: 0x0a00000b}, Listeners: []*session.Listener{listener},
		Port: netip.MustParseAddrPort("127.0.0.1:" + port).Port(), Handler: h, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.server.Run(ctx)
	}()
	h.server.Apply(&peering.Plan{Sessions: []peering.Session{{
		Remote: netip.MustParseAddr("127.0.0.1"), Name: "rr1", Kind: peering.NonClient, RemoteASN: 64512,
		Families: bgp.FamiliesOf(bgp.Families[:]...), HoldTime: 90 * time.Second,
	}}})
	h.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(h.stop)
	return h
}

func (h *host) up() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.established
}

func (h *host) Up(s *session.Session) {
	h.mu.Lock()
	h.established = true
	h.mu.Unlock()
	s.Attach(&announcement{nextHop: h.nextHop.AsSlice()})
}

func (h *host) Batch(_ *session.Session, b *wire.Batch) { h.server.Release(b) }
func (h *host) Down(*session.Session, session.Ending)   {}

// announcement says where 10.1.0.5/32 is, once.
type announcement struct {
	nextHop []byte
	said    bool
}

func (a *announcement) Next(octets [][]byte, _ int) (more [][]byte, messages int) {
	if a.said {
		return octets, 0
	}
	a.said = true
	attrs := []byte{
		0x40, 1, 1, 0, // ORIGIN
		0x40, 2, 0, // AS_PATH
		0x40, 5, 4, 0, 0, 0, 100, // LOCAL_PREF
		0x40, 3, 4, // NEXT_HOP
	}
	attrs = append(attrs, a.nextHop...)
	p := wire.Packer{Limit: wire.MaxMessage}
	p.Announce(bgp.IPv4Unicast, attrs, netip.Addr{})
	p.Add4(0x0a010005, 32)
	p.Close()
	return append(octets, p.Octets), p.Messages
}
