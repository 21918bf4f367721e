package hosts

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"heddle/lab/netns"
)

// programs are those the tests run, and the Debian packages that have them.
var programs = []struct{ path, debian string }{
	{"ip", "iproute2"},
	{"iptables-nft-save", "iptables"},
	{"iptables-legacy-save", "iptables"},
	{"ipset", "ipset"},
	{"conntrack", "conntrack"},
	{"ping", "iputils-ping"},
	{"setpriv", "util-linux"},
}

// work is the directory of this run; reflector and agent are what it tests.
var work, reflector, agent string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab/hosts:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if err := ready(); err != nil {
		return 1, err
	}
	if work, err = os.MkdirTemp("", "heddle-hosts-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, leftovers(work)) }()
	interrupted(work)
	reflector, agent = filepath.Join(work, "heddle"), filepath.Join(work, "heddle-agent")
	for program, path := range map[string]string{"heddle/cmd/heddle": reflector, "heddle/cmd/heddle-agent": agent} {
		build := exec.Command("go", "build", "-o", path, program)
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("%s: %w\n%s", build, err, out)
		}
	}
	return m.Run(), nil
}

// ready says what the machine lacks.
func ready() error {
	if os.Geteuid() != 0 {
		return netns.ErrRoot
	}
	var missing []error
	for _, p := range programs {
		if _, err := exec.LookPath(p.path); err != nil {
			missing = append(missing, fmt.Errorf("there is no %s: apt-get install %s", p.path, p.debian))
		}
	}
	return errors.Join(missing...)
}

// interrupted cleans up when a person has seen enough.
func interrupted(dir string) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		_ = netns.Remove(os.Getpid())
		_ = os.RemoveAll(dir)
		os.Exit(130)
	}()
}

// leftovers removes what the run made for all tests, and says what the tests left.
func leftovers(dir string) error {
	errs := []error{os.RemoveAll(dir)}
	names, err := netns.List()
	for _, name := range names {
		if strings.HasPrefix(name, fmt.Sprintf("hd-%d-", os.Getpid())) {
			errs = append(errs, fmt.Errorf("namespace %s is left", name))
		}
	}
	return errors.Join(append(errs, err)...)
}
