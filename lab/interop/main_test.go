package interop

import (
	"bytes"
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
	{"bird", "bird2"},
	{"birdc", "bird2"},
	{"/usr/lib/frr/bgpd", "frr"},
	{"vtysh", "frr"},
	{"gobgpd", "gobgpd"},
	{"gobgp", "gobgpd"},
	{"/usr/sbin/bgpd", "openbgpd"},
	{"bgpctl", "openbgpd"},
	{"etcd", "etcd-server"},
	{"etcdctl", "etcd-client"},
}

// work is the directory of this run, heddle the reflector under test, built once.
var work, heddle string

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(serveGoBGP(os.Stdin, os.Stdout))
	}
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab/interop:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if err := ready(); err != nil {
		return 1, err
	}
	defaults()
	dir, err := os.MkdirTemp("", "heddle-interop-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, leftovers(dir)) }()
	interrupted(dir)
	work = dir
	heddle = filepath.Join(dir, "heddle")
	build := exec.Command("go", "build", "-o", heddle, "heddle/cmd/heddle")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("%s: %w\n%s", build, err, out)
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

// defaults are flags of the test binary that suit tests which mostly wait for
// other processes: as many at a time as there are, few sequences of events, and no
// replay of what real time won't repeat.
func defaults() {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{
		"test.parallel": "16", "rapid.checks": "25", "rapid.nofailfile": "true", "rapid.shrinktime": "20s",
	} {
		if !given[name] {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
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
	var errs []error
	errs = append(errs, os.RemoveAll(dir), openBGPDGone())
	names, err := netns.List()
	for _, name := range names {
		if strings.HasPrefix(name, fmt.Sprintf("hd-%d-", os.Getpid())) {
			errs = append(errs, fmt.Errorf("namespace %s is left", name))
		}
	}
	for _, child := range children() {
		errs = append(errs, fmt.Errorf("process %s is left", child))
	}
	return errors.Join(append(errs, err)...)
}

// children lists the processes that we started and that still run.
func children() []string {
	var list []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		name, rest, _ := bytes.Cut(stat, []byte(") "))
		var state string
		var parent int
		if _, err := fmt.Sscan(string(rest), &state, &parent); err == nil && parent == os.Getpid() && state != "Z" {
			list = append(list, string(name)+")")
		}
	}
	return list
}
