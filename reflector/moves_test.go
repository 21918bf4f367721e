package reflector

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
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

// A fabric of three racks, two reflectors that serve all of them, and one workload
// that moves, in every way that moves happen and with everything going wrong
// meanwhile. What each peer was sent is read message by message. At every message
// boundary of every stream
//
//	a host has a route to the workload, by a host that announces it;
//	the ToRs of the rack it lives in have it, those at home have it too;
//	some ToR tells the fabric of a prefix that covers it, if its pool is summarised:
//	else the ToR that took over tells it, and no order holds between two sessions;
//	a border router has a route that covers it;
//
// and when all is read, everybody has the right one and nothing else.

// story is one way to move.
type story struct {
	name string
	// pool is where the workload is at home: r1, or none.
	steps []step
	ends  string // host that has it at last; empty: none
}

// step is one thing that happens to the workload.
type step struct {
	host string
	what deed
}

type deed int

const (
	announces deed = iota // as a normal route
	elevated              // as a live migration's target
	withdraws
	crashes    // its sessions go, without grace
	returns    // it comes back and says nothing
	isPrepared // the inventory expects the workload there
	owns       // the inventory has the workload there, and nowhere else
)

func stories() []story {
	move := func(from, to string) []step {
		return []step{{to, isPrepared}, {to, elevated}, {to, owns}, {from, withdraws}, {to, announces}}
	}
	start := []step{{"h1", owns}, {"h1", announces}}
	return []story{
		{"a planned move out of the rack", slices.Concat(start, move("h1", "h3")), "h3"},
		{"a planned move within the rack", slices.Concat(start, move("h1", "h2")), "h2"},
		{"out and home again", slices.Concat(start, move("h1", "h3"), move("h3", "h1")), "h1"},
		{"two racks in quick succession", slices.Concat(start, move("h1", "h3"), move("h3", "h5"), move("h5", "h2")), "h2"},
		{"back to another host at home", slices.Concat(start, move("h1", "h3"), move("h3", "h2")), "h2"},
		{"the announcement comes before the inventory", append(start, step{"h3", elevated}, step{"h3", owns}, step{"h1", withdraws}, step{"h3", announces}), "h3"},
		{"the inventory comes before the announcement", append(start, step{"h3", owns}, step{"h3", announces}, step{"h1", withdraws}), "h3"},
		{"the inventory alone, the old host never lets go", append(start, step{"h3", owns}, step{"h3", announces}), "h3"},
		{"a cold move: the source is gone first", append(start, step{"h1", crashes}, step{"h3", owns}, step{"h3", announces}, step{"h1", returns}), "h3"},
		{"the source crashes in the middle", append(start, step{"h3", isPrepared}, step{"h3", elevated}, step{"h1", crashes}, step{"h3", owns}, step{"h3", announces}), "h3"},
		{"the target crashes in the middle", append(start, step{"h3", isPrepared}, step{"h3", elevated}, step{"h3", crashes}, step{"h1", owns}, step{"h1", announces}), "h1"},
		{"it ends while it is away", append(append(start, move("h1", "h3")...), step{"h3", withdraws}), ""},
	}
}

// trouble is what goes wrong in the middle of a story.
type trouble struct {
	name  string
	start func(*world)
	end   func(*world) // before the last look
}

func troubles() []trouble {
	nothing := func(*world) {}
	return []trouble{
		{"with everything up", nothing, nothing},
		{"with one of two ToRs down", func(w *world) { w.lose("t1b") }, nothing},
		{"with a ToR of the other rack bouncing", func(w *world) { w.lose("t2"); w.join("t2") }, nothing},
		{"while a reflector restarts", func(w *world) { w.restart(0) }, nothing},
		{"while etcd does not answer", func(w *world) { w.deaf[0], w.deaf[1] = true, true }, func(w *world) { w.hear(0); w.hear(1) }},
		{"while one reflector of two hears nothing of etcd", func(w *world) { w.deaf[1] = true }, func(w *world) { w.hear(1) }},
		{"with readers that take one message at a time", func(w *world) { w.slow = true }, func(w *world) { w.slow = false }},
	}
}

// setting is what a story is played with.
type setting struct {
	six    bool // the workload has an IPv6 address, too
	listed bool // its pool is not summarised: border routers hear each address
}

func (s setting) String() string { return fmt.Sprintf("dual %v, listed %v", s.six, s.listed) }

var settings = []setting{{}, {six: true}, {listed: true}}

var movesCast = []struct{ name, role, rack string }{
	{"h1", "host", "r1"},
	{"h2", "host", "r1"},
	{"h3", "host", "r2"},
	{"h4", "host", "r2"},
	{"h5", "host", "r3"},
	{"t1a", "tor", "r1"},
	{"t1b", "tor", "r1"},
	{"t2", "tor", "r2"},
	{"t3", "tor", "r3"},
	{"b1", "border", ""},
}

// world is both reflectors, all peers, and what is true.
type world struct {
	t          *testing.T
	setting    setting
	now        time.Time
	reflectors [2]*Reflector
	deaf       [2]bool // hears nothing of the inventory
	ends       map[string]*[2]*end
	address    map[string]netip.Addr
	prefixes   []netip.Prefix // of the workload
	inventory  topology.Inventory
	revision   int64
	announced  map[string]deed // by host
	crashed    map[string]bool
	claims     map[string]string // what the inventory says of the workload, by host
	slow       bool
	must       bool            // the workload was reachable, and has been announced ever since
	recent     map[string]bool // hosts that announced it since all was quiet last
	log        []string
}

// end is a peer's end of its session with one reflector.
type end struct {
	w      *world
	peer   string // or the other reflector's index
	role   string
	stream session.Stream
	replay *oracle.Replay
	queue  []byte // octets taken and not read yet
	routes map[netip.Prefix]held
	// forward is the other reflector's end, for what reflectors tell each other.
	forward func(message []byte)
}

// held is a route as a peer has it.
type held struct {
	via   netip.Addr
	quiet bool // NO_ADVERTISE
}

func (e *end) Attach(s session.Stream)                     { e.stream = s }
func (e *end) End(*bgp.Notification)                       {}
func (e *end) EndFor(_ *bgp.Notification, _ time.Duration) {}

func newWorld(t *testing.T, s setting) *world {
	w := &world{
		t: t, setting: s, now: time.Unix(1_700_000_000, 0), ends: map[string]*[2]*end{}, address: map[string]netip.Addr{},
		announced: map[string]deed{}, crashed: map[string]bool{}, claims: map[string]string{}, recent: map[string]bool{},
	}
	w.prefixes = []netip.Prefix{netip.MustParsePrefix("10.1.0.5/32")}
	if s.six {
		w.prefixes = append(w.prefixes, netip.MustParsePrefix("fd01::5/128"))
	}
	w.put("settings", `{"discard":["192.0.2.254","fdff::fe"]}`)
	for name, prefix := range map[string]string{"home4": "10.1.0.0/16", "home6": "fd01::/16"} {
		w.put("pools/"+name, fmt.Sprintf(`{"prefix":%q,"rack":"r1","public":true,"summaries":%v}`, prefix, !s.listed))
	}
	w.put("pools/other", `{"prefix":"10.2.0.0/16","rack":"r2"}`)
	for i, c := range movesCast {
		w.address[c.name] = netip.AddrFrom4([4]byte{192, 0, 2, byte(11 + i)})
		if c.role == "host" {
			w.put("nodes/"+c.name, fmt.Sprintf(`{"addresses":[%q,%q],"rack":%q}`, w.address[c.name], hopSix(w.address[c.name]), c.rack))
		}
	}
	for i := range w.reflectors {
		w.begin(i)
	}
	w.mesh()
	for _, c := range movesCast {
		w.join(c.name)
	}
	// The pool is in use: its summary does not hang on the workload that moves.
	w.say("h2", oracle.Announce(oracle.Plain(w.address["h2"]), netip.MustParsePrefix("10.1.0.9/32")))
	if s.six {
		w.say("h2", oracle.Announce(oracle.Plain(hopSix(w.address["h2"])), netip.MustParsePrefix("fd01::9/128")))
	}
	w.quiet()
	return w
}

func hopSix(a netip.Addr) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfd, 0xff, 15: a.As4()[3]})
}

// begin starts a reflector with an empty table.
func (w *world) begin(i int) {
	id := uint32(0x0a0000f0 + i)
	w.reflectors[i] = New(Config{Self: rib.Self{ASN: testASN, RouterID: bgp.RouterID(id), Cluster: bgp.ClusterID(id)}, Log: slog.New(slog.DiscardHandler)})
	w.reflectors[i].Attach(nobody{})
	if !w.deaf[i] {
		w.reflectors[i].follow(w.inventory.Snapshot(), w.now)
	}
}

// mesh connects the two reflectors as non-clients: what one says the other is told.
func (w *world) mesh() {
	for i := range w.reflectors {
		other := 1 - i
		e := w.connect(i, fmt.Sprintf("rr%d", other), "reflector", netip.AddrFrom4([4]byte{192, 0, 2, byte(250 + other)}), uint32(0x0a0000f0+other))
		e.forward = func(message []byte) {
			w.deliver(other, netip.AddrFrom4([4]byte{192, 0, 2, byte(250 + i)}), w.ends[fmt.Sprintf("rr%d", i)][other], message)
		}
	}
}

// connect brings a session of a peer with one reflector up.
func (w *world) connect(i int, name, role string, address netip.Addr, routerID uint32) *end {
	e := &end{w: w, peer: name, role: role, replay: oracle.NewReplay(), routes: map[netip.Prefix]held{}}
	e.replay.On = e.note
	if w.ends[name] == nil {
		w.ends[name] = &[2]*end{}
	}
	w.ends[name][i] = e
	kind, rack := map[string]peering.Kind{"host": peering.Client, "reflector": peering.NonClient}[role], ""
	if kind == peering.KindUnknown {
		kind = peering.External
	}
	for _, c := range movesCast {
		if c.name == name {
			rack = c.rack
		}
	}
	w.reflectors[i].take(event{outlet: e, key: address, arrival: &arrival{
		outlet: e, spec: peering.Session{Remote: address, Name: name, Role: role, Rack: rack, Kind: kind},
		negotiated: session.Negotiated{
			RouterID: bgp.RouterID(routerID), Families: bgp.FamiliesOf(bgp.Families[:]...), FourOctetAS: true, MaxMessage: 4096,
		},
	}}, w.now)
	return e
}

func (w *world) join(name string) {
	for i := range w.reflectors {
		w.joinOne(i, name)
	}
}

func (w *world) joinOne(i int, name string) {
	for n, c := range movesCast {
		if c.name == name {
			w.connect(i, name, c.role, w.address[name], uint32(0x0a000001+n))
		}
	}
	if deed, ok := w.announced[name]; ok {
		w.announceTo(i, name, deed)
	}
	if name == "h2" {
		w.deliver(i, w.address[name], w.ends[name][i], oracle.Announce(oracle.Plain(w.address["h2"]), netip.MustParsePrefix("10.1.0.9/32")))
		if len(w.prefixes) > 1 {
			w.deliver(i, w.address[name], w.ends[name][i], oracle.Announce(oracle.Plain(hopSix(w.address["h2"])), netip.MustParsePrefix("fd01::9/128")))
		}
	}
}

// lose ends a peer's sessions.
func (w *world) lose(name string) {
	for i := range w.reflectors {
		if e := w.ends[name][i]; e != nil {
			w.reflectors[i].take(event{outlet: e, key: w.address[name], ending: &session.Ending{}}, w.now)
			w.ends[name][i] = nil
		}
	}
}

// restart begins one reflector anew: every session with it is lost, and comes back.
func (w *world) restart(i int) {
	other := 1 - i
	gone := w.ends[fmt.Sprintf("rr%d", i)][other]
	w.reflectors[other].take(event{outlet: gone, key: netip.AddrFrom4([4]byte{192, 0, 2, byte(250 + i)}), ending: &session.Ending{}}, w.now)
	for name := range w.ends {
		w.ends[name][i] = nil
	}
	w.begin(i)
	w.mesh()
	for _, c := range movesCast {
		if !w.crashed[c.name] {
			w.joinOne(i, c.name)
		}
	}
}

func (w *world) put(path, value string) {
	w.revision++
	var octets []byte
	if value != "" {
		octets = []byte(value)
	}
	w.inventory.Apply(w.revision, []topology.Change{{Path: topology.Prefix + path, Value: octets}})
}

func (w *world) tellInventory() {
	for i := range w.reflectors {
		if !w.deaf[i] && w.reflectors[i] != nil {
			w.reflectors[i].follow(w.inventory.Snapshot(), w.now)
		}
	}
}

// hear has a reflector that was deaf hear of the inventory again.
func (w *world) hear(i int) {
	w.deaf[i] = false
	w.reflectors[i].follow(w.inventory.Snapshot(), w.now)
}

func (w *world) workload(host, state string) {
	w.claims[host] = state
	addresses := fmt.Sprintf("%q", w.prefixes[0].Addr())
	for _, p := range w.prefixes[1:] {
		addresses += fmt.Sprintf(",%q", p.Addr())
	}
	value := fmt.Sprintf(`{"addresses":[%s],"state":%q}`, addresses, state)
	if state == "" {
		value = ""
	}
	w.put("workloads/"+host+"/w", value)
}

func (w *world) deliver(i int, key netip.Addr, e *end, message []byte) {
	if e == nil {
		return
	}
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: bgp.FamiliesOf(bgp.Families[:]...)}
	batch := &wire.Batch{}
	if faults := d.Update(slices.Clone(message)[19:], batch); len(faults) > 0 {
		w.t.Fatalf("decoder: %v", faults[0].Error())
	}
	w.reflectors[i].take(event{outlet: e, key: key, batch: batch}, w.now)
}

func (w *world) say(host string, messages ...[]byte) {
	for i := range w.reflectors {
		for _, m := range messages {
			w.deliver(i, w.address[host], w.ends[host][i], m)
		}
	}
}

func (w *world) announceTo(i int, host string, how deed) {
	for _, p := range w.prefixes {
		r := oracle.Plain(w.address[host])
		if !p.Addr().Is4() {
			r = oracle.Plain(hopSix(w.address[host]))
		}
		if how == elevated {
			r = r.With(oracle.Attr{Flags: 0x40, Type: 5, Value: oracle.Number(2147483135)})
		}
		w.deliver(i, w.address[host], w.ends[host][i], oracle.Announce(r, p))
	}
}

// do has one step happen.
func (w *world) do(s step) {
	defer func() { w.must = w.must && len(w.announced) > 0 }()
	w.log = append(w.log, fmt.Sprintf("%s %s", s.host, [...]string{"announces", "announces, elevated", "withdraws", "crashes", "returns", "is prepared", "owns"}[s.what]))
	switch s.what {
	case announces, elevated:
		w.announced[s.host], w.recent[s.host] = s.what, true
		for i := range w.reflectors {
			w.announceTo(i, s.host, s.what)
		}
	case withdraws:
		delete(w.announced, s.host)
		for _, p := range w.prefixes {
			w.say(s.host, oracle.Withdraw(p))
		}
	case crashes:
		delete(w.announced, s.host)
		w.crashed[s.host] = true
		w.lose(s.host)
	case returns:
		delete(w.crashed, s.host)
		w.join(s.host)
	case isPrepared:
		w.workload(s.host, "prepared")
		w.tellInventory()
	case owns:
		for _, c := range movesCast {
			if c.role == "host" && c.name != s.host {
				w.workload(c.name, "")
			}
		}
		w.workload(s.host, "live")
		w.tellInventory()
	}
}

// pass lets time go by, and everybody work and read.
func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	for _, r := range w.reflectors {
		r.work(w.now)
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range w.ends {
			if !yield(name) {
				return
			}
		}
	}) {
		for _, e := range w.ends[name] {
			if e != nil {
				e.read()
			}
		}
	}
}

// quiet passes time until nothing moves any more.
func (w *world) quiet() {
	for range 25 {
		w.pass(60 * time.Millisecond)
	}
	w.must = len(w.announced) > 0
	w.recent = map[string]bool{}
	for host := range w.announced {
		w.recent[host] = true
	}
}

// read takes what there is and reads it message by message, one only if the world is
// slow.
func (e *end) read() {
	if e.stream == nil {
		return
	}
	octets, _ := e.stream.Next(nil, 1<<20)
	for _, o := range octets {
		e.queue = append(e.queue, o...)
	}
	for len(e.queue) > 0 {
		n := int(binary.BigEndian.Uint16(e.queue[16:]))
		message := e.queue[:n]
		e.queue = e.queue[n:]
		if err := e.replay.Feed(message); err != nil {
			e.w.t.Fatal(err)
		}
		if e.forward != nil && n > 23 {
			e.forward(message)
		}
		e.w.look(e.peer)
		if e.w.slow {
			return
		}
	}
}

func (e *end) note(ev oracle.Event) {
	if !ev.Prefix.IsValid() {
		return
	}
	if ev.Route == nil {
		delete(e.routes, ev.Prefix)
		return
	}
	h := held{via: ev.Route.NextHop}
	communities, _ := ev.Route.Attr(8)
	for c := range slices.Chunk(communities, 4) {
		h.quiet = h.quiet || binary.BigEndian.Uint32(c) == 0xffffff02
	}
	e.routes[ev.Prefix] = h
}

// table is what a peer knows of a prefix from the reflectors whose initial routes it
// has; synced is false while it has none.
func (w *world) table(peer string, prefix netip.Prefix) (routes []held, synced bool) {
	for _, e := range w.ends[peer] {
		if e == nil || e.replay.EndOfRIB != [2]int{1, 1} {
			continue
		}
		synced = true
		if h, ok := e.routes[prefix]; ok {
			routes = append(routes, h)
		}
	}
	return routes, synced
}

// look is called at every message boundary of every stream.
func (w *world) look(peer string) {
	if !w.must {
		return
	}
	for _, c := range movesCast {
		if c.name == peer {
			for _, prefix := range w.prefixes {
				w.lookAt(peer, c.role, c.rack, prefix)
			}
		}
	}
}

func (w *world) lookAt(peer, role, rack string, prefix netip.Prefix) {
	routes, synced := w.table(peer, prefix)
	_, own := w.announced[peer]
	switch {
	case !synced || own || w.recent[peer]:
		return
	case role == "host", rack == "r1":
		if len(routes) == 0 {
			w.fail("%s has no route to %s", peer, prefix)
		}
	case role == "border":
		if covers, _ := w.table(peer, w.summary(prefix)); len(covers)+len(routes) == 0 {
			w.fail("%s has neither %s nor its summary", peer, prefix)
		}
	}
	for _, h := range routes {
		if !w.recent[w.hostAt(h.via)] {
			w.fail("%s sends %s to %s, which does not announce it", peer, prefix, w.hostAt(h.via))
		}
	}
	if role == "tor" && !w.setting.listed && !w.reachable(prefix) {
		w.fail("no ToR tells the fabric of %s", prefix)
	}
}

func (w *world) summary(prefix netip.Prefix) netip.Prefix {
	p, _ := prefix.Addr().Prefix(16)
	return p
}

// reachable says whether some ToR tells the fabric of a prefix that covers it.
func (w *world) reachable(prefix netip.Prefix) bool {
	for _, c := range movesCast {
		if c.role != "tor" {
			continue
		}
		for _, p := range []netip.Prefix{prefix, w.summary(prefix)} {
			routes, _ := w.table(c.name, p)
			if slices.ContainsFunc(routes, func(h held) bool { return !h.quiet }) {
				return true
			}
		}
	}
	return false
}

func (w *world) hostAt(addr netip.Addr) string {
	for _, c := range movesCast {
		if a := w.address[c.name]; a == addr || hopSix(a) == addr {
			return c.name
		}
	}
	return addr.String()
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s, after: %s", fmt.Sprintf(format, args...), strings.Join(w.log, "; "))
}

// settled checks what everybody holds when all is read, from each reflector by itself.
func (w *world) settled(host string) {
	rack := ""
	for _, c := range movesCast {
		if c.name == host {
			rack = c.rack
		}
	}
	for _, c := range movesCast {
		for i, e := range w.ends[c.name] {
			if e == nil || w.crashed[c.name] {
				continue
			}
			for _, prefix := range w.prefixes {
				want := w.finally(c.name, c.role, c.rack, host, rack, prefix)
				got := "nothing"
				if h, ok := e.routes[prefix]; ok {
					got = fmt.Sprintf("via %s, quiet %v", w.hostAt(h.via), h.quiet)
				}
				if got != want {
					w.fail("in the end %s has of %s from reflector %d: %s, want %s", c.name, prefix, i, got, want)
				}
			}
		}
	}
}

// evident is the host that all evidence points to (DESIGN §6): the target of a live
// migration that the inventory knows of, else who the inventory says has it, else who
// announces it at all.
func (w *world) evident() string {
	for _, good := range []func(host string, how deed) bool{
		func(host string, how deed) bool { return how == elevated && w.claims[host] != "" },
		func(host string, how deed) bool { return w.claims[host] == "live" },
		func(host string, how deed) bool { return how == elevated },
		func(string, deed) bool { return true },
	} {
		for _, c := range movesCast {
			if how, ok := w.announced[c.name]; ok && good(c.name, how) {
				return c.name
			}
		}
	}
	return ""
}

// finally is what a peer is to hold of the workload: DESIGN §6, the table of views.
func (w *world) finally(peer, role, rack, host, lives string, prefix netip.Prefix) string {
	switch {
	case host == "" || peer == host || (role == "border" && !w.setting.listed):
		return "nothing"
	case role == "host", role == "border", rack == lives && w.setting.listed:
		return fmt.Sprintf("via %s, quiet false", host)
	case rack == "r1":
		return fmt.Sprintf("via %s, quiet true", host) // at home: beside the summary, or away
	case rack == lives:
		return fmt.Sprintf("via %s, quiet false", host)
	}
	return "nothing"
}

func TestAWorkloadThatMovesIsNeverWithoutARightRoute(t *testing.T) {
	for _, story := range stories() {
		t.Run(story.name, func(t *testing.T) {
			for _, trouble := range troubles() {
				for at := 2; at <= len(story.steps); at++ {
					for _, setting := range settings {
						t.Run(fmt.Sprintf("%s, before step %d, %s", trouble.name, at, setting), func(t *testing.T) {
							tellStory(t, story, trouble, at, setting)
						})
					}
				}
			}
		})
	}
}

// tellStory plays a story, with the trouble starting before one of its steps.
func tellStory(t *testing.T, s story, trouble trouble, at int, setting setting) {
	w := newWorld(t, setting)
	for i, step := range s.steps {
		if i == at {
			w.log = append(w.log, trouble.name)
			trouble.start(w)
			w.pass(time.Millisecond)
		}
		w.do(step)
		if i < 2 || i%2 == 0 { // some steps come on the heels of the one before
			w.quiet()
			if !w.deaf[0] && !w.deaf[1] && !w.slow {
				w.settled(w.evident())
			}
		} else {
			w.pass(time.Millisecond)
		}
	}
	w.quiet()
	trouble.end(w)
	w.quiet()
	w.quiet()
	w.settled(s.ends)
}
