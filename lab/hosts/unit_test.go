package hosts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The capabilities that the unit leaves the agent are enough for all it does.
func TestTheUnitLeavesWhatTheAgentNeeds(t *testing.T) {
	unit, err := os.ReadFile("../../packaging/systemd/heddle-agent.service")
	if err != nil {
		t.Fatal(err)
	}
	bounding := ""
	for line := range strings.Lines(string(unit)) {
		if names, ok := strings.CutPrefix(line, "CapabilityBoundingSet="); ok {
			for _, name := range strings.Fields(names) {
				bounding += ",+" + strings.ToLower(strings.TrimPrefix(name, "CAP_"))
			}
		}
	}
	if bounding == "" {
		t.Fatal("the unit does not bound the capabilities")
	}
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			f := newFabric(t, "unit-"+backend)
			h1 := f.nodes["h1"]
			h1.agent = h1.launch("setpriv", "--bounding-set=-all"+bounding, "--no-new-privs", agent,
				"--node", "h1", "--etcd", "http://192.0.2.251:2379", "--workload-interfaces", "tap+", "--iptables", backend, "--data-dir", filepath.Join(h1.dir, "data"))
			f.nodes["h2"].run()
			h1.synced()
			f.nodes["h2"].synced()
			f.whole()
			f.acquaint()
			flow := f.send("w1", "w3", "10.2.0.3", 7000)
			flow.begun()
			flow.end()
			h1.untilProblem()
		})
	}
}
