package racks

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a block of README.md in a language.
func block(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(found) != 1 {
		t.Fatalf("README.md has %d blocks of %s, want one", len(found), language)
	}
	return found[0][1]
}

// What the first page shows is what newcomers copy: its fabric, its ToR and its host make
// a rack.
func TestTheRackOfTheREADMEWorks(t *testing.T) {
	f := bareFabric(t, "readme")
	lan, err := f.lab.Switch("lan")
	f.must(err)
	f.add("lan", lan)
	for name, address := range map[string]string{"rr": "192.0.2.251", "tor1": "192.0.2.1", "host1": "192.0.2.11"} {
		space, err := f.lab.Space(name)
		f.must(err)
		f.add(name, space)
		f.cable("lan", "", name, address+"/24")
	}
	rr := f.nodes["rr"]
	rr.launch(heddle, "reflector", "--name", "rr1", "--router-id", "192.0.2.251", "--data-dir", filepath.Join(rr.dir, "etcd"),
		"--etcd-listen", "http://127.0.0.1:2379,http://192.0.2.251:2379")
	f.frr("tor1", block(t, "frr"))
	f.nodes["host1"].bird(block(t, "bird"))
	f.until("the fabric to be taken", func() string {
		return rr.failure(heddle, "apply", "--etcd", "http://192.0.2.251:2379", "-f", rr.file("fabric.yaml", block(t, "yaml")))
	})
	f.until("the ToR to route to the workload, and to end the rest of the pool", func() (missing string) {
		out, err := f.nodes["tor1"].output("sh", "-c", "ip route show proto bgp; ip route get 10.1.0.5")
		for _, want := range []string{"10.1.0.5 via 192.0.2.11 ", "blackhole 10.1.0.0/16"} {
			if err != nil || !strings.Contains(out, want) {
				missing += fmt.Sprintf("no %q in\n%s%v\n", want, out, err)
			}
		}
		return missing
	})
}
