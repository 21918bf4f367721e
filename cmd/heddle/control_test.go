package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heddle/bgp"
	"heddle/internal/command"
	"heddle/reflector/rib"
	"heddle/topology"
)

func TestAnInventoryThatSaysOtherwiseThanWeRunIsAProblem(t *testing.T) {
	const cluster = bgp.ClusterID(192<<24 | 2<<8 | 250)
	for _, test := range []struct{ name, objects, want string }{
		{"nothing is said of us", "kind: router\nname: rr2\nrole: reflector\nclusterID: 192.0.2.1\naddresses: [192.0.2.252]\n", ""},
		{"the same", "kind: settings\nasn: 64512\n---\nkind: router\nname: rr1\nrole: reflector\nclusterID: 192.0.2.250\naddresses: [192.0.2.251]\n", ""},
		{"no cluster ID", "kind: router\nname: rr1\nrole: reflector\naddresses: [192.0.2.251]\n", ""},
		{"another AS", "kind: settings\nasn: 64513\n", "asn is 64513 and we run with 64512"},
		{
			"another cluster ID", "kind: router\nname: rr1\nrole: reflector\nclusterID: 192.0.2.1\naddresses: [192.0.2.251]\n",
			"clusterID is 192.0.2.1 and we run with 192.0.2.250",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "fabric.yaml")
			if err := os.WriteFile(file, []byte(test.objects), 0o600); err != nil {
				t.Fatal(err)
			}
			changes, err := command.Inventory([]string{file}, true)
			if err != nil {
				t.Fatal(err)
			}
			var inventory topology.Inventory
			inventory.Apply(0, changes)
			c := control{options: &options{name: "rr1"}, self: rib.Self{ASN: 64512, Cluster: cluster}}
			var texts []string
			for _, p := range c.outgrown(inventory.Snapshot()) {
				texts = append(texts, p.Text)
			}
			if got := strings.Join(texts, "\n"); !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
				t.Errorf("the problems are %q, want %q", got, test.want)
			}
		})
	}
}
