package netns

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Workplace is where a run of tests keeps what it makes for all of them.
type Workplace struct{ Dir string }

// Prepare makes a workplace, whose name begins so, unless the machine lacks one of the
// programs, each named with the Debian package that has it: then the error names all. A person who has seen enough may interrupt: nothing is
// left then, either.
func Prepare(name string, programs map[string]string) (*Workplace, error) {
	if os.Geteuid() != 0 {
		return nil, ErrRoot
	}
	var missing []error
	for _, program := range slices.Sorted(maps.Keys(programs)) {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, fmt.Errorf("there is no %s: apt-get install %s", program, programs[program]))
		}
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return nil, err
	}
	w := &Workplace{dir}
	w.interrupted()
	return w, os.Chmod(dir, 0o755) // some daemons run as their own users
}

// OwnedBy gives directories to the user that a daemon runs as once it gave up root.
func OwnedBy(name string, dirs ...string) error {
	owner, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := os.Chown(dir, uid, -1); err != nil {
			return err
		}
	}
	return nil
}

// Build builds a command of this module and gives the path of the program.
func (w *Workplace) Build(pack string) (string, error) {
	program := filepath.Join(w.Dir, filepath.Base(pack))
	build := exec.Command("go", "build", "-o", program, pack)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	return program, nil
}

func (w *Workplace) interrupted() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		_ = Remove(os.Getpid())
		_ = os.RemoveAll(w.Dir)
		os.Exit(130)
	}()
}

// Close removes the workplace, and says what the tests left.
func (w *Workplace) Close() error {
	errs := []error{os.RemoveAll(w.Dir)}
	names, err := List()
	for _, name := range names {
		if strings.HasPrefix(name, prefix(os.Getpid())) {
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
