package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFolderOfSomebodyElseIsRefused(t *testing.T) {
	const nobody = 65534
	base := filepath.Join(t.TempDir(), "heddle-lab-0")
	if err := ours(base); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	if err := os.Mkdir(base, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := ours(base); err != nil {
		t.Errorf("our own: %v", err)
	}
	if err := os.Chown(base, nobody, nobody); err != nil {
		t.Skipf("only root gives folders away: %v", err)
	}
	if err := ours(base); err == nil || !strings.Contains(err.Error(), "XDG_RUNTIME_DIR") {
		t.Errorf("that of another: %v", err)
	}
}

func TestAHintNamesTheLabUnlessItIsTheDefault(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(DefaultFile, []byte("name: here\ntopology: {nodes: {a: {kind: linux}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		Hint("here", "kill", "a"): "heddle lab kill a",
		Hint("there", "down"):     "heddle lab --name there down",
		upHint("here"):            "heddle lab up",
		upHint("there"):           "heddle lab --name there -t FILE up",
	} {
		if got != want {
			t.Errorf("hint is %q, want %q", got, want)
		}
	}
}
