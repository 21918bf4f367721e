package runner

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestALogKeepsWhatWasSaidLastAndNoMoreThanTwiceItsShare(t *testing.T) {
	j := &journal{path: filepath.Join(t.TempDir(), "a")}
	line := []byte(strings.Repeat("y", 1<<16-1) + "\n")
	for range 5 * journalMost / len(line) {
		_, _ = j.Write(line)
	}
	for _, word := range []string{"one", "two", "three", "4", "5", "6", "7", "8", "last"} {
		j.say(word)
	}
	text, err := readJournal(j.path)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) < journalMost || len(text) > 2*journalMost {
		t.Errorf("%d octets are kept", len(text))
	}
	if !bytes.HasSuffix(text, []byte("one\ntwo\nthree\n4\n5\n6\n7\n8\nlast\n")) {
		t.Errorf("it ends with %q", text[len(text)-100:])
	}
	if got := j.lastWords(); got != "  two\n  three\n  4\n  5\n  6\n  7\n  8\n  last" {
		t.Errorf("last words are %q", got)
	}
}
