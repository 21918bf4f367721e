package manifest_test

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heddle/topology"
	"heddle/topology/internal/generate"
	"heddle/topology/manifest"
)

const fabric = `# A rack with one host.
kind: settings
asn: 64512
discard: [192.0.2.254, 2001:db8::dead]
---
kind: node
name: h1
addresses: [192.0.2.11, 2001:db8::11]
rack: r1
---
kind: workload
node: h1
name: web1
addresses: [10.1.0.5]
mac: 02:00:0a:01:00:05
interface: tap1
tags: [web]
---

---   # an empty document hides nothing
- kind: rack
  name: r1
- {kind: pool, name: blue, prefix: 10.1.0.0/16, rack: r1}
...
---
kind: policy
name: web
appliesTo: [web]
ingress:
  - action: allow
    protocol: tcp
    ports: [80, 8000-8080]
    from:
      tags: [lb]
`

func TestParse(t *testing.T) {
	settings := topology.DefaultSettings()
	settings.ASN, settings.Discard = 64512, []netip.Addr{netip.MustParseAddr("192.0.2.254"), netip.MustParseAddr("2001:db8::dead")}
	want := []topology.Object{
		settings,
		topology.Node{Name: "h1", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("2001:db8::11")}, Rack: "r1"},
		topology.Workload{
			Node: "h1", Name: "web1", Addresses: []netip.Addr{netip.MustParseAddr("10.1.0.5")}, MAC: topology.MAC{2, 0, 10, 1, 0, 5},
			Interface: "tap1", Tags: []string{"web"}, State: topology.Live,
		},
		topology.Rack{Name: "r1"},
		topology.Pool{Name: "blue", Prefix: netip.MustParsePrefix("10.1.0.0/16"), Rack: "r1"},
		topology.Policy{Name: "web", AppliesTo: []string{"web"}, Ingress: []topology.Rule{{
			Action: topology.Allow, Protocol: topology.TCP, Ports: []topology.PortRange{{First: 80, Last: 80}, {First: 8000, Last: 8080}},
			Peer: topology.Peer{Tags: []string{"lb"}},
		}}},
	}
	for name, text := range map[string]string{
		"as it stands":       fabric,
		"with a byte order":  "\ufeff" + fabric,
		"with carriage feed": strings.ReplaceAll(fabric, "\n", "\r\n"),
	} {
		got, err := manifest.Parse("fabric.yaml", []byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, want)
		}
	}
}

func TestParseNothing(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n", "---\n---\n", "\n\n"} {
		if got, err := manifest.Parse("f", []byte(text)); err != nil || len(got) > 0 {
			t.Errorf("%q gives %v, %v", text, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"an unknown field, at its name", "kind: rack\nname: r1\nsumaries: true\n", []string{"f:3:1: rack r1: sumaries: unknown field"}},
		{"an unknown field deep down", "kind: policy\nname: p\nappliesTo: [a]\ningress:\n  - action: deny\n    fro: {}\n", []string{"f:6:5: policy p: ingress[0].fro: unknown field"}},
		{"a bad address in a list", "kind: node\nname: h1\naddresses: [192.0.2.1, 192.0.2.300]\n", []string{`f:3:24: node h1: addresses[1]: "192.0.2.300" is no IP address: write one such as`}},
		{"a bad address in a long list", "kind: node\nname: h1\naddresses:\n  - 192.0.2.1\n  - x\n", []string{`f:5:5: node h1: addresses[1]: "x" is no IP address`}},
		{"a wrong type", "kind: rack\nname: r1\nsummaries: yes\n", []string{`f:3:12: rack r1: summaries: want true or false, not "yes"`}},
		{"a missing field, at the object", "# c\nkind: node\nname: h1\n", []string{"f:2:1: node h1: addresses: there is none"}},
		{"no kind", "name: r1\n", []string{"f:1:1: there is no kind"}},
		{"no name", "kind: rack\n", []string{"f:1:1: there is no name"}},
		{"a workload without anything", "kind: workload\n", []string{"f:1:1: there is no node", "f:1:1: there is no name"}},
		{"a name that is a number", "kind: rack\nname: 1\n", []string{"f:2:7: name: want text: put it in quotes"}},
		{"an empty name", "kind: rack\nname: \"\"\n", []string{"f:2:7: name is empty"}},
		{"a name with a slash", "kind: rack\nname: a/b\n", []string{`f:2:7: rack name "a/b" contains '/'`}},
		{"a node with a slash", "kind: workload\nnode: a/b\nname: c\n", []string{`f:2:7: workload: node "a/b" contains '/'`, ""}},
		{"settings with a name", "kind: settings\nname: x\n", []string{"f:2:1: settings: name: unknown field"}},
		{"an unknown kind", "kind: host\nname: x\n", []string{`f:1:7: kind "host" does not exist: write one of settings, rack, `}},
		{"one object twice", "kind: rack\nname: r1\n---\nkind: rack\nname: r1\n", []string{"f:5:7: rack r1 stands already at line 2: delete one"}},
		{"one field twice", "kind: rack\nname: r1\nname: r2\n", []string{`f:3:1: mapping key "name" already defined at [2:1]`}},
		{"an octal number", "kind: settings\nasn: 010\n", []string{"f:2:6: settings: 010 is not a plain decimal number"}},
		{"no number", "kind: settings\nasn: .nan\n", []string{`f:2:6: settings: ".nan" is not for manifests`}},
		{"an empty value", "kind: rack\nname: r1\nsummaries:\n", []string{"f:3:1: rack r1: summaries: want true or false, not nothing"}},
		{"an anchor, an alias, a tag", "kind: rack\nname: r1\nsummaries: &a true\nrouteBudget: !!int 1\n", []string{"f:3:12: rack r1: anchors, aliases and tags", "f:4:14: rack r1: anchors, aliases and tags"}},
		{"a merge", "kind: rack\nname: r1\n<<: {a: b}\n", []string{"f:3:5: rack r1: the name of a field is text"}},
		{"a name that is no text", "kind: rack\nname: r1\n1: 2\n", []string{"f:3:4: rack r1: the name of a field is text"}},
		{"text instead of an object", "rack\n", []string{"f:1:1: want an object"}},
		{"text in a list of objects", "- kind: rack\n  name: r1\n- rack\n", []string{"f:3:3: want an object"}},
		{"null", "---\n~\n", []string{"f:2:1: null is no object"}},
		{"octets that are not UTF-8", "kind: rack\nname: a\xff\n", []string{"f:2:8: the file is not UTF-8"}},
		{"a bad indent, and faults of other documents all the same", "kind: rack\n  name: r1\n---\nkind: rack\nname: [a\n---\nkind: rack\nname: r1\nx: 1\n", []string{
			"f:1:7: mapping value is not allowed in this context", "f:5:7: sequence end token ']' not found", "f:9:1: rack r1: x: unknown field",
		}},
		{"every fault of an object", "kind: router\nname: tor1\nrole: tor\nasn: x\nserves: [a]\naddresses: [1.2.3.4, 1.2.3.4, 9]\ncolour: red\n", []string{
			`f:1:1: router tor1: rack: a ToR stands in a rack`,
			`f:4:6: router tor1: asn: want a whole number from 1 to 4294967295, not "x"`,
			"f:5:9: router tor1: serves: only a reflector serves racks",
			"f:6:22: router tor1: addresses[1]: 1.2.3.4 is listed twice",
			"f:6:31: router tor1: addresses[2]: want text, not 9: put it in quotes",
			"f:7:1: router tor1: colour: unknown field",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, err := manifest.Parse("f", []byte(c.text))
			if err == nil {
				t.Fatalf("it is taken as %v", objects)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Errorf("%d faults, want %d", len(lines), len(c.want))
			}
			for i, line := range lines {
				if i < len(c.want) && !strings.HasPrefix(line, c.want[i]) {
					t.Errorf("fault %q\nwant  %q", line, c.want[i])
				}
			}
			var fault manifest.Fault
			if !errors.As(err, &fault) || fault.File != "f" || fault.Line == 0 {
				t.Errorf("the error holds no Fault with a place: %+v", fault)
			}
		})
	}
}

func TestFormatReadsWell(t *testing.T) {
	objects, err := manifest.Parse("f", []byte(fabric))
	if err != nil {
		t.Fatal(err)
	}
	objects = append(objects[:3], objects[5])
	text, err := manifest.Format(objects)
	if err != nil {
		t.Fatal(err)
	}
	want := `kind: settings
asn: 64512
summaries: true
ownership: warn
discard:
  - 192.0.2.254
  - 2001:db8::dead
---
kind: node
name: h1
addresses:
  - 192.0.2.11
  - 2001:db8::11
rack: r1
---
kind: workload
node: h1
name: web1
addresses:
  - 10.1.0.5
mac: 02:00:0a:01:00:05
interface: tap1
tags:
  - web
state: live
---
kind: policy
name: web
appliesTo:
  - web
ingress:
  - action: allow
    protocol: tcp
    ports:
      - "80"
      - "8000-8080"
    from:
      tags:
        - lb
`
	if string(text) != want {
		t.Errorf("got:\n%s\nwant:\n%s", text, want)
	}
}

func TestParseUndoesFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects := rapid.SliceOfNDistinct(rapid.Custom(generate.Object), 0, 5, func(o topology.Object) topology.Key { return o.Key() }).Draw(t, "objects")
		text, err := manifest.Format(objects)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := manifest.Parse("f", text)
		if err != nil || len(parsed) != len(objects) || len(objects) > 0 && !reflect.DeepEqual(parsed, objects) {
			t.Fatalf("%s\nis read as %+v, %v\nwas %+v", text, parsed, err, objects)
		}
	})
}

// Whatever the octets, Parse returns objects or faults with a place; objects it
// gives can be written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(fabric))
	f.Add([]byte("- kind: rack\n  name: r1\n"))
	f.Add([]byte("kind: rack\nname: &a [*a]\n<<: *a\n? x\n: y\n"))
	f.Add([]byte("---\n---\n...\n%YAML 1.2\n--- >\n x\n"))
	f.Add([]byte("{{{{[[[["))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := manifest.Parse("f", data)
		if err != nil {
			var fault manifest.Fault
			if !errors.As(err, &fault) || fault.Line < 1 || fault.Column < 1 {
				t.Fatalf("an error without a place: %#v", err)
			}
			return
		}
		text, err := manifest.Format(objects)
		if err != nil {
			t.Fatal(err)
		}
		again, err := manifest.Parse("f", text)
		if err != nil || len(again) != len(objects) || len(objects) > 0 && !reflect.DeepEqual(again, objects) {
			t.Fatalf("%s\nis read as %+v, %v\nwas %+v", text, again, err, objects)
		}
	})
}
