package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heddle/lab/containerlab"
)

func TestOurDaemonsAreFoundBehindWrappers(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\n# heddle reflector is elsewhere\nbird -c x\nexec heddle-agent \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "start.sh"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	bind := []containerlab.Bind{{Source: "start.sh", Target: "/start"}}
	for command, want := range map[string]daemons{
		"heddle-agent --node a":                   {agent: true},
		"/usr/local/bin/heddle-agent":             {agent: true},
		"heddle reflector --name rr1":             {reflector: true},
		"sh /start --node a":                      {agent: true},
		"sh x.sh heddle-agent --node a":           {agent: true},
		"sh -c heddle reflector & exec sleep 9":   {reflector: true},
		"sh -c heddle-agent show workloads; bird": {},
		"sh -c heddle show peers":                 {},
		"etcd":                                    {},
		"":                                        {},
	} {
		n := containerlab.Node{Command: strings.Fields(command), Binds: bind}
		if got := daemonsOf(n, dir); got != want {
			t.Errorf("%s: %+v, want %+v", command, got, want)
		}
	}
}

func TestTheHostsWithTwoToRsHaveAgents(t *testing.T) {
	const file = "../topologies/dual-tor/dual-tor.clab.yml"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lab, err := containerlab.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]daemons{"host11": {agent: true}, "rr1": {reflector: true}, "tor1a": {}} {
		if n, _ := lab.Node(name); daemonsOf(n, filepath.Dir(file)) != want {
			t.Errorf("%s: %+v, want %+v", name, daemonsOf(n, filepath.Dir(file)), want)
		}
	}
}
