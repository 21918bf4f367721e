package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Space is one namespace.
type Space struct {
	// Name is what `ip netns` calls it.
	Name string

	lab    *Lab
	handle netns.NsHandle
	link   *netlink.Handle
	bridge netlink.Link // of a switch
	ports  int          // interfaces given out, guarded by the lab's mu
}

func (s *Space) create() error {
	made := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is left in the new namespace
		var err error
		s.handle, err = netns.NewNamed(s.Name)
		made <- err
	}()
	if err := <-made; err != nil {
		return err
	}
	link, err := netlink.NewHandleAt(s.handle)
	if err != nil {
		return errors.Join(err, s.handle.Close(), remove(s.Name))
	}
	s.link = link
	return nil
}

func (s *Space) close() {
	s.link.Close()
	_ = s.handle.Close()
}

// Do runs a function inside: sockets that it opens are those of the namespace, and
// stay so. What it starts as a goroutine runs outside.
func (s *Space) Do(f func() error) error {
	runtime.LockOSThread()
	err := s.visit(f)
	if !errors.Is(err, errLost) {
		runtime.UnlockOSThread()
	}
	return err
}

// errLost: a thread could not go back where it came from, and must not be used for
// anything else.
var errLost = errors.New("thread is lost in a namespace")

// visit is Do for a goroutine that is locked to its thread.
func (s *Space) visit(f func() error) error {
	if err := netns.Set(s.handle); err != nil {
		return fmt.Errorf("enter %s: %w", s.Name, err)
	}
	err := f()
	if back := netns.Set(s.lab.home); back != nil {
		return errors.Join(err, errLost, back)
	}
	return err
}

// Start starts a program inside. It is killed if our process ends before it.
func (s *Space) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	j := job{s, cmd, make(chan error, 1)}
	select {
	case s.lab.jobs <- j:
		return <-j.done
	case <-s.lab.over:
		return errClosed
	}
}

// Kill ends every process inside but our own, as losing power would.
func (s *Space) Kill() error { return kill(s.Name) }

// Output runs a program inside and returns what it wrote to stdout. The error has
// what it wrote to stderr.
func (s *Space) Output(cmd *exec.Cmd) ([]byte, error) {
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := s.Start(cmd); err != nil {
		return nil, err
	}
	if err := cmd.Wait(); err != nil {
		return out.Bytes(), fmt.Errorf("%s: %w: %s", cmd, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.Bytes(), nil
}
