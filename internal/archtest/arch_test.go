package archtest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func TestTheHouseKeepsItsPlan(t *testing.T) {
	packs, err := scan(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(packs) < 10 {
		t.Fatalf("found %d packages below %s", len(packs), root)
	}
	for _, breach := range check(packs) {
		t.Error(breach)
	}
}

func TestEveryPackageIsInTheArchitecture(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for path := range house() {
		if !strings.Contains(string(text), "`"+path+"`") {
			t.Errorf("docs/ARCHITECTURE.md does not name `%s`", path)
		}
	}
}

// The rules themselves must be able to fail.
func TestBreachesAreFound(t *testing.T) {
	five := "What I am What I take What I give What I promise What I refuse"
	for _, c := range []struct {
		name string
		pack pack
		want string
	}{
		{"an import upwards", one("bgp", file{imports: []string{"heddle/topology"}}), "bgp/x.go imports topology"},
		{"an import sideways", one("topology", file{imports: []string{"heddle/peering"}}), "topology may import only bgp"},
		{"a foreign thing by another door", one("reflector", file{imports: []string{"go.etcd.io/etcd/client/v3"}}), "ask topology/etcd"},
		{"GoBGP's server outside tests", one("peering/wire", file{imports: []string{"github.com/osrg/gobgp/v3/pkg/server"}}), "never a part of ours"},
		{"a log line in the core", one("reflector/rib", file{imports: []string{"log/slog"}}), "reflector/rib is pure"},
		{"a socket in the core", one("peering", file{imports: []string{"net"}}), "peering is pure"},
		{"the clock in the core", one("topology", file{clock: true}), "take the time as an argument"},
		{"the clock in the core of a small room", pack{path: "peering/bfd", files: []file{{path: "peering/bfd/machine.go", clock: true}}}, "take the time as an argument"},
		{"the wall clock for a timer", one("peering/session", file{wall: true}), "keeps a time as UnixNano"},
		{"a bubble of a test's own", one("topology", file{test: true, bubble: true}), "call virtual.Test"},
		{"func init", one("reflector", file{inits: true}), "declares func init"},
		{"the oracle in the product", one("reflector", file{imports: []string{"heddle/internal/oracle"}}), "for tests and benchmarks only"},
		{"a package that nobody planned", one("reflector/util", file{}), "is not in the plan"},
		{"a novel", one("reflector", file{lines: 601}), "has 601 lines"},
		{"no doc.go", pack{path: "bgp", files: []file{{path: "bgp/x.go"}}}, "bgp has no doc.go"},
		{"an answer left out", pack{path: "bgp", files: []file{{path: "bgp/doc.go", doc: strings.Replace(five, "What I refuse", "", 1)}}}, `"What I refuse"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			breaches := check([]pack{c.pack})
			if !slices.ContainsFunc(breaches, func(b string) bool { return strings.Contains(b, c.want) }) {
				t.Errorf("breaches are %q, want one with %q", breaches, c.want)
			}
		})
	}
	fine := one("reflector", file{imports: []string{"heddle/peering/session", "log/slog", "time"}, clock: true})
	if breaches := check([]pack{fine}); len(breaches) > 0 {
		t.Errorf("breaches where there are none: %q", breaches)
	}
}

// one is a package with its doc.go and one more file.
func one(path string, f file) pack {
	f.path = path + "/x.go"
	doc := file{path: path + "/doc.go", doc: strings.Join(answers(), " … ")}
	return pack{path: path, files: []file{doc, f}}
}

func TestReadFindsWhatTheRulesAskFor(t *testing.T) {
	f, err := read("bgp/x.go", []byte("// Package bgp\npackage bgp\n\nimport \"time\"\n\nfunc init() { _ = time.Now().UnixNano(); synctest.Test() }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !f.inits || !f.clock || !f.wall || !f.bubble || f.test || f.doc != "Package bgp\n" || len(f.imports) != 1 {
		t.Errorf("read %+v", f)
	}
}
