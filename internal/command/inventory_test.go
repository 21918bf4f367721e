package command

import (
	"os"
	"path/filepath"
	"testing"

	"heddle/topology"
)

// Two daemons that read the same files without a datastore mean the same by a tag.
func TestFilesAloneNumberTheirTags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fabric.yaml")
	text := "kind: tag\nname: db\nid: 1\n---\nkind: workload\nnode: h1\nname: w1\naddresses: [10.1.0.1]\ninterface: tap1\ntags: [web, db]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for alone, want := range map[bool]uint32{true: 2, false: 0} {
		changes, err := Inventory([]string{file}, alone)
		if err != nil {
			t.Fatal(err)
		}
		var inventory topology.Inventory
		inventory.Apply(0, changes)
		if tag, _ := inventory.Snapshot().Tag("web"); tag.ID != want {
			t.Errorf("alone %t: web is %d, want %d", alone, tag.ID, want)
		}
	}
	if _, err := Inventory([]string{file + ".not"}, true); err == nil {
		t.Error("a file that is not there is no error")
	}
}
