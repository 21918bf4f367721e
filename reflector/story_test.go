package reflector

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/reflector/rib"
	"heddle/summarize"
)

// chance is a scene in which everything happens at once: announcements, inventory, moves,
// restarts with and without grace, slow readers that fall off the log, refreshes, time.
type chance struct {
	*scene
	rapid *rapid.T
	away  map[string]bool // peers without a session
}

// chanceCast is every kind of listener; what they are is what "peer" is told.
var chanceCast = [][2]string{
	{"h1", "client"},
	{"h2", "client add-path"},
	{"h4", "client add-path long-lived"},
	{"h3", "client long-lived"},
	{"tor1", "tor r1"},
	{"tor2", "tor r2"},
	{"torx", "tor r1 add-path long-lived"},
	{"edge", "border"},
	{"edgex", "border exceptions long-lived"},
	{"rr2", "non-client"},
	{"sp", "spine"},
}

var chancePrefixes = []string{
	"10.1.0.4/32", "10.1.0.5/32", "10.1.0.6/32", "fd01::5/128", "10.9.0.1/32", "10.9.0.2/32", "10.1.0.0/24", "172.16.0.0/24",
}

func newChance(t *rapid.T) *chance {
	c := &chance{scene: newScene(t), rapid: t, away: map[string]bool{}}
	self := rib.Self{ASN: 64512, RouterID: 0x0a0000fe, Cluster: 0x0a0000fe}
	c.r.rib = rib.New(self, rib.Limits{
		Chunk: rapid.SampledFrom([]int{1, 150, 64 << 10}).Draw(t, "chunk"), Step: rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "step"),
	})
	c.r.limit = rapid.SampledFrom([]int{1, 100, 300, 1 << 20}).Draw(t, "log")
	c.happens(`inventory settings {"discard":["192.0.2.254","fdff::fe"]}`)
	for range 3 {
		c.pool()
	}
	for i := range 3 {
		c.node(i + 1)
	}
	for _, peer := range chanceCast {
		c.happens("peer " + peer[0] + " " + peer[1] + " ipv4 ipv6")
	}
	return c
}

func (c *chance) pick(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(c.rapid, label)
}

func (c *chance) happens(line string) {
	c.rapid.Log(line)
	c.do(strings.Fields(line))
	if c.pick("look", "yes", "yes", "no") == "yes" {
		c.rapid.Log("# everybody reads")
		c.watch()
		c.covered()
	}
}

func (c *chance) rack() string { return c.pick("rack", "r1", "r1", "r2", "r3", "") }

func (c *chance) node(i int) {
	c.happens(fmt.Sprintf(`inventory nodes/h%d {"addresses":["10.0.0.%d","fd00::%d"],"rack":"%s"}`, i, i, i, c.rack()))
}

func (c *chance) pool() {
	prefix := c.pick("pool", "10.1.0.0/24", "fd01::/64", "10.1.0.4/31", "10.9.0.0/24")
	path := "inventory pools/" + strings.NewReplacer("/", "-", ":", "-").Replace(prefix)
	if c.pick("pool goes", "no", "no", "no", "no", "yes") == "yes" {
		c.happens(path)
		return
	}
	c.happens(path + fmt.Sprintf(` {"prefix":"%s","rack":"%s","public":%s,"anycast":%s,"summaries":%s}`, prefix, c.rack(),
		c.pick("public", "true", "false"), c.pick("anycast", "true", "false", "false"), c.pick("summaries", "true", "true", "false")))
}

func (c *chance) event() {
	peer := rapid.SampledFrom(chanceCast).Draw(c.rapid, "peer")
	name := peer[0]
	switch what := c.pick("event", "say", "say", "say", "say", "say", "node", "pool", "session", "pace", "ask", "pass", "settings", "workload", "plan", "drain"); {
	case what == "node":
		c.node(rapid.IntRange(1, 3).Draw(c.rapid, "node"))
	case what == "pool":
		c.pool()
	case what == "pass":
		c.happens("pass " + c.pick("time", "1s", "4s", "11s", "31s", "130s", "400s"))
	case what == "pace":
		c.happens(c.pick("pace", "slow ", "slow ", "read ") + name)
	case what == "settings":
		c.happens(fmt.Sprintf(`inventory settings {"discard":["192.0.2.25%s","fdff::fe"],"ownership":"%s"}`,
			c.pick("discard", "1", "2"), c.pick("ownership", "off", "warn", "enforce")))
	case what == "workload":
		value := c.pick("workload", "", fmt.Sprintf(` {"addresses":["10.1.0.%s"],"state":"%s"}`, c.pick("address", "4", "5", "6"), c.pick("state", "prepared", "live")))
		c.happens("inventory workloads/" + c.pick("host", "h1", "h2", "h3") + "/" + c.pick("name", "v", "w") + value)
	case what == "plan":
		c.happens("plan " + strings.Join(rapid.SliceOfDistinct(rapid.SampledFrom([]string{"h1", "h2", "h3", "tor1", "tor2", "torx", "rr2", "sp"}), rapid.ID).Draw(c.rapid, "plan"), " "))
	case what == "drain" && c.pick("drains", "no", "no", "yes") == "no":
	case what == "drain":
		c.happens("drain")
	case what == "session":
		c.session(name, peer[1])
	case c.away[name]:
	case what == "ask":
		c.happens(c.pick("ask", "refresh ", "begin-refresh ", "end-refresh ", "eor ") + name + " " + c.pick("family", "ipv4", "ipv6"))
	default:
		c.says(name)
	}
}

// session ends one or brings it back, a ToR's now and then in another rack.
func (c *chance) session(name, what string) {
	if !c.away[name] {
		c.happens(c.pick("end", "lost ", "down ") + name)
		c.away[name] = true
		return
	}
	delete(c.away, name)
	if c.pick("slow", "no", "yes") == "no" {
		c.cast[name].slow = false
	}
	as := ""
	if what == "tor r2" {
		as = " tor " + c.pick("returns to", "r2", "r2", "r3")
	}
	c.happens("back " + name + as)
}

func (c *chance) says(name string) {
	prefix := c.pick("prefix", chancePrefixes...)
	host := name[0] == 'h' || name == "rr2"
	switch {
	case c.pick("withdraws", "no", "no", "yes") == "yes":
		c.happens("withdraw " + name + " " + prefix)
		return
	case !host:
		prefix = c.pick("outside", "172.16.0.0/24", "10.1.0.0/24") + " path 65001"
	default:
		prefix += c.pick("attributes", "", "", " local-pref 200", " local-pref 2147483135", " local-pref 50", " communities no-export", " communities no-advertise", " communities llgr-stale", " communities no-llgr")
	}
	if name == "rr2" {
		prefix += " via " + c.pick("via", "h1", "h2", "rr2") + " originator " + c.pick("originator", "h1", "h2") + " clusters rr2"
	}
	c.happens("announce " + name + " " + prefix)
}

// covered looks for in-rack routes that a ToR may not tell on and no summary covers.
func (c *chance) covered() {
	const quiet, inRack, summary, public = "8/c0:ffffff02", "0000fc000000000200000001", "0000fc000000000200000002", "0000fc000000000200000004"
	for _, name := range []string{"tor1", "tor2"} {
		if c.cast[name] == nil {
			continue
		}
		table := c.cast[name].replay.Table
		for prefix, text := range table {
			if !strings.Contains(text, quiet) || !strings.Contains(text, inRack) {
				continue
			}
			over := func(p netip.Prefix) bool {
				return p.Contains(prefix.Addr()) && p.Bits() <= prefix.Bits() && (strings.Contains(table[p], summary) || strings.Contains(table[p], public))
			}
			if !slices.ContainsFunc(slices.Collect(maps.Keys(table)), over) {
				c.t.Fatalf("%s is to keep %s to itself, and nothing covers it:\n%s", name, prefix, dump(table))
			}
		}
	}
}

// settle has everybody read to the end, and holds what each has against what the tables say.
func (c *chance) settle() {
	for _, a := range c.cast {
		a.slow = false
	}
	for range 110 {
		c.watch()
	}
	for _, peer := range chanceCast {
		if !c.away[peer[0]] {
			c.level(c.cast[peer[0]])
		}
	}
	c.counted()
}

func (c *chance) level(a *actor) {
	m := c.r.members[a.arrival.spec.Remote]
	for i := 0; m.walk != nil && i < 50; i++ {
		c.watch()
	}
	want := oracle.NewReplay()
	want.AddPath = a.replay.AddPath
	for _, f := range bgp.Families {
		for _, chunk := range c.r.rib.Snapshot(m.group.view, f) {
			octets, _ := chunk.Gather(nil, m.feed.receiver())
			for _, o := range octets {
				if err := want.Feed(o); err != nil {
					c.t.Fatal(err)
				}
			}
		}
	}
	if !maps.Equal(a.replay.Table, want.Table) {
		c.t.Fatalf("%s holds\n%s\nwho joins now is sent\n%s", a.name, dump(a.replay.Table), dump(want.Table))
	}
	if m.feed.receiver() != c.r.receiver(m) {
		c.t.Fatalf("%s hears as if it stood in another rack", a.name)
	}
	paths := 0
	for _, four := range []bool{true, false} {
		for _, n := range want.Paths(four) {
			paths += n
		}
	}
	if got := c.r.held(m); got != paths {
		c.t.Fatalf("%s is counted with %d routes, and holds %d", a.name, got, paths)
	}
	for _, text := range chancePrefixes {
		prefix := netip.MustParsePrefix(text)
		h := c.r.rib.Hears(prefix, m.group.view, m.feed.receiver())
		if _, has := want.Table[prefix]; (h.Heard() && !h.Own) != has {
			c.t.Fatalf("%s holds %s: %v; that is explained by %+v", a.name, prefix, has, h)
		}
	}
}

// counted holds running counts against what they count.
func (c *chance) counted() {
	for _, f := range bgp.Families {
		for route, n := range c.r.rib.Census(f) {
			if n < 0 {
				c.t.Fatalf("there are %d of %+v", n, route)
			}
		}
	}
	m := c.r.rib.Map()
	for _, info := range m.Pools {
		n := 0
		for _, text := range chancePrefixes {
			if prefix := netip.MustParsePrefix(text); prefix.IsSingleIP() && m.Info(m.PoolOf(prefix)) == info && c.keeps(prefix, info) {
				n++
			}
		}
		// A host may announce 10.1.0.0/24 as a whole, which keeps it alive, too.
		if got := c.r.rib.SummaryOf(info.Prefix); (got.Routes > 0 && !got.Live) || (got.Routes != n && info.Prefix.String() != "10.1.0.0/24") {
			c.t.Fatalf("%d routes keep the summary of %s alive, counted are %+v", n, info.Prefix, got)
		}
	}
}

func (c *chance) keeps(prefix netip.Prefix, info *summarize.PoolInfo) bool {
	return slices.ContainsFunc(c.r.rib.Lookup(prefix), func(p rib.Path) bool {
		told := p.Best || (info.Flags.Has(summarize.Anycast) && p.Refused == rib.RefusedNot)
		return told && p.Route.Contributes()
	})
}

// Whatever happened, in the end a peer holds what one that joins would be sent, as much as
// is counted, and as it is explained.
func TestEveryStoryEndsAsItsTablesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChance(t)
		for range rapid.IntRange(1, 100).Draw(t, "events") {
			c.event()
			if rapid.IntRange(0, 14).Draw(t, "settle") == 0 {
				c.settle()
			}
		}
		c.settle()
	})
}
