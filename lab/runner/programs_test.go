package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heddle/lab/containerlab"
)

func TestWhatIsMissingIsNamedWithItsPackage(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"heddle": "", "heddle-agent": "", "start.sh": "#!/bin/sh\nexec bird -f\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir) // this machine has nothing
	lab := &containerlab.Topology{Nodes: []containerlab.Node{
		{Name: "a", Command: []string{"etcd"}, Exec: [][]string{{"sh", "-c", "ip link; traceroute x"}}},
		{Name: "b", Binds: []containerlab.Bind{{Source: "start.sh", Target: "/start"}, {Source: "absent", Target: "/absent"}}},
	}}
	err := missing(lab, dir, dir)
	for _, want := range []string{
		"there is no etcd", "apt-get install bird2 etcd-server iproute2 traceroute util-linux",
		"node b shows " + filepath.Join(dir, "absent") + ", which is not there",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	if err := missing(lab, dir, filepath.Join(dir, "elsewhere")); !strings.Contains(err.Error(), "make build") {
		t.Errorf("without our own programs: %v", err)
	}
}
