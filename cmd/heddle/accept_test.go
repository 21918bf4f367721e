package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A backup came back with a tag that has been deleted since, and its number given away.
func TestARejectMakesRoomForWhatItWritesBack(t *testing.T) {
	r := startReflector(t)
	r.ready(t)
	expect(t, "created tag before\n", "{kind: tag, name: before, id: 7}", "apply", "-f", "-", "--etcd", r.etcd)
	list := filepath.Join(t.TempDir(), "withheld.json")
	if err := os.WriteFile(list, []byte(`[
		{"object":"tag before","change":"added","path":"/heddle/v1/tags/before","value":{"id":7}},
		{"object":"tag now","change":"deleted","path":"/heddle/v1/tags/now","value":{"id":7}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, "deleted tag before\ncreated tag now\n", "", "reject", "--etcd", r.etcd, "--http", canned(t, map[string]string{"withheld": list}))
	expect(t, "kind: tag\nname: now\nid: 7\n", "", "get", "tags", "--etcd", r.etcd)
}
