package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var declared = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// What docs/OPERATING.md says happens when something dies, a test shows, line by line.
func TestWhatOperatingNamesExists(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/OPERATING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## When something dies\n")
	table, _, _ = strings.Cut(table, "\n## ")
	known := testsThereAre(t)
	lines := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| What goes") {
			continue
		}
		lines++
		names := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(line, -1)
		if len(names) == 0 {
			t.Errorf("nothing shows %s", line)
		}
		for _, name := range names {
			if !known[name[1]] {
				t.Errorf("there is no %s: name the test that shows it now, or take out %s", name[1], line)
			}
		}
	}
	if lines < 20 {
		t.Errorf("the page has %d lines: is it read as it is written?", lines)
	}
}

func testsThereAre(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(source), -1) {
			known[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}
