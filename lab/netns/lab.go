package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"github.com/vishvananda/netns"
)

// Lab is namespaces that come and go together. Its methods may be called
// concurrently.
type Lab struct {
	name string
	home netns.NsHandle // where the process is
	jobs chan job       // programs to start
	over chan struct{}  // closed by Close

	mu     sync.Mutex
	spaces []*Space
	cables int
}

// ErrRoot says what a lab needs.
var ErrRoot = errors.New("network namespaces need root: run this as root, or with sudo")

var errClosed = errors.New("the lab is closed")

// New returns a lab without spaces. No two open labs of a process may share a
// name. Namespaces of processes that are no more are removed on the way.
func New(name string) (*Lab, error) {
	if os.Geteuid() != 0 {
		return nil, ErrRoot
	}
	if name == "" || strings.ContainsAny(name, "/ ") {
		return nil, fmt.Errorf("lab %q: a name is part of a file name", name)
	}
	if err := prepare(); err != nil {
		return nil, err
	}
	if err := Sweep(); err != nil {
		return nil, err
	}
	home, err := netns.Get()
	if err != nil {
		return nil, fmt.Errorf("own namespace: %w", err)
	}
	l := &Lab{name: name, home: home, jobs: make(chan job), over: make(chan struct{})}
	go l.launch()
	return l, nil
}

// Space adds a namespace with its loopback up.
func (l *Lab) Space(name string) (*Space, error) {
	s := &Space{lab: l, Name: prefix(os.Getpid()) + l.name + "-" + name}
	if err := s.create(); err != nil {
		return nil, fmt.Errorf("namespace %s: %w", s.Name, err)
	}
	l.mu.Lock()
	l.spaces = append(l.spaces, s)
	l.mu.Unlock()
	if err := s.up("lo"); err != nil {
		return nil, fmt.Errorf("namespace %s: %w", s.Name, err)
	}
	return s, nil
}

// Close removes the namespaces and all that runs in them. Closing again does
// nothing.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.over:
		return nil
	default:
	}
	close(l.over)
	var errs []error
	for _, s := range l.spaces {
		s.close()
		errs = append(errs, remove(s.Name))
	}
	return errors.Join(append(errs, l.home.Close())...)
}

// job is a program to start in a space.
type job struct {
	space *Space
	cmd   *exec.Cmd
	done  chan error
}

// launch starts programs from one thread that lives as long as the lab: a program
// is killed when the thread that started it ends, and other threads of the
// process end as they like.
func (l *Lab) launch() {
	runtime.LockOSThread() // never unlocked: the thread ends with this function
	for {
		select {
		case j := <-l.jobs:
			j.done <- j.space.visit(j.cmd.Start)
		case <-l.over:
			return
		}
	}
}
