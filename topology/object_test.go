package topology_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heddle/topology"
	"heddle/topology/internal/generate"
)

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return out
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name, path, value string
		want              topology.Object
	}{
		{"empty settings are the defaults", "settings", `{}`, topology.DefaultSettings()},
		{
			"settings in full", "settings",
			`{"asn":64512,"summaries":false,"ownership":"enforce","discard":["2001:db8::dead","192.0.2.254"],"holdTime":90,"normalRoutePriority":512,
			"bfd":{"interval":500,"multiplier":5}}`,
			topology.Settings{
				ASN: 64512, Ownership: topology.OwnershipEnforce, HoldTime: 90 * time.Second, NormalRoutePriority: 512,
				Discard: addrs("192.0.2.254", "2001:db8::dead"), BFD: topology.BFD{On: topology.Yes, Interval: 500 * time.Millisecond, Multiplier: 5},
			},
		},
		{"a rack may say nothing", "racks/r1", `{}`, topology.Rack{Name: "r1"}},
		{
			"a rack in full", "racks/r1", `{"summaries":true,"routeBudget":16000}`,
			topology.Rack{Name: "r1", Summaries: topology.Yes, RouteBudget: 16000},
		},
		{
			"a pool", "pools/p", `{"prefix":"10.1.0.0/16","rack":"r1","public":true,"anycast":false,"summaries":false}`,
			topology.Pool{Name: "p", Prefix: netip.MustParsePrefix("10.1.0.0/16"), Rack: "r1", Public: true, Summaries: topology.No},
		},
		{
			"the addresses of a node come back sorted", "nodes/h1", `{"addresses":["2001:db8::11","192.0.2.11"],"rack":"r1","passwordFile":"/p"}`,
			topology.Node{Name: "h1", Addresses: addrs("192.0.2.11", "2001:db8::11"), Rack: "r1", PasswordFile: "/p"},
		},
		{
			"BFD by a word", "nodes/h1", `{"addresses":["192.0.2.11"],"bfd":false}`,
			topology.Node{Name: "h1", Addresses: addrs("192.0.2.11"), BFD: topology.BFD{On: topology.No}},
		},
		{
			"BFD by one figure", "nodes/h1", `{"addresses":["192.0.2.11"],"bfd":{"multiplier":4}}`,
			topology.Node{Name: "h1", Addresses: addrs("192.0.2.11"), BFD: topology.BFD{On: topology.Yes, Multiplier: 4}},
		},
		{
			"a workload is live unless it says otherwise", "workloads/h1/web1",
			`{"addresses":["10.1.0.5","fd00:1::5"],"mac":"02:00:0A:01:00:05","interface":"tap1","tags":["web","db"]}`,
			topology.Workload{
				Node: "h1", Name: "web1", Addresses: addrs("10.1.0.5", "fd00:1::5"), MAC: topology.MAC{2, 0, 10, 1, 0, 5},
				Interface: "tap1", Tags: []string{"db", "web"}, State: topology.Live,
			},
		},
		{
			"a workload about to arrive is prepared", "workloads/h1/web1", `{"addresses":["10.1.0.5"],"state":"prepared"}`,
			topology.Workload{Node: "h1", Name: "web1", Addresses: addrs("10.1.0.5"), State: topology.Prepared},
		},
		{
			"a ToR", "routers/tor1", `{"role":"tor","rack":"r1","addresses":["192.0.2.1"],"asn":65001,"ttlSecurity":2}`,
			topology.Router{Name: "tor1", Role: topology.ToR, Rack: "r1", Addresses: addrs("192.0.2.1"), ASN: 65001, TTLSecurity: 2},
		},
		{
			"a border router that hears exceptions and is held to a limit", "routers/edge",
			`{"role":"border","addresses":["192.0.2.9"],"asn":65200,"exceptions":true,"maxRoutes":100,"maxRoutesRestart":65535}`,
			topology.Router{
				Name: "edge", Role: topology.Border, Addresses: addrs("192.0.2.9"), ASN: 65200,
				Exceptions: true, MaxRoutes: 100, MaxRoutesRestart: 65535 * time.Second,
			},
		},
		{
			"no exceptions and no limit, in as many words, are none", "routers/spine",
			`{"role":"spine","addresses":["192.0.2.3"],"asn":65100,"exceptions":false,"maxRoutes":0}`,
			topology.Router{Name: "spine", Role: topology.Spine, Addresses: addrs("192.0.2.3"), ASN: 65100},
		},
		{
			"a reflector", "routers/rr1", `{"role":"reflector","serves":["r2","r1"],"clusterID":"10.255.0.1","addresses":["192.0.2.251"]}`,
			topology.Router{
				Name: "rr1", Role: topology.Reflector, Serves: []string{"r1", "r2"}, ClusterID: 0x0aff0001, Addresses: addrs("192.0.2.251"),
			},
		},
		{"a tag", "tags/web", `{"id":7}`, topology.Tag{Name: "web", ID: 7}},
		{
			"a policy, its ports as text or number", "policies/web",
			`{"appliesTo":["web"],"ingress":[{"action":"allow","protocol":"tcp","ports":["8000-8080",80],
			  "from":{"tags":["lb"],"prefixes":["0.0.0.0/0"]}},{"action":"allow","protocol":"icmpv6","icmpTypes":[128,1]},{"action":"deny"}],"egress":[{"action":"allow","protocol":"89","to":{}}]}`,
			topology.Policy{
				Name: "web", AppliesTo: []string{"web"},
				Ingress: []topology.Rule{
					{
						Action: topology.Allow, Protocol: topology.TCP, Ports: []topology.PortRange{{First: 80, Last: 80}, {First: 8000, Last: 8080}},
						Peer: topology.Peer{Tags: []string{"lb"}, Prefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
					},
					{Action: topology.Allow, Protocol: topology.ICMPv6, ICMPTypes: []uint8{1, 128}},
					{Action: topology.Deny},
				},
				Egress: []topology.Rule{{Action: topology.Allow, Protocol: 89}},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := topology.ParseKey(topology.Prefix + c.path)
			if err != nil {
				t.Fatal(err)
			}
			object, faults := topology.Decode(key, []byte(c.value))
			if len(faults) > 0 || !reflect.DeepEqual(object, c.want) {
				t.Errorf("Decode = %+v, %v\nwant %+v", object, faults, c.want)
			}
		})
	}
}

func TestDecodeFindsEveryFault(t *testing.T) {
	for _, c := range []struct {
		name, path, value string
		want              []string
	}{
		{"no JSON", "racks/r1", `{`, []string{"no JSON object"}},
		{"empty", "racks/r1", ``, []string{"no JSON object"}},
		{"an array", "racks/r1", `[]`, []string{"no JSON object"}},
		{"null", "racks/r1", `null`, []string{"is null"}},
		{"two objects", "racks/r1", `{}{}`, []string{"something follows"}},
		{"octets that are not UTF-8", "racks/r1", "{\"a\":\"\xff\"}", []string{"not UTF-8"}},
		{"an unknown field", "racks/r1", `{"sumaries":true}`, []string{"sumaries: unknown field"}},
		{"a number as text", "racks/r1", `{"routeBudget":"16000"}`, []string{`routeBudget: want a whole number from 1 to 4294967295, not "16000"`}},
		{"a fraction", "racks/r1", `{"routeBudget":1.5}`, []string{"routeBudget: want a whole number"}},
		{"a flag as text", "racks/r1", `{"summaries":"yes"}`, []string{`summaries: want true or false, not "yes"`}},
		{"null for a flag", "racks/r1", `{"summaries":null}`, []string{"summaries: want true or false, not nothing"}},
		{"an interface that means any", "workloads/h1/w", `{"addresses":["10.0.0.1"],"interface":"e+"}`, []string{`interface: "e+" cannot stand in rules of iptables`}},
		{"an interface that means not", "workloads/h1/w", `{"addresses":["10.0.0.1"],"interface":"!tap1"}`, []string{"cannot stand in rules"}},
		{"an interface that looks like an option", "workloads/h1/w", `{"addresses":["10.0.0.1"],"interface":"-j"}`, []string{"cannot stand in rules"}},
		{"a pool without a prefix", "pools/p", `{}`, []string{"prefix: there is none"}},
		{"a pool with host bits", "pools/p", `{"prefix":"10.1.0.5/16"}`, []string{"prefix: 10.1.0.5/16 has host bits: write 10.1.0.0/16"}},
		{"a pool of everything", "pools/p", `{"prefix":"::/0"}`, []string{"prefix: ::/0 is the default route"}},
		{"a mapped prefix", "pools/p", `{"prefix":"::ffff:10.0.0.0/104"}`, []string{"prefix: ::ffff:10.0.0.0/104 is IPv4 in IPv6 dress"}},
		{"a node without addresses", "nodes/h1", `{"rack":"r1"}`, []string{"addresses: there is none"}},
		{"a node with an empty list", "nodes/h1", `{"addresses":[]}`, []string{"addresses: there is none"}},
		{"one address not in a list", "nodes/h1", `{"addresses":"192.0.2.1"}`, []string{"addresses: want a list"}},
		{
			"every bad address of a list", "nodes/h1",
			`{"addresses":["192.0.2.300","192.0.2.1","::ffff:192.0.2.9","fe80::1","0.0.0.0","ff02::1","fe80::1%eth0",7,"192.0.2.1"]}`,
			[]string{
				`addresses[0]: "192.0.2.300" is no IP address`, "addresses[2]: ::ffff:192.0.2.9 is IPv4 in IPv6 dress: write 192.0.2.9",
				"addresses[3]: fe80::1 identifies nobody", "addresses[4]: 0.0.0.0 identifies nobody", "addresses[5]: ff02::1 identifies nobody",
				"addresses[6]: fe80::1%eth0 has a zone", "addresses[7]: want text, not 7", "addresses[8]: 192.0.2.1 is listed twice",
			},
		},
		{"a rack with a slash", "nodes/h1", `{"addresses":["192.0.2.1"],"rack":"a/b"}`, []string{`rack: name "a/b" contains '/'`}},
		{"two discard addresses of one family", "settings", `{"discard":["192.0.2.1","192.0.2.2"]}`, []string{"discard: 192.0.2.1 and 192.0.2.2 are of one family"}},
		{"BFD closer than a busy machine allows", "settings", `{"bfd":{"interval":50,"multiplier":2}}`, []string{
			"bfd.interval: want a whole number from 300 to 60000, not 50", "bfd.multiplier: want a whole number from 3 to 255, not 2",
		}},
		{"BFD as a number", "nodes/h1", `{"addresses":["192.0.2.11"],"bfd":300}`, []string{"bfd: want true, false or an object such as {\"interval\":300,\"multiplier\":3}, not 300"}},
		{"BFD with a field nobody knows", "settings", `{"bfd":{"echo":true}}`, []string{"bfd.echo: unknown field: correct its name or delete it"}},
		{"a hold time too short for BGP", "settings", `{"holdTime":2}`, []string{"holdTime: want a whole number from 3 to 65535, not 2"}},
		{"a priority that leaves no LOCAL_PREF", "settings", `{"normalRoutePriority":2147483647}`, []string{"normalRoutePriority: want a whole number from 1 to 2147483646, not 2147483647"}},
		{"priority 0", "settings", `{"normalRoutePriority":0}`, []string{"normalRoutePriority: want a whole number from 1"}},
		{"AS 0", "settings", `{"asn":0}`, []string{"asn: want a whole number from 1"}},
		{"a word that is none", "settings", `{"ownership":"strict"}`, []string{`ownership: want off, warn, enforce, not "strict"`}},
		{"the word for unset", "settings", `{"ownership":"unset"}`, []string{`ownership: want off, warn, enforce`}},
		{"a router without a role", "routers/x", `{"addresses":["192.0.2.1"]}`, []string{"role: there is none: write tor, spine, border, reflector"}},
		{"a router with a wrong role is told once", "routers/x", `{"role":"leaf","addresses":["192.0.2.1"],"serves":["r1"]}`, []string{`role: want tor, spine`}},
		{"a bare ToR", "routers/x", `{"role":"tor"}`, []string{"addresses: there is none", "rack: a ToR stands in a rack", "asn: a tor has an AS of its own"}},
		{"a ToR dressed as a reflector", "routers/x", `{"role":"tor","rack":"r1","asn":1,"addresses":["192.0.2.1"],"serves":["r1"],"clusterID":"1.1.1.1"}`, []string{"serves: only a reflector", "clusterID: only a reflector"}},
		{"a spine that wants exceptions", "routers/x", `{"role":"spine","asn":1,"addresses":["192.0.2.1"],"exceptions":true}`, []string{"exceptions: only a border router asks for them"}},
		{"a reflector with a limit", "routers/x", `{"role":"reflector","addresses":["192.0.2.1"],"maxRoutes":5}`, []string{"maxRoutes: a reflector announces what its clients do"}},
		{"fewer routes than none", "routers/x", `{"role":"spine","asn":1,"addresses":["192.0.2.1"],"maxRoutes":-1}`, []string{"maxRoutes: want a whole number from 0 to 4294967295, not -1"}},
		{"a restart after no time", "routers/x", `{"role":"spine","asn":1,"addresses":["192.0.2.1"],"maxRoutes":5,"maxRoutesRestart":0}`, []string{"maxRoutesRestart: want a whole number from 1 to 65535, not 0"}},
		{"a restart without a limit", "routers/x", `{"role":"spine","asn":1,"addresses":["192.0.2.1"],"maxRoutesRestart":5}`, []string{"maxRoutesRestart: nothing ends the session without a limit"}},
		{"cluster ID zero", "routers/x", `{"role":"reflector","addresses":["192.0.2.1"],"clusterID":"0.0.0.0"}`, []string{"clusterID: cluster ID \"0.0.0.0\""}},
		{"too many hops", "routers/x", `{"role":"reflector","addresses":["192.0.2.1"],"ttlSecurity":255}`, []string{"ttlSecurity: want a whole number from 0 to 254"}},
		{"a short MAC address", "workloads/h/w", `{"addresses":["10.0.0.1"],"mac":"02:00"}`, []string{"mac: MAC address \"02:00\": want six octets"}},
		{"a group MAC address", "workloads/h/w", `{"addresses":["10.0.0.1"],"mac":"01:00:5e:00:00:01"}`, []string{"mac: MAC address \"01:00:5e:00:00:01\" belongs to no single interface"}},
		{"a long interface", "workloads/h/w", `{"addresses":["10.0.0.1"],"interface":"tap1234567890123"}`, []string{"interface: "}},
		{"a tag without a number", "tags/web", `{}`, []string{"id: there is none"}},
		{"tag number 0", "tags/web", `{"id":0}`, []string{"id: want a whole number from 1"}},
		{"a policy for nobody", "policies/p", `{}`, []string{"appliesTo: there is none"}},
		{
			"faults deep in a policy", "policies/p",
			`{"appliesTo":["a"],"ingress":[{"action":"allow","ports":["80"]},{"action":"drop","protocol":"tcp","ports":["0","9-8","http",70000],"from":{"prefixes":["x"],"cidr":1},"to":{}},7],"egress":{}}`,
			[]string{
				"ingress[0].protocol: ports belong to tcp, udp or sctp",
				`ingress[1].action: want allow, deny, not "drop"`,
				`ingress[1].ports[0]: want a port`, `ingress[1].ports[1]: want a port`, `ingress[1].ports[2]: want a port`, `ingress[1].ports[3]: want a port`,
				`ingress[1].from.prefixes[0]: "x" is no prefix`, "ingress[1].from.cidr: unknown field",
				"ingress[1].to: unknown field", "ingress[2]: want an object, not 7", "egress: want a list, not an object",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := topology.ParseKey(topology.Prefix + c.path)
			if err != nil {
				t.Fatal(err)
			}
			object, faults := topology.Decode(key, []byte(c.value))
			if len(faults) != len(c.want) {
				t.Errorf("%d faults, want %d:\n%v", len(faults), len(c.want), faults)
			}
			useless := false
			for i, fault := range faults {
				useless = useless || !fault.Unknown
				if i < len(c.want) && !strings.HasPrefix(fault.String(), c.want[i]) && !strings.Contains(fault.Text, c.want[i]) {
					t.Errorf("fault %d is %q, want %q", i, fault, c.want[i])
				}
			}
			if (object == nil) != useless {
				t.Errorf("object %v with faults %v", object, faults)
			}
		})
	}
}

func TestElevated(t *testing.T) {
	for _, c := range []struct {
		name                string
		priority, localPref uint32
		want                bool
	}{
		{"normal by default", 0, 2147482623, false},
		{"one above normal", 0, 2147482624, true},
		{"what Calico sets on a migration's target", 0, 2147483135, true},
		{"the most there is", 0, 2147483647, true},
		{"more than there is", 0, 2147483648, false},
		{"the most LOCAL_PREF can hold", 0, 4294967295, false},
		{"what other vendors set", 0, 100, false},
		{"absent", 0, 0, false},
		{"normal with a priority of one's own", 512, 2147483135, false},
		{"above that", 512, 2147483136, true},
		{"the least priority", 1, 2147483646, false},
		{"above the least priority", 1, 2147483647, true},
		{"the greatest priority", 2147483646, 1, false},
		{"above the greatest priority", 2147483646, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (topology.Settings{NormalRoutePriority: c.priority}).Elevated(c.localPref); got != c.want {
				t.Errorf("Elevated(%d) = %v", c.localPref, got)
			}
		})
	}
}

func TestRestartAfter(t *testing.T) {
	if got := (topology.Router{}).RestartAfter(); got != 15*time.Minute {
		t.Errorf("by default %v", got)
	}
	if got := (topology.Router{MaxRoutesRestart: time.Second}).RestartAfter(); got != time.Second {
		t.Errorf("with a second %v", got)
	}
}

func TestDecodeUndoesEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := generate.Object(t)
		path, value := topology.Encode(object)
		key, err := topology.ParseKey(path)
		if err != nil || key != object.Key() {
			t.Fatalf("ParseKey(%q) = %v, %v; want %v", path, key, err, object.Key())
		}
		decoded, faults := topology.Decode(key, value)
		if len(faults) > 0 || !reflect.DeepEqual(decoded, object) {
			t.Fatalf("%s\ndecoded %+v, %v\nwant    %+v", value, decoded, faults, object)
		}
	})
}

// Whatever the octets, Decode returns; what it accepts it would write and read
// again unchanged.
func FuzzDecode(f *testing.F) {
	for _, kind := range topology.Kinds {
		f.Add(kind.Prefix()+"a/b", []byte(`{}`))
	}
	f.Add("/heddle/v1/settings", []byte(`{"asn":64512,"summaries":true,"ownership":"warn","discard":["192.0.2.254","2001:db8::dead"]}`))
	f.Add("/heddle/v1/nodes/h1", []byte(`{"addresses":["192.0.2.11","2001:db8::11"],"rack":"r1"}`))
	f.Add("/heddle/v1/workloads/h1/w", []byte(`{"addresses":["10.1.0.5"],"mac":"02:00:0a:01:00:05","interface":"tap1","tags":["web"],"state":"live"}`))
	f.Add("/heddle/v1/routers/rr", []byte(`{"role":"reflector","serves":["r1"],"clusterID":"1.1.1.1","addresses":["192.0.2.1"]}`))
	f.Add("/heddle/v1/policies/p", []byte(`{"appliesTo":["web"],"ingress":[{"action":"allow","protocol":"tcp","ports":["80"],"from":{"tags":["lb"]}}]}`))
	f.Add("/heddle/v1/nodes/h1", []byte(`[[[[[[[[[[`))
	f.Add("/heddle/v1/nodes/h1", []byte(`{"addresses":{"a":[null,1e999]}}`))
	f.Fuzz(func(t *testing.T, path string, value []byte) {
		key, err := topology.ParseKey(path)
		if err != nil {
			return
		}
		if key.Path() != path {
			t.Fatalf("path %q came back as %q", path, key.Path())
		}
		object, faults := topology.Decode(key, value)
		if object == nil {
			if len(faults) == 0 {
				t.Fatal("no object and no fault")
			}
			return
		}
		again, encoded := topology.Encode(object)
		decoded, faults := topology.Decode(key, encoded)
		if again != path || len(faults) > 0 || !reflect.DeepEqual(decoded, object) {
			t.Fatalf("%q became %s, which reads %+v, %v; want %+v", value, encoded, decoded, faults, object)
		}
	})
}
