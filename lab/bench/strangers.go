package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"heddle/peering/wire"
)

// playStrangers is a load, some clients of which do not read, while the speaker is
// called by addresses that it does not know, and by some that it admits and that say
// nothing.
func playStrangers(r *run) error {
	if err := r.connect(r.members()); err != nil {
		return err
	}
	stalled := r.members()[r.config.Clients-r.config.Stalled:]
	if err := r.e.silence(stalled); err != nil {
		return err
	}
	idle, err := usageOf(r.target.pid)
	if err != nil {
		return err
	}
	silent, err := r.hold(r.config.Silent)
	defer hangUpAll(silent)
	if err != nil {
		return err
	}
	s := r.raiseStorm()
	failure := r.load()
	r.report.IdleRSS = idle.RSS
	if err := errors.Join(failure, s.abate(r.ctx, r.config.Duration)); err != nil {
		return err
	}
	r.report.Strangers, r.report.Told, r.report.Rate = s.made, s.told, int(float64(s.made)/s.lasted.Seconds())
	for _, fd := range silent {
		if _, open := heard(fd); open {
			r.report.Silent++
		}
	}
	if err := r.verify(); err != nil {
		return err
	}
	if err := r.memory(); err != nil || !r.config.Closed {
		return err
	}
	return r.awaitClosed(stalled)
}

// hold opens connections of peers that say nothing.
func (r *run) hold(n int) (fds []int, err error) {
	err = r.e.inside(func() error {
		for i := range n {
			fd, err := r.call(clientAddr(clientsMost + i).As4())
			if err != nil {
				return fmt.Errorf("silent connection %d: %w", i, err)
			}
			fds = append(fds, fd)
		}
		return nil
	})
	return fds, err
}

func hangUpAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// call begins to connect from an address.
func (r *run) call(from [4]byte) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	to := &unix.SockaddrInet4{Addr: r.target.address.Addr().As4(), Port: int(r.target.address.Port())}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: from}),
	)
	if err == nil {
		if err = unix.Connect(fd, to); errors.Is(err, unix.EINPROGRESS) {
			err = nil
		}
	}
	if err != nil {
		return -1, errors.Join(os.NewSyscallError("connect", err), unix.Close(fd))
	}
	return fd, nil
}

// heard says whether a NOTIFICATION has come, and whether the connection is open still.
func heard(fd int) (told, open bool) {
	var b [wire.MaxMessage]byte
	n, err := unix.Read(fd, b[:])
	if errors.Is(err, unix.EAGAIN) {
		return false, true
	}
	if n < wire.HeaderLength {
		return false, false
	}
	return wire.Type(b[18]) == wire.TypeNotification, true
}

// storm is strangers that call, so many a second.
type storm struct {
	run    *run
	over   chan struct{} // it is to end
	gone   chan error    // it has
	begin  time.Time
	lasted time.Duration
	made   int
	told   int
	calls  []call
}

// call is one that waits for an answer.
type call struct {
	fd    int
	since time.Time
}

// strangerNet is where strangers call from: 127.9.0.0/16, one after the other.
const strangerNet = 127<<24 | 9<<16

// callTime is how long a stranger waits for an answer.
const callTime = 200 * time.Millisecond

func (r *run) raiseStorm() *storm {
	s := &storm{run: r, over: make(chan struct{}), gone: make(chan error, 1), begin: time.Now()}
	go func() { s.gone <- r.e.inside(s.rage) }()
	return s
}

// abate ends the storm when it has lasted for a time at least.
func (s *storm) abate(ctx context.Context, least time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(least - time.Since(s.begin)):
	}
	close(s.over)
	return <-s.gone
}

func (s *storm) rage() error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.over:
			s.lasted = time.Since(s.begin)
			time.Sleep(callTime)
			s.hear()
			return nil
		case <-tick.C:
		}
		due := int(time.Since(s.begin).Seconds() * float64(s.run.config.Strangers))
		for ; s.made < due; s.made++ {
			fd, err := s.run.call(addr4(strangerNet + uint32(s.made%65000) + 1).As4())
			if err != nil {
				return fmt.Errorf("stranger %d: %w", s.made, err)
			}
			s.calls = append(s.calls, call{fd, time.Now()})
		}
		s.hear()
	}
}

// hear hangs up on the calls that have waited long enough.
func (s *storm) hear() {
	i := 0
	for ; i < len(s.calls) && time.Since(s.calls[i].since) > callTime; i++ {
		if told, _ := heard(s.calls[i].fd); told {
			s.told++
		}
		_ = unix.Close(s.calls[i].fd)
	}
	s.calls = s.calls[:copy(s.calls, s.calls[i:])]
}
