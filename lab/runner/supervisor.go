package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"heddle/lab/containerlab"
	"heddle/lab/netns"
)

// Order is what a supervisor is told.
type Order struct {
	Name     string
	File     string // the topology, absolute
	Folder   string
	Programs string // where heddle and heddle-agent are
	Rootless bool
}

// What the supervisor inherits: the lock, which it holds as long as it lives, and a
// pipe from the command that started it.
const (
	lockFD = 3
	pipeFD = 4
)

// SuperviseCommand is the hidden command of heddle that is the first process of a lab.
const SuperviseCommand = "supervise"

// supervisor is the first process of a lab's world.
type supervisor struct {
	order    Order
	lab      *netns.Lab
	machines map[string]*machine

	mu     sync.Mutex
	list   []*machine // in the order of the file, guarded until all are there
	phase  string
	failed string

	probes probes
	streak atomic.Uint32 // number of streams begun
}

// Supervise is a lab from its begin to its end. It returns only if it can't begin.
func Supervise(o Order) error {
	for _, fd := range []int{lockFD, pipeFD} {
		unix.CloseOnExec(fd)
	}
	pipe := os.NewFile(pipeFD, "pipe")
	// The command that started us writes down who we are, and then lets us go. If it
	// died before, nobody would know of us.
	word := make([]byte, 1)
	if _, err := io.ReadFull(pipe, word); err != nil {
		return errors.New("the command that started the lab is gone")
	}
	if err := netns.Settle(o.Folder); err != nil {
		return err
	}
	if word[0] == attached {
		go func() {
			_, _ = pipe.Read(word)
			orphaned(folder(o.Folder))
		}()
	}
	s := &supervisor{order: o, machines: map[string]*machine{}, phase: "reading the topology"}
	listener, err := net.Listen("unix", folder(o.Folder).socket())
	if err != nil {
		return err
	}
	go func() {
		if err := s.build(); err != nil {
			s.mu.Lock()
			s.failed = err.Error()
			s.mu.Unlock()
		}
	}()
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// orphaned ends the lab of a command that is gone: nobody is left to ask for its logs.
// It takes processes and mounts for its own, so the lab must have settled.
func orphaned(f folder) {
	if os.Getpid() == 1 { // else it would be the whole machine
		_ = unix.Kill(-1, unix.SIGKILL) // all but ourselves: they would write on
	}
	_ = unix.Unmount("/run", unix.MNT_DETACH) // ours, in which the folder is mounted
	for range 50 {                            // who dies may have a file to make yet
		if f.remove() == nil { // under the lock, which we hold: another lab may begin in its place
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	os.Exit(1)
}

// attached and detached are what the command that starts a lab says: that the lab ends
// with it, or goes on.
const (
	attached = 'a'
	detached = 'd'
)

func (s *supervisor) enter(phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = phase
}

// build makes the lab: networks, cables, processes, and then what the file wants done
// in each node, in the order of containerlab.
func (s *supervisor) build() error {
	data, err := os.ReadFile(s.order.File)
	if err != nil {
		return err
	}
	topology, err := containerlab.Parse(s.order.File, data)
	if err != nil {
		return err
	}
	if s.lab, err = netns.New(s.order.Name); err != nil {
		return err
	}
	s.enter("laying cables")
	if err := s.lay(topology); err != nil {
		return err
	}
	s.enter("starting nodes")
	for _, m := range s.nodes() {
		if err := m.start(); err != nil {
			return err
		}
	}
	s.enter("configuring nodes")
	if err := s.configure(); err != nil {
		return err
	}
	s.enter("")
	return nil
}

// lay makes a network for each node, with the sysctls that interfaces inherit, and the
// cables between them.
func (s *supervisor) lay(t *containerlab.Topology) error {
	users, err := s.users()
	if err != nil {
		return err
	}
	var list []*machine
	for _, n := range t.Nodes {
		space, err := s.lab.Space(n.Name)
		if err != nil {
			return err
		}
		dir := filepath.Join("/run/nodes", n.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		m := &machine{
			Node: n, space: space, since: time.Now(), log: &journal{path: folder(s.order.Folder).log(n.Name)},
			own:  daemonsOf(n, filepath.Dir(s.order.File)),
			root: rootOf(n, dir, filepath.Dir(s.order.File), s.order.Programs, users),
		}
		for name, value := range n.Sysctls {
			if err := space.Sysctl(name, value); err != nil {
				return fmt.Errorf("node %s: sysctl %s: %w", n.Name, name, err)
			}
		}
		s.machines[n.Name] = m
		list = append(list, m)
	}
	for _, l := range t.Links {
		end := func(e containerlab.Endpoint) netns.End {
			return netns.End{Space: s.machines[e.Node].space, Port: e.Port}
		}
		if err := s.lab.Connect(end(l[0]), end(l[1])); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = list
	return nil
}

// users makes everybody root for a lab without other users: daemons give up root for
// users that are not there. It gives the files that say so.
func (s *supervisor) users() ([]netns.Shown, error) {
	if !s.order.Rootless {
		return nil, nil
	}
	var shown []netns.Shown
	for name, fields := range map[string][]int{"/etc/passwd": {2, 3}, "/etc/group": {2}} {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var text strings.Builder
		for line := range strings.Lines(string(data)) {
			parts := strings.Split(strings.TrimSuffix(line, "\n"), ":")
			for _, f := range fields {
				if f < len(parts) {
					parts[f] = "0"
				}
			}
			fmt.Fprintln(&text, strings.Join(parts, ":"))
		}
		path := filepath.Join("/run/users", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			return nil, err
		}
		shown = append(shown, netns.Shown{Source: path, Target: name, ReadOnly: true})
	}
	return shown, nil
}

// configure does in all nodes at once what the file wants done.
func (s *supervisor) configure() error {
	faults := make(chan error)
	for _, m := range s.nodes() {
		go func() {
			for _, command := range m.Exec {
				if err := m.run(context.Background(), command); err != nil {
					faults <- err
					return
				}
			}
			faults <- nil
		}()
	}
	var errs []error
	for range s.nodes() {
		errs = append(errs, <-faults)
	}
	return errors.Join(errs...)
}

// nodes are the machines, in the order of the file.
func (s *supervisor) nodes() []*machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}
