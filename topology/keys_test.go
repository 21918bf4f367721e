package topology_test

import (
	"strings"
	"testing"

	"heddle/topology"
)

func TestKey(t *testing.T) {
	for _, c := range []struct {
		name string
		path string
		want topology.Key
	}{
		{"settings have no name", "/heddle/v1/settings", topology.Key{Kind: topology.KindSettings}},
		{"a rack", "/heddle/v1/racks/r1", topology.Key{Kind: topology.KindRack, Name: "r1"}},
		{"a pool", "/heddle/v1/pools/blue", topology.Key{Kind: topology.KindPool, Name: "blue"}},
		{"a node with a domain name", "/heddle/v1/nodes/h1.example.net", topology.Key{Kind: topology.KindNode, Name: "h1.example.net"}},
		{"a router", "/heddle/v1/routers/tor1", topology.Key{Kind: topology.KindRouter, Name: "tor1"}},
		{"a tag", "/heddle/v1/tags/web", topology.Key{Kind: topology.KindTag, Name: "web"}},
		{"a policy", "/heddle/v1/policies/web", topology.Key{Kind: topology.KindPolicy, Name: "web"}},
		{"a workload is named by its node too", "/heddle/v1/workloads/h1/web1", topology.WorkloadKey("h1", "web1")},
		{"letters beyond ASCII are fine", "/heddle/v1/racks/é", topology.Key{Kind: topology.KindRack, Name: "é"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := topology.ParseKey(c.path)
			if err != nil || key != c.want {
				t.Fatalf("ParseKey(%q) = %v, %v; want %v", c.path, key, err, c.want)
			}
			if key.Path() != c.path {
				t.Errorf("Path() = %q, want %q", key.Path(), c.path)
			}
		})
	}
}

func TestKeyRefused(t *testing.T) {
	for _, c := range []struct{ name, path, says string }{
		{"outside the prefix", "/calico/v1/x", "is not under /heddle/v1/"},
		{"another version", "/heddle/v2/nodes/h1", "is not under"},
		{"an unknown folder", "/heddle/v1/hosts/h1", "names no kind"},
		{"the singular is not a folder", "/heddle/v1/node/h1", "names no kind"},
		{"a folder without a name", "/heddle/v1/nodes/", "name is empty"},
		{"a folder without its slash", "/heddle/v1/nodes", "names no kind"},
		{"settings with a name", "/heddle/v1/settings/x", "names no kind"},
		{"a slash within a name", "/heddle/v1/nodes/a/b", `contains '/'`},
		{"a workload without a node", "/heddle/v1/workloads/web1", "NODE/NAME"},
		{"a workload with three parts", "/heddle/v1/workloads/a/b/c", `contains '/'`},
		{"a workload with an empty name", "/heddle/v1/workloads/h1/", "name is empty"},
		{"a control character", "/heddle/v1/nodes/a\x07", "contains '\\a'"},
		{"a blank, which nobody sees at the end", "/heddle/v1/nodes/a ", "contains ' '"},
		{"octets that are not UTF-8", "/heddle/v1/nodes/\xff", "not UTF-8"},
		{"a name beyond 253 octets", "/heddle/v1/nodes/" + strings.Repeat("a", 254), "254 octets"},
		{"nothing", "", "is not under"},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := topology.ParseKey(c.path)
			if err == nil {
				t.Fatalf("ParseKey(%q) = %v, want an error", c.path, key)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not say %q", err, c.says)
			}
		})
	}
}

func TestParseKind(t *testing.T) {
	for _, kind := range topology.Kinds {
		plural := strings.Trim(strings.TrimPrefix(kind.Prefix(), topology.Prefix), "/")
		for _, text := range []string{kind.String(), plural} {
			if got, err := topology.ParseKind(text); err != nil || got != kind {
				t.Errorf("ParseKind(%q) = %v, %v; want %v", text, got, err, kind)
			}
		}
	}
	if kind, err := topology.ParseKind("invalid"); err == nil {
		t.Errorf("ParseKind(invalid) = %v, want an error", kind)
	}
	if kind, err := topology.ParseKind(""); err == nil {
		t.Errorf("ParseKind of nothing = %v, want an error", kind)
	}
}
