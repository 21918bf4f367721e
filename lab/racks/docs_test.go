package racks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the page shows is what the routers here run: who copies it copies what works.
func TestThePageShowsTheConfigurationsThatRun(t *testing.T) {
	page, err := os.ReadFile("../../docs/RACKS.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata has %v, %v", files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		fence := "```text\n"
		if strings.HasSuffix(name, ".yaml") {
			fence = "```yaml\n"
		}
		want := "`lab/racks/testdata/" + name + "`:\n\n" + fence + config(name) + "```\n"
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/RACKS.md does not show %s as it is: copy it there", file)
		}
	}
}
