package stories_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whoever ends a telling in the middle of a story, and however, needs to clean nothing.
func TestAStoryThatIsInterruptedLeavesNothing(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		if signal == syscall.SIGTERM && !*long {
			continue
		}
		t.Run(signal.String(), func(t *testing.T) {
			cmd := exec.Command(stage.Program, "lab", "-t", filepath.Join(root, "containerlab.yml"), "test", "agents die")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("heddle-test-%d", cmd.Process.Pid)
			for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "agents die"); {
			}
			if len(processes(t, name)) == 0 {
				t.Fatal("the lab's processes are not to be seen")
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			for end := time.Now().Add(time.Minute); len(processes(t, name)) > 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("left are %q", processes(t, name))
				}
			}
			if left, err := os.ReadDir(filepath.Join("/run/heddle-lab", name)); err == nil {
				t.Errorf("its folder is left, with %v", left)
			}
		})
	}
}

// processes lists those that have a word in their command line.
func processes(t *testing.T, word string) (list []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), word) {
			list = append(list, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return list
}
