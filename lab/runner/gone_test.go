package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"heddle/lab/runner"
)

func TestANameThatLeadsElsewhereIsRefused(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../zz", "a/b", "/etc", "-x"} {
		_, open := runner.Open(name)
		_, up := try(t, name+"/..", pair)
		for verb, err := range map[string]error{"down": runner.Down(name), "open": open, "up": up} {
			if err == nil || !strings.Contains(err.Error(), "name of the lab") {
				t.Errorf("%s %q: %v", verb, name, err)
			}
		}
	}
	if err := runner.Down(strings.Repeat("x", 100)); err == nil || !strings.Contains(err.Error(), "the kernel takes 107") {
		t.Errorf("a name too long for a socket: %v", err)
	}
}

func TestAFolderThatIsNoLabsIsLeftAlone(t *testing.T) {
	name := fmt.Sprintf("foreign-%d", os.Getpid())
	dir := filepath.Join("/run/heddle-lab", name)
	must(t, os.MkdirAll(dir, 0o755))
	defer func() {
		must(t, os.RemoveAll(dir))
		_ = os.Remove("/run/heddle-lab") // unless others have labs
	}()
	must(t, os.WriteFile(filepath.Join(dir, "diary"), []byte("dear"), 0o600))
	must(t, runner.Down(name))
	if _, err := os.Stat(filepath.Join(dir, "diary")); err != nil {
		t.Error(err)
	}
}

func TestALabThatGoesDownIsNotWaitedFor(t *testing.T) {
	l, err := begin(t, "down", strings.Replace(pair, "exec: [ip", "exec: [sleep 1000, ip", 1))
	must(t, err)
	running(t, l, "a")
	waited := make(chan error)
	go func() { waited <- l.Ready(t.Context(), func(runner.Status) {}) }()
	must(t, runner.Down(l.Name()))
	if err := <-waited; !errors.Is(err, runner.ErrGone) {
		t.Errorf("who waited for it hears %v", err)
	}
}

// running waits until a command of the file runs in the node.
func running(t *testing.T, l *runner.Lab, node string) {
	t.Helper()
	until(t, "a command to run in "+node, func() bool {
		s, err := l.Status(t.Context(), false)
		must(t, err)
		for _, n := range s.Nodes {
			if n.Name == node && len(n.Doing) > 0 {
				return true
			}
		}
		return false
	})
}

func TestALabThatGoesDownWhileItBeginsSaysSo(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "lab.yml"), []byte(strings.Replace(pair, `"shown:/etc/heddle/deep/shown:ro", "folder:/srv/here"`, "", 1)), 0o644))
	for _, file := range []string{"lock", "lab.json", "control"} {
		name := fmt.Sprintf("early-%s-%d", file, os.Getpid())
		cmd := exec.Command(heddle, "lab", "-t", filepath.Join(dir, "lab.yml"), "--name", name, "up")
		var complaint strings.Builder
		cmd.Stderr = &complaint
		must(t, cmd.Start())
		until(t, "up to have made "+file, func() bool {
			_, err := os.Stat(filepath.Join("/run/heddle-lab", name, file))
			return err == nil
		})
		must(t, runner.Down(name))
		if err := cmd.Wait(); err == nil || !strings.Contains(complaint.String(), "the lab is gone") {
			t.Errorf("down when there was %s: %v, %s", file, err, complaint.String())
		}
		if _, err := os.Stat(filepath.Join("/run/heddle-lab", name)); err == nil {
			t.Errorf("down when there was %s: its folder is left", file)
		}
	}
}

func TestALabBeginsWhereADeadOneLay(t *testing.T) {
	l := up(t, "again", pair)
	must(t, l.Pull())
	l = up(t, "again", pair)
	if got := output(t, l, "a", "hostname"); got != "a" {
		t.Errorf("host name is %q", got)
	}
}

func TestAnExecThatHangsIsNamedAndItsNodeIsThere(t *testing.T) {
	l, err := begin(t, "hangs", strings.Replace(pair, "exec: [ip", "exec: [sleep 1000, ip", 1))
	must(t, err)
	running(t, l, "a")
	if got := output(t, l, "a", "hostname"); got != "a" {
		t.Errorf("host name is %q", got)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("had enough"))
	err = l.Ready(ctx, func(runner.Status) {})
	for _, want := range []string{"had enough", "the lab is configuring nodes", "a: this runs still: sleep 1000"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

func TestAnExecThatFailsTellsWhatTheNodeSaid(t *testing.T) {
	_, err := try(t, "fails", strings.Replace(pair, "192.0.2.2/24 dev eth1]", `192.0.2.2/24 dev eth1, sh -c "while ! grep -q . /proc/1/cmdline; do :; done; echo Alas; exit 4"]`, 1))
	for _, want := range []string{"b: sh -c", "exit status 4: Alas"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

func TestAHealthcheckThatHangsIsEndedAndNamed(t *testing.T) {
	word := fmt.Sprintf("1000.2%d", os.Getpid())
	l, err := begin(t, "sick", strings.Replace(pair, "[CMD-SHELL, ping -c 1 -W 5 192.0.2.1]", "[CMD-SHELL, sleep "+word+"; true], timeout: 1", 1))
	must(t, err)
	until(t, "the healthcheck to be given up", func() bool {
		s, err := l.Status(t.Context(), true)
		must(t, err)
		return strings.Contains(strings.Join(s.Missing, "\n"), "b: its healthcheck gives no answer after 1s") && strings.Contains(strings.Join(s.Missing, "\n"), word)
	})
	until(t, "its processes to be gone", func() bool { return len(processes(t, "sleep\x00"+word)) == 0 })
}

func TestWhoGivesUpWaitingHearsWhichHealthcheckHangs(t *testing.T) {
	l, err := begin(t, "slow", strings.Replace(pair, "[CMD-SHELL, ping -c 1 -W 5 192.0.2.1]", "[CMD, sleep, 1000]", 1))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() { waited <- l.Ready(ctx, func(runner.Status) {}) }()
	until(t, "the healthcheck to be asked", func() bool {
		s, err := l.Status(t.Context(), false)
		must(t, err)
		return s.Phase == "" && strings.Contains(fmt.Sprint(s.Nodes), "[sleep 1000]")
	})
	cancel()
	if err := <-waited; !strings.Contains(err.Error(), "b: this runs still: sleep 1000") {
		t.Errorf("error is %v", err)
	}
}

func TestACommandEndsWithWhoAskedForIt(t *testing.T) {
	l := up(t, "asked", pair)
	word := fmt.Sprintf("1000.3%d", os.Getpid())
	cmd := exec.Command(heddle, "lab", "--name", l.Name(), "exec", "a", "--", "sleep", word)
	must(t, cmd.Start())
	until(t, "the command to run", func() bool { return len(processes(t, "sleep\x00"+word)) > 1 }) // and who waits for it
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	until(t, "the command to end", func() bool { return len(processes(t, "sleep\x00"+word)) == 0 })
}
