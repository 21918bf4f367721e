package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"heddle/lab/runner"
)

// heddle is the program under test.
var heddle string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "heddle-runner-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // for who is not root
		heddle = filepath.Join(dir, "heddle")
		for _, name := range []string{"heddle", "heddle-agent"} {
			if out, failed := exec.Command("go", "build", "-o", filepath.Join(dir, name), "heddle/cmd/"+name).CombinedOutput(); failed != nil {
				err = errors.Join(err, fmt.Errorf("build %s: %w: %s", name, failed, out))
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const pair = `name: pair
topology:
  defaults:
    kind: linux
    env: {WORD: hello}
  nodes:
    a:
      sysctls: {net.ipv4.ip_forward: 1}
      binds: ["shown:/etc/heddle/deep/shown:ro", "folder:/srv/here"]
      exec: [ip addr add 192.0.2.1/24 dev eth1, 'sh -c "hostname >/tmp/mine"']
    b:
      cmd: sh -c "echo I am here; exec sleep 1000"
      exec: [ip addr add 192.0.2.2/24 dev eth1]
      healthcheck: {test: [CMD-SHELL, ping -c 1 -W 5 192.0.2.1]}
  links:
    - endpoints: ["a:eth1", "b:eth1"]
`

// up starts a lab of the text, which ends with the test.
func up(t *testing.T, name, text string) *runner.Lab {
	t.Helper()
	l, err := try(t, name, text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func try(t *testing.T, name, text string) (*runner.Lab, error) {
	t.Helper()
	l, err := begin(t, name, text)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return l, l.Ready(ctx, func(runner.Status) {})
}

// begin starts a lab, and does not wait until it is ready.
func begin(t *testing.T, name, text string) (*runner.Lab, error) {
	t.Helper()
	dir := t.TempDir()
	for file, content := range map[string]string{"lab.yml": text, "shown": "to be seen\n", "folder/x": "y"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644))
	}
	name = fmt.Sprintf("%s-%d", name, os.Getpid())
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	l, err := runner.Up(ctx, runner.Options{File: filepath.Join(dir, "lab.yml"), Name: name, Program: heddle, Attached: true})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { must(t, runner.Down(l.Name())) }) // and the lab, which ends with l, is not collected before
	return l, nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func output(t *testing.T, l *runner.Lab, node, command string) string {
	t.Helper()
	out, err := l.Output(t.Context(), node, "sh", "-c", command)
	must(t, err)
	return strings.TrimSpace(out)
}

// reach is a command that says so when an address answers. A cable that was just plugged
// in may carry nothing for a moment.
func reach(address string) string {
	return "timeout 30 sh -c 'until ping -c 1 -W 1 " + address + "; do sleep 0.1; done' >/dev/null && echo reached"
}

func TestANodeSeesWhatTheTopologySays(t *testing.T) {
	l := up(t, "sees", pair)
	for command, want := range map[string]string{
		"hostname; cat /tmp/mine":                                              "a\na",
		"cat /etc/heddle/deep/shown":                                           "to be seen",
		"echo z >/srv/here/x; cat /srv/here/x":                                 "z",
		"cat /proc/sys/net/ipv4/ip_forward":                                    "1",
		"ls /run; ls /var/lib":                                                 "",
		"touch /usr/bin/x 2>&1 | grep -c Read-only":                            "1",
		"touch /etc/heddle/new && ls /etc/heddle":                              "deep\nnew",
		"ip -br link | grep -v lo: | wc -l":                                    "2",
		"ls /dev/shm; touch /dev/shm/x; ls /dev/shm":                           "x",
		"echo x >/dev/null; head -c 3 </dev/zero|wc -c; ls /dev | tr '\n' ' '": "3\nfd full null ptmx pts random shm stderr stdin stdout tty urandom zero",
		"script -qc 'tty' /dev/null | tr -d '\r'":                              "/dev/pts/0",
		"ps ax | grep -c '[s]leep infinity'":                                   "1",
		reach("192.0.2.2"):                                                     "reached",
		"command -v heddle; command -v heddle-agent":                           "/usr/local/bin/heddle\n/usr/local/bin/heddle-agent",
		"tr '\\0' '\\n' </proc/1/environ | grep WORD":                          "WORD=hello",
		"echo $WORD; env | grep HOSTNAME":                                      "hello\nHOSTNAME=a",
	} {
		if got := output(t, l, "a", command); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	for _, path := range []string{"/etc/heddle/new", "/dev/shm/x"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("a node has written %s on this machine", path)
		}
	}
}

func TestANodeThatDiesIsShownAndComesBackWithItsFilesAndCables(t *testing.T) {
	l := up(t, "dies", pair)
	output(t, l, "b", "echo kept >/var/lib/kept")
	must(t, l.Kill(t.Context(), "b"))
	s, err := l.Status(t.Context(), false)
	must(t, err)
	if len(s.Missing) != 1 || !strings.Contains(s.Missing[0], "b does not run: signal: killed") {
		t.Errorf("missing is %q", s.Missing)
	}
	if picture := runner.Picture(s); !strings.Contains(picture, "✗ b") || !strings.Contains(picture, "● a") {
		t.Errorf("the picture is\n%s", picture)
	}
	if _, err := l.Output(t.Context(), "b", "true"); err == nil || !strings.Contains(err.Error(), " start b") {
		t.Errorf("a command in it: %v", err)
	}
	must(t, l.Start(t.Context(), "b"))
	if got := output(t, l, "b", "cat /var/lib/kept; "+reach("192.0.2.1")); got != "kept\nreached" {
		t.Errorf("after its return: %q", got)
	}
	until(t, "the log to tell all of it", func() bool {
		text, err := l.Log("b")
		must(t, err)
		_, after, ended := strings.Cut(string(text), "b has ended: signal: killed")
		return ended && strings.Contains(after, "I am here")
	})
}

func TestTwoLabsOfOneFileKnowNothingOfEachOther(t *testing.T) {
	one, two := up(t, "one", pair), up(t, "two", pair)
	must(t, one.Kill(t.Context(), "b"))
	if got := output(t, two, "a", reach("192.0.2.2")); got != "reached" {
		t.Errorf("the other one lost a node: %q", got)
	}
	if _, err := try(t, "one", pair); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("a second one of the name: %v", err)
	}
}

// processes lists those that have a word in their command line or environment.
func processes(t *testing.T, word string) (list []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), word) {
			list = append(list, file+" "+string(text))
		}
	}
	return list
}

func TestALabWhoseSupervisorIsKilledLeavesNothing(t *testing.T) {
	word := fmt.Sprintf("1000.0%d", os.Getpid()) // of a process of the lab
	l := up(t, "killed", strings.Replace(pair, "sleep 1000", "sleep "+word, 1))
	if found := processes(t, word); len(found) == 0 {
		t.Fatal("the lab's process is not to be seen")
	}
	must(t, l.Pull())
	until(t, "all processes to be gone", func() bool { return len(processes(t, word)) == 0 })
	name := fmt.Sprintf("killed-%d", os.Getpid())
	if _, err := runner.Open(name); err == nil || !strings.Contains(err.Error(), "its supervisor has ended") {
		t.Errorf("opening it: %v", err)
	}
	must(t, runner.Down(name))
	if _, err := runner.Open(name); !errors.Is(err, runner.ErrNone) {
		t.Errorf("after going down: %v", err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	if strings.Contains(string(mounts), "heddle-lab") {
		t.Errorf("mounts are left:\n%s", mounts)
	}
}

// Whatever up had done when it was killed, down ends it.
func TestALabWhoseUpIsKilledLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	word := fmt.Sprintf("1000.1%d", os.Getpid())
	text := strings.NewReplacer(`"shown:/etc/heddle/deep/shown:ro", `, "", "sleep 1000", "sleep "+word).Replace(pair)
	must(t, os.WriteFile(filepath.Join(dir, "lab.yml"), []byte(text), 0o644))
	must(t, os.MkdirAll(filepath.Join(dir, "folder"), 0o755))
	name := fmt.Sprintf("half-%d", os.Getpid())
	for _, file := range []string{"lock", "log", "lab.json", "control", "logs/a", "logs/b"} {
		cmd := exec.Command(heddle, "lab", "-t", filepath.Join(dir, "lab.yml"), "--name", name, "up")
		must(t, cmd.Start())
		until(t, "up to have made "+file, func() bool {
			_, err := os.Stat(filepath.Join("/run/heddle-lab", name, file))
			return err == nil
		})
		must(t, cmd.Process.Kill())
		_ = cmd.Wait()
		must(t, runner.Down(name))
		until(t, "all processes to be gone", func() bool { return len(processes(t, name)) == 0 && len(processes(t, word)) == 0 })
		if _, err := os.Stat(filepath.Join("/run/heddle-lab", name)); err == nil {
			t.Errorf("killed when there was %s, its folder is left", file)
		}
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("gave up waiting for " + what)
		}
	}
}

func TestWhatCannotBeginIsSaidAndLeavesNothing(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"a file that is missing", "shown:/etc", "absent:/etc", "which is not there"},
		{"an interface that is missing", "192.0.2.2/24 dev eth1", "192.0.2.2/24 dev eth9", `b: ip addr add 192.0.2.2/24 dev eth9: exit status 1: Cannot find device "eth9"`},
		{"a sysctl that is missing", "net.ipv4.ip_forward", "net.ipv4.ip_backward", "sysctl net.ipv4.ip_backward"},
		{"a command that ends at once", "exec sleep 1000", "exit 3", "exit status 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := try(t, "wrong", strings.Replace(pair, c.old, c.new, 1))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

// nobody is a user without rights.
const nobody = 65534

// rootless is why a user without rights can't have namespaces: that is not a matter of
// what is installed.
func rootless() (refusal string) {
	cmd := exec.Command("unshare", "-Ur", "true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Operation not permitted") {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func TestALabNeedsNoRoot(t *testing.T) {
	if refusal := rootless(); refusal != "" {
		t.Skipf("the kernel lets no user have namespaces here, as in a chroot: %s", refusal)
	}
	dir, err := os.MkdirTemp("", "heddle-rootless-")
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.WriteFile(filepath.Join(dir, "lab.yml"), []byte(strings.NewReplacer(`"shown:/etc/heddle/deep/shown:ro", `, "").Replace(pair)), 0o644))
	must(t, os.MkdirAll(filepath.Join(dir, "folder"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "run"), 0o700))
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Chown(filepath.Join(dir, "run"), nobody, nobody))
	lab := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(heddle, append([]string{"lab", "-t", filepath.Join(dir, "lab.yml")}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+filepath.Join(dir, "run"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
		return string(out)
	}
	lab("up", "--deadline", "3m")
	if got := lab("exec", "a", "sh", "-c", "id -u; getent passwd bird nobody | cut -d: -f3 | sort -u; "+reach("192.0.2.2")); got != "0\n0\nreached\n" {
		t.Errorf("in a node: %q", got)
	}
	if got := lab("probe", "--after", "0s", "a", "b", "192.0.2.2", "sleep", "0.2"); !strings.Contains(got, " 0 lost") {
		t.Errorf("packets: %s", got)
	}
	lab("down")
	if left, err := os.ReadDir(filepath.Join(dir, "run")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}
