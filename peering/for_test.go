package peering_test

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/topology"
)

// fabric is two racks, each with a reflector that serves both, a ToR and a host;
// a spine and a border router.
var fabric = map[string]string{
	"settings":      `{"asn":64512}`,
	"nodes/h1":      `{"addresses":["192.0.2.11","2001:db8::11"],"rack":"r1"}`,
	"nodes/h2":      `{"addresses":["192.0.2.12"],"rack":"r2"}`,
	"nodes/h3":      `{"addresses":["192.0.2.13"]}`,
	"routers/rr1":   `{"role":"reflector","rack":"r1","serves":["r1","r2"],"addresses":["192.0.2.251"]}`,
	"routers/rr2":   `{"role":"reflector","rack":"r2","addresses":["192.0.2.252"],"passwordFile":"/etc/mesh"}`,
	"routers/t1":    `{"role":"tor","rack":"r1","addresses":["192.0.2.1"],"asn":65001,"ttlSecurity":1}`,
	"routers/t2":    `{"role":"tor","rack":"r2","addresses":["192.0.2.2"],"asn":65002}`,
	"routers/spine": `{"role":"spine","addresses":["192.0.2.3"],"asn":65100}`,
	"routers/edge":  `{"role":"border","addresses":["192.0.2.4"],"asn":65200}`,
}

func snapshot(t *testing.T, values map[string]string) *topology.Snapshot {
	t.Helper()
	var inv topology.Inventory
	var changes []topology.Change
	for path, value := range values {
		changes = append(changes, topology.Change{Path: topology.Prefix + path, Value: []byte(value)})
	}
	inv.Apply(1, changes)
	return inv.Snapshot()
}

func self(name string) peering.Self {
	return peering.Self{Name: name, ASN: 64512, HoldTime: 90 * time.Second}
}

// lines is a plan as text, a session a line.
func lines(p *peering.Plan) string {
	var list []string
	for _, s := range p.Sessions {
		how := "both dial"
		if s.Passive {
			how = "they dial"
		}
		line := fmt.Sprintf("%s %s %s AS %s, %s", s.Remote, s.Name, s.Kind, s.RemoteASN, how)
		if s.Hops > 0 {
			line += fmt.Sprintf(", %d hops", s.Hops)
		}
		if s.PasswordFile != "" {
			line += ", " + s.PasswordFile
		}
		list = append(list, line)
	}
	return strings.Join(list, "\n")
}

func TestPlansOfReflectors(t *testing.T) {
	for _, c := range []struct{ name, self, want string }{
		{"one that serves both racks", "rr1", `192.0.2.1 t1 external AS 65001, both dial, 1 hops
192.0.2.2 t2 external AS 65002, both dial
192.0.2.3 spine external AS 65100, both dial
192.0.2.4 edge external AS 65200, both dial
192.0.2.11 h1 client AS 64512, they dial
192.0.2.12 h2 client AS 64512, they dial
192.0.2.13 h3 client AS 64512, they dial
192.0.2.252 rr2 non-client AS 64512, both dial, /etc/mesh
2001:db8::11 h1 client AS 64512, they dial`},
		{"one that serves its own", "rr2", `192.0.2.2 t2 external AS 65002, both dial
192.0.2.3 spine external AS 65100, both dial
192.0.2.4 edge external AS 65200, both dial
192.0.2.12 h2 client AS 64512, they dial
192.0.2.13 h3 client AS 64512, they dial
192.0.2.251 rr1 non-client AS 64512, both dial`},
		{"one that the inventory does not know serves all", "elsewhere", `192.0.2.1 t1 external AS 65001, both dial, 1 hops
192.0.2.2 t2 external AS 65002, both dial
192.0.2.3 spine external AS 65100, both dial
192.0.2.4 edge external AS 65200, both dial
192.0.2.11 h1 client AS 64512, they dial
192.0.2.12 h2 client AS 64512, they dial
192.0.2.13 h3 client AS 64512, they dial
192.0.2.251 rr1 non-client AS 64512, both dial
192.0.2.252 rr2 non-client AS 64512, both dial, /etc/mesh
2001:db8::11 h1 client AS 64512, they dial`},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, problems := peering.For(snapshot(t, fabric), self(c.self), peering.SourceEtcd)
			if got := lines(plan); got != c.want || len(problems) > 0 {
				t.Errorf("plan is\n%s\nwant\n%s\nproblems %v", got, c.want, problems)
			}
		})
	}
}

// Several routes to one address are for those who spread traffic over them, and for
// the families in which there are such addresses.
func TestAnycastPoolsHaveAddPathOffered(t *testing.T) {
	for _, c := range []struct {
		name  string
		pools map[string]string
		want  bgp.FamilySet
	}{
		{"no pool", nil, 0},
		{"an ordinary pool", map[string]string{"pools/a": `{"prefix":"10.1.0.0/16"}`}, 0},
		{"an anycast pool", map[string]string{"pools/a": `{"prefix":"10.1.0.0/16","anycast":true}`, "pools/b": `{"prefix":"fd00::/48"}`}, bgp.FamiliesOf(bgp.IPv4Unicast)},
		{
			"anycast pools of both families",
			map[string]string{"pools/a": `{"prefix":"10.1.0.0/16","anycast":true}`, "pools/b": `{"prefix":"fd00::/48","anycast":true}`},
			bgp.FamiliesOf(bgp.IPv4Unicast, bgp.IPv6Unicast),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := maps.Clone(fabric)
			maps.Copy(values, c.pools)
			plan, _ := peering.For(snapshot(t, values), self("rr1"), peering.SourceEtcd)
			for _, s := range append(plan.Sessions, plan.Template) {
				want := c.want
				if s.Role != "host" && s.Role != "tor" {
					want = 0
				}
				if s.AddPath != want {
					t.Errorf("a %s is offered add-path for %s, want %s", s.Role, s.AddPath, want)
				}
			}
		})
	}
}

// Both ends of a link between reflectors derive it: each has the other as a
// non-client, by the address the other is known by.
func TestReflectorsPlanEachOther(t *testing.T) {
	s := snapshot(t, fabric)
	for _, pair := range [][2]string{{"rr1", "192.0.2.252"}, {"rr2", "192.0.2.251"}} {
		plan, _ := peering.For(s, self(pair[0]), peering.SourceEtcd)
		if other, ok := plan.Find(netip.MustParseAddr(pair[1])); !ok || other.Kind != peering.NonClient {
			t.Errorf("%s has no session with %s", pair[0], pair[1])
		}
	}
}

func TestWhatCannotBeIsAProblem(t *testing.T) {
	for _, c := range []struct{ name, key, value, want string }{
		{"a ToR with the fabric's AS", "routers/t1", `{"role":"tor","rack":"r1","addresses":["192.0.2.1"],"asn":64512}`, "router t1 has our AS 64512"},
		{"a reflector of another AS", "routers/rr2", `{"role":"reflector","addresses":["192.0.2.252"],"asn":64999}`, "router rr2 is a reflector of AS 64999"},
		{"a node with our address", "nodes/h1", `{"addresses":["192.0.2.251"]}`, "node h1 has our own address 192.0.2.251"},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := map[string]string{}
			for k, v := range fabric {
				values[k] = v
			}
			delete(values, "settings") // else the snapshot itself sees what is wrong with the ToR
			values[c.key] = c.value
			_, problems := peering.For(snapshot(t, values), self("rr1"), peering.SourceEtcd)
			if len(problems) != 1 || !strings.HasPrefix(problems[0].Object+" "+problems[0].Text, c.want) {
				t.Errorf("problems are %v, want one that begins %q", problems, c.want)
			}
		})
	}
}

func TestDiffIsExact(t *testing.T) {
	plan := func(change func(map[string]string)) *peering.Plan {
		values := map[string]string{}
		for k, v := range fabric {
			values[k] = v
		}
		change(values)
		p, _ := peering.For(snapshot(t, values), self("rr1"), peering.SourceEtcd)
		return p
	}
	old := plan(func(map[string]string) {})
	wanted := plan(func(v map[string]string) {
		delete(v, "nodes/h2")
		v["nodes/h9"] = `{"addresses":["192.0.2.19"],"rack":"r1"}`
		v["nodes/h3"] = `{"addresses":["192.0.2.13"],"rack":"r2"}`
	})
	d := peering.Diff(old, wanted)
	if len(d.Added) != 1 || d.Added[0].Name != "h9" || len(d.Removed) != 1 || d.Removed[0].Name != "h2" ||
		len(d.Changed) != 1 || d.Changed[0].New.Rack != "r2" || !d.Changed[0].Old.SameWire(d.Changed[0].New) {
		t.Errorf("difference is %+v", d)
	}
	if d := peering.Diff(old, old); len(d.Added)+len(d.Removed)+len(d.Changed) != 0 {
		t.Errorf("a plan differs from itself by %+v", d)
	}
}

func TestTheNarrowestRangeAdmits(t *testing.T) {
	me := self("rr1")
	me.Ranges = []peering.Range{
		{Prefix: netip.MustParsePrefix("198.51.100.0/24"), PasswordFile: "/wide"},
		{Prefix: netip.MustParsePrefix("198.51.100.128/25"), PasswordFile: "/narrow"},
	}
	plan, _ := peering.For(snapshot(t, nil), me, peering.SourceEtcd)
	for addr, want := range map[string]string{"198.51.100.1": "/wide", "198.51.100.200": "/narrow"} {
		s, ok := plan.Admit(netip.MustParseAddr(addr))
		if !ok || s.PasswordFile != want || s.Source != peering.SourceRange || s.Kind != peering.Client {
			t.Errorf("%s is admitted as %+v, want password file %s", addr, s, want)
		}
	}
	if _, ok := plan.Admit(netip.MustParseAddr("203.0.113.1")); ok {
		t.Error("an address outside every range is admitted")
	}
}
