package reflector

import (
	"encoding/binary"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/reflector/rib"
	"heddle/topology"
)

var update = flag.Bool("update", false, "write what scenarios print into their files")

// Scenarios are stories in testdata/*.txt. A line is a command; lines that begin
// with ">" are what peers are sent after it, written by `go test -update` and
// read by a human. Names stand for addresses and router IDs.
//
//	peer NAME client|non-client|tor RACK|spine|border [exceptions] [ipv4] [ipv6] [enhanced] [add-path] [long-lived] [forgets]
//	inventory PATH JSON        the key is so from now on; without JSON it is gone
//	announce NAME PREFIX… [local-pref N] [med N] [path ASN,…] [communities NAME,…] [originator NAME] [clusters N,…] [via NAME]
//	withdraw NAME PREFIX…      eor NAME FAMILY
//	refresh NAME FAMILY        begin-refresh NAME FAMILY    end-refresh NAME FAMILY
//	down NAME                  lost NAME (gracefully)       back NAME [client|non-client|tor RACK|spine|border]
//	plan NAME…                 sessions with these, as they are, should exist and no others
//	slow NAME                  read NAME                    pass DURATION
//	drain                      we are about to go
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newScene(t).play(string(script))
			if got == string(script) {
				return
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("the story goes otherwise than %s says:\n%s", file, got)
		})
	}
}

// scene is a reflector and the peers of one story.
type scene struct {
	t     fatal
	r     *Reflector
	now   time.Time
	cast  map[string]*actor
	names map[string]string // of addresses and router IDs
	lines []string          // what peers were sent since the last command

	inventory topology.Inventory
	revision  int64
}

// fatal is what tests and properties have in common.
type fatal interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

type actor struct {
	name    string
	arrival arrival
	stream  session.Stream
	replay  *oracle.Replay
	slow    bool
}

func (a *actor) Attach(s session.Stream)                     { a.stream = s }
func (a *actor) End(_ *bgp.Notification)                     {}
func (a *actor) EndFor(_ *bgp.Notification, _ time.Duration) {}

func newScene(t fatal) *scene {
	s := &scene{t: t, now: time.Unix(1_700_000_000, 0), cast: map[string]*actor{}, names: map[string]string{}}
	s.r = New(Config{Self: rib.Self{ASN: 64512, RouterID: 0x0a0000fe, Cluster: 0x0a0000fe}, Log: slog.New(slog.DiscardHandler), LogOctets: 300})
	s.r.Attach(nobody{})
	s.names["10.0.0.254"] = "us"
	return s
}

// play runs a script and returns it with what really happened.
func (s *scene) play(script string) string {
	var out []string
	for _, line := range strings.Split(strings.TrimSuffix(script, "\n"), "\n") {
		if strings.HasPrefix(line, ">") {
			continue
		}
		out = append(out, line)
		if command, _, _ := strings.Cut(line, "#"); strings.TrimSpace(command) != "" {
			s.do(strings.Fields(command))
			out = append(out, s.watch()...)
		}
	}
	return strings.Join(out, "\n") + "\n"
}

// watch lets every peer that is not slow read, and tells what it read.
func (s *scene) watch() []string {
	s.lines = nil
	for range 5 {
		s.now = s.now.Add(100 * time.Millisecond)
		s.r.work(s.now)
		for _, name := range slices.Sorted(mapKeys(s.cast)) {
			if a := s.cast[name]; !a.slow {
				s.read(a)
			}
		}
	}
	return s.lines
}

func mapKeys(m map[string]*actor) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (s *scene) read(a *actor) {
	if a.stream == nil {
		return
	}
	octets, _ := a.stream.Next(nil, 1<<20)
	for _, o := range octets {
		if err := a.replay.Feed(o); err != nil {
			s.t.Fatalf("%s: %v", a.name, err)
		}
	}
}

// note adds an event to the lines; prefixes with the same fate share one.
func (s *scene) note(a *actor, e oracle.Event) {
	text, prefix := e.Text, ""
	if e.Text == "" {
		text, prefix = "withdraw", " "+e.Prefix.String()
		if e.Route != nil {
			text = "announce"
		}
	}
	tail := s.tail(e.Route)
	if n := len(s.lines); n > 0 && prefix != "" {
		if head, same := strings.CutSuffix(s.lines[n-1], tail); same && strings.HasPrefix(head, "> "+a.name+": "+text+" ") {
			s.lines[n-1] = head + prefix + tail
			return
		}
	}
	s.lines = append(s.lines, "> "+a.name+": "+text+prefix+tail)
}

// tail is a route in words, what is usual left out.
func (s *scene) tail(route *oracle.Route) string {
	if route == nil {
		return ""
	}
	text := " via " + s.called(route.NextHop.String())
	for _, a := range route.Attrs {
		switch a.Type {
		case 2:
			if len(a.Value) > 0 {
				text += " path"
				for i := 2; i < len(a.Value); i += 4 {
					text += fmt.Sprintf(" %d", binary.BigEndian.Uint32(a.Value[i:]))
				}
			}
		case 4:
			text += fmt.Sprintf(" med %d", binary.BigEndian.Uint32(a.Value))
		case 5:
			if n := binary.BigEndian.Uint32(a.Value); n != 100 {
				text += fmt.Sprintf(" local-pref %d", n)
			}
		case 8:
			for c := range slices.Chunk(a.Value, 4) {
				text += " " + bgp.Community(binary.BigEndian.Uint32(c)).String()
			}
		case 32:
			text += large(a.Value)
		case 9:
			text += " originator " + s.called(netip.AddrFrom4([4]byte(a.Value)).String())
		case 10:
			text += " clusters"
			for i := 0; i < len(a.Value); i += 4 {
				text += " " + s.called(netip.AddrFrom4([4]byte(a.Value[i:i+4])).String())
			}
		}
	}
	return text
}

// large is the large communities of ours in words, and others as they are.
func large(value []byte) (text string) {
	classes := []string{"", "in-rack", "summary", "exception", "public"}
	for c := range slices.Chunk(value, 12) {
		l := bgp.LargeCommunity{Global: binary.BigEndian.Uint32(c), Local1: binary.BigEndian.Uint32(c[4:]), Local2: binary.BigEndian.Uint32(c[8:])}
		switch {
		case !l.Own(64512):
			text += " " + l.String()
		case l.Local1 == bgp.LargeClass:
			text += " class " + classes[l.Local2]
		case l.Local1 == bgp.LargeTag:
			text += fmt.Sprintf(" tag %d", l.Local2)
		default:
			text += fmt.Sprintf(" was-local-pref %d", l.Local2)
		}
	}
	return text
}

// put changes a key of the inventory.
func (s *scene) put(path, value string) {
	s.revision++
	change := topology.Change{Path: topology.Prefix + path}
	if value != "" {
		change.Value = []byte(value)
	}
	s.inventory.Apply(s.revision, []topology.Change{change})
	s.r.follow(s.inventory.Snapshot(), s.now)
}

func (s *scene) called(address string) string {
	if name, ok := s.names[address]; ok {
		return name
	}
	return address
}

func (s *scene) do(words []string) {
	name := ""
	if len(words) > 1 {
		name = words[1]
	}
	a := s.cast[name]
	if a == nil && words[0] != "peer" && words[0] != "pass" && words[0] != "inventory" && words[0] != "plan" && words[0] != "starts" && words[0] != "drain" {
		s.t.Fatalf("%q: there is no peer %q", strings.Join(words, " "), name)
	}
	switch words[0] {
	case "peer":
		s.peer(name, words[2:])
	case "inventory":
		s.put(name, strings.Join(words[2:], " "))
	case "announce":
		s.tell(a, s.announcement(a, words[2:])...)
	case "withdraw":
		for _, p := range words[2:] {
			s.tell(a, oracle.Withdraw(netip.MustParsePrefix(p)))
		}
	case "eor":
		s.tell(a, oracle.EndOfRIB(words[2] == "ipv4"))
	case "refresh":
		s.item(a, wire.RefreshRequested, words[2])
	case "begin-refresh":
		s.item(a, wire.RefreshBegun, words[2])
	case "end-refresh":
		s.item(a, wire.RefreshEnded, words[2])
	case "down":
		s.end(a, 0)
	case "lost":
		s.end(a, a.arrival.negotiated.Families)
	case "back":
		if len(words) > 2 {
			s.describe(a, words[2:])
		}
		s.up(a)
	case "plan":
		s.plan(words[1:])
	case "starts":
		s.starts(words[1], words[2:])
	case "drain":
		s.r.drain(s.now)
	case "slow":
		a.slow = true
	case "read":
		a.slow = false
	case "pass":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			s.t.Fatal(err)
		}
		s.now = s.now.Add(d)
	default:
		s.t.Fatalf("unknown command %q", words[0])
	}
}

func (s *scene) peer(name string, words []string) {
	n := byte(len(s.cast) + 1)
	address := netip.AddrFrom4([4]byte{10, 0, 0, n})
	a := &actor{name: name}
	a.arrival = arrival{outlet: a, spec: peering.Session{Remote: address, Name: name, Kind: peering.Client}, negotiated: session.Negotiated{
		RouterID: bgp.RouterID(0x0a000000 | uint32(n)), FourOctetAS: true, MaxMessage: 4096,
		RestartTime: 120 * time.Second, RestartFamilies: bgp.FamiliesOf(bgp.Families[:]...), Forwarding: bgp.FamiliesOf(bgp.Families[:]...),
	}}
	s.describe(a, words)
	if a.arrival.negotiated.Families == 0 {
		a.arrival.negotiated.Families = bgp.FamiliesOf(bgp.IPv4Unicast)
	}
	s.cast[name] = a
	s.names[address.String()] = name
	s.names[hop6(address).String()] = name
	s.up(a)
}

// describe has a peer be what the words say.
func (s *scene) describe(a *actor, words []string) {
	for i, w := range words {
		switch w {
		case "client":
			a.arrival.spec.Kind, a.arrival.spec.Role = peering.Client, "host"
		case "tor", "spine", "border":
			a.arrival.spec.Kind, a.arrival.spec.Role = peering.External, w
		case "exceptions":
			a.arrival.spec.Exceptions = true
		case "add-path":
			a.arrival.negotiated.AddPath = bgp.FamiliesOf(bgp.Families[:]...)
		case "long-lived":
			n := &a.arrival.negotiated
			n.LongLived, n.LongLivedForwarding, n.LongLivedTimes = true, n.Forwarding, [2]time.Duration{10 * time.Minute, 10 * time.Minute}
		case "forgets": // it says that it did not keep forwarding
			a.arrival.negotiated.LongLivedForwarding = 0
		case "non-client":
			a.arrival.spec.Kind = peering.NonClient
		case "ipv4", "ipv6":
			f, _ := bgp.ParseFamily(w)
			a.arrival.negotiated.Families |= bgp.FamiliesOf(f)
		case "enhanced":
			a.arrival.negotiated.EnhancedRefresh = true
		default:
			if i == 0 || words[i-1] != "tor" {
				s.t.Fatalf("peer %s: unknown word %q", a.name, w)
			}
			a.arrival.spec.Rack = w
		}
	}
}

func (s *scene) plan(names []string) {
	plan := &peering.Plan{}
	for _, name := range names {
		plan.Sessions = append(plan.Sessions, s.cast[name].arrival.spec)
	}
	peering.Sort(plan.Sessions)
	s.r.want(plan)
}

// starts has the reflector be one that has just started, and that waits so long for
// clients with these addresses.
func (s *scene) starts(wait string, hosts []string) {
	d, err := time.ParseDuration(wait)
	if err != nil {
		s.t.Fatal(err)
	}
	plan := &peering.Plan{}
	for _, host := range hosts {
		for text := range strings.SplitSeq(host, ",") {
			plan.Sessions = append(plan.Sessions, peering.Session{Name: host, Remote: netip.MustParseAddr(text), Kind: peering.Client})
		}
	}
	peering.Sort(plan.Sessions)
	s.r.want(plan)
	s.r.deferral, s.r.started, s.r.deferred = d, s.now, false
}

// hop6 is the IPv6 address of a peer known by an IPv4 one.
func hop6(address netip.Addr) netip.Addr {
	octets := address.As4()
	return netip.AddrFrom16([16]byte{0xfd, 15: octets[3]})
}

func (s *scene) up(a *actor) {
	a.replay = oracle.NewReplay()
	a.replay.AddPath = a.arrival.negotiated.AddPath != 0
	a.replay.On = func(e oracle.Event) { s.note(a, e) }
	s.r.take(event{arrival: &a.arrival, outlet: a, key: a.arrival.spec.Remote}, s.now)
}

func (s *scene) end(a *actor, graceful bgp.FamilySet) {
	a.stream = nil
	s.r.take(event{outlet: a, key: a.arrival.spec.Remote, ending: &session.Ending{Graceful: graceful}}, s.now)
}

func (s *scene) item(a *actor, kind wire.Kind, family string) {
	f, err := bgp.ParseFamily(family)
	if err != nil {
		s.t.Fatal(err)
	}
	s.r.take(event{outlet: a, key: a.arrival.spec.Remote, batch: &wire.Batch{Items: []wire.Item{{Kind: kind, Family: f}}}}, s.now)
}

func (s *scene) tell(a *actor, messages ...[]byte) {
	d := wire.Decoder{FourOctetAS: true, Internal: a.arrival.spec.Kind.Internal(), Families: a.arrival.negotiated.Families}
	for _, m := range messages {
		batch := &wire.Batch{}
		if faults := d.Update(m[19:], batch); len(faults) > 0 {
			s.t.Fatal(faults[0].Error())
		}
		s.r.take(event{outlet: a, key: a.arrival.spec.Remote, batch: batch}, s.now)
	}
}

// announcement reads prefixes and then pairs of attribute and value.
func (s *scene) announcement(a *actor, words []string) [][]byte {
	var prefixes []netip.Prefix
	for len(words) > 0 && strings.Contains(words[0], "/") {
		prefixes = append(prefixes, netip.MustParsePrefix(words[0]))
		words = words[1:]
	}
	route := oracle.Plain(a.arrival.spec.Remote)
	for ; len(words) >= 2; words = words[2:] {
		route = s.with(route, words[0], words[1])
	}
	var messages [][]byte
	for _, p := range prefixes {
		r := route
		if !p.Addr().Is4() {
			r.NextHop = hop6(route.NextHop)
		}
		messages = append(messages, oracle.Announce(r, p))
	}
	return messages
}

func (s *scene) with(route oracle.Route, word, value string) oracle.Route {
	number := func(text string) []byte {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			s.t.Fatal(err)
		}
		return oracle.Number(uint32(n))
	}
	id := func(name string) []byte {
		if name == "us" {
			return oracle.Number(0x0a0000fe)
		}
		if other := s.cast[name]; other != nil {
			return oracle.Number(uint32(other.arrival.negotiated.RouterID))
		}
		return netip.MustParseAddr(name).AsSlice()
	}
	switch word {
	case "local-pref":
		return route.With(oracle.Attr{Flags: 0x40, Type: 5, Value: number(value)})
	case "med":
		return route.With(oracle.Attr{Flags: 0x80, Type: 4, Value: number(value)})
	case "path":
		asns := strings.Split(value, ",")
		path := []byte{2, byte(len(asns))}
		for _, asn := range asns {
			path = append(path, number(asn)...)
		}
		return route.With(oracle.Attr{Flags: 0x40, Type: 2, Value: path})
	case "communities":
		var list []byte
		for _, name := range strings.Split(value, ",") {
			for _, c := range []bgp.Community{bgp.NoExport, bgp.NoAdvertise, bgp.NoExportSubconfed, bgp.GracefulShutdown, bgp.LongLivedStale, bgp.NoLongLived} {
				if c.String() == name {
					list = append(list, oracle.Number(uint32(c))...)
				}
			}
		}
		return route.With(oracle.Attr{Flags: 0xc0, Type: 8, Value: list})
	case "originator":
		return route.With(oracle.Attr{Flags: 0x80, Type: 9, Value: id(value)})
	case "clusters":
		var list []byte
		for _, c := range strings.Split(value, ",") {
			list = append(list, id(c)...)
		}
		return route.With(oracle.Attr{Flags: 0x80, Type: 10, Value: list})
	case "via":
		route.NextHop = s.cast[value].arrival.spec.Remote
		return route
	}
	s.t.Fatalf("unknown attribute %q", word)
	return route
}
