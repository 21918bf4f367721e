package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// proof is a test that docs/CONFORMANCE.md names, with its file.
var proof = regexp.MustCompile(`\[((?:Test|Fuzz)\w+)\]\(\.\./([^)]+)\)`)

// A statement that nothing proves any more must not stand there.
func TestWhatConformanceNamesExists(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/CONFORMANCE.md"))
	if err != nil {
		t.Fatal(err)
	}
	statements, _, ok := strings.Cut(string(page), "\n## ")
	if !ok {
		t.Fatal("the page has no second part, which names what we do otherwise")
	}
	found := 0
	for line := range strings.Lines(statements) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| RFC") {
			continue
		}
		proofs := proof.FindAllStringSubmatch(line, -1)
		if len(proofs) == 0 {
			t.Errorf("nothing proves %s", line)
		}
		for _, p := range proofs {
			found++
			if source, err := os.ReadFile(filepath.Join(root, p[2])); err != nil {
				t.Errorf("%s: %v", p[1], err)
			} else if !strings.Contains(string(source), "\nfunc "+p[1]+"(") {
				t.Errorf("%s has no %s: name the test that proves it now, or take the statement out", p[2], p[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("the page names %d tests: is it read as it is written?", found)
	}
}
