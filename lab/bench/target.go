package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"heddle/lab/netns"
)

// target is the speaker that is measured.
type target struct {
	address netip.AddrPort
	pid     int
	copies  bool // it adds no attributes, and keeps no table
	inside  func(func() error) error
	close   func() error
}

// aim gives the target that a configuration names, and starts it if it must.
func aim(ctx context.Context, c *Config) (*target, error) {
	if c.Start == "" {
		return &target{
			address: c.Target, pid: c.TargetPID,
			inside: func(f func() error) error { return f() }, close: func() error { return nil },
		}, nil
	}
	s, err := speakerOf(c.Start)
	if err != nil {
		return nil, err
	}
	return start(ctx, s, c)
}

// speakerAt is where a started speaker listens, in its namespace.
var speakerAt = netip.MustParseAddrPort("127.0.0.1:179")

// start runs a speaker in a namespace of its own and waits until it listens.
func start(ctx context.Context, s speaker, c *Config) (_ *target, err error) {
	if err := raiseLimit(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "heddle-bench-")
	if err != nil {
		return nil, err
	}
	lab, err := netns.New(strings.TrimPrefix(filepath.Base(dir), "heddle-")) // no two have the same
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop := func() error { return errors.Join(lab.Close(), os.RemoveAll(dir)) }
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	space, err := lab.Space(s.name)
	if err != nil {
		return nil, err
	}
	args, err := s.prepare(c, dir)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return nil, err
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	if err := space.Start(cmd); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t := &target{address: speakerAt, pid: cmd.Process.Pid, copies: s.copies, inside: space.Do}
	t.close = func() error {
		err := stop()
		<-ended
		return err
	}
	return t, t.listening(ctx, ended, output.Name())
}

// listening returns when the target accepts connections.
func (t *target) listening(ctx context.Context, ended <-chan error, output string) error {
	for range 200 {
		var conn net.Conn
		err := t.inside(func() (err error) {
			conn, err = net.DialTimeout("tcp", t.address.String(), time.Second)
			return err
		})
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			said, _ := os.ReadFile(output)
			return fmt.Errorf("the speaker ended: %w: %s", err, said[max(0, len(said)-1000):])
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("the speaker does not listen")
}

// raiseLimit gives what we start as many files as we may have: Go raises our own
// limit, but hides that from children unless it was set by hand.
func raiseLimit() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	limit.Cur = limit.Max
	return os.NewSyscallError("setrlimit", syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
}
