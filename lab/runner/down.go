package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// ended is when a lab is given up that does not end.
const ended = 20 * time.Second

// Down ends a lab of this user, whatever state it is in, and takes away what is left
// of it. A lab that is not there is down already.
func Down(name string) error {
	f, err := folderOf(name)
	if err != nil {
		return err
	}
	if err := f.down(); err != nil {
		return fmt.Errorf("lab %s: %w", name, err)
	}
	return nil
}

// down removes only under the lock: what has none is no lab's folder.
func (f folder) down() error {
	for until := time.Now().Add(ended); ; time.Sleep(5 * time.Millisecond) {
		lock, err := f.take(0)
		if err == nil {
			defer lock.Close()
			return f.remove()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return f.vanish()
		}
		if !errors.Is(err, errHeld) {
			return err
		}
		// Who begins a lab has the lock before it is written down who runs it.
		r, err := f.read()
		if err == nil {
			err = end(r.Process)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("somebody holds %s, and it is not the lab: see fuser %s", f.path("lock"), f.path("lock"))
		}
	}
}

// end kills the supervisor and waits for it: the kernel lets it go when all processes
// of the lab are gone.
func end(process int) error {
	fd, err := unix.PidfdOpen(process, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	for until := time.Now().Add(ended); ; {
		left := time.Until(until)
		if left < 0 {
			return fmt.Errorf("process %d outlives SIGKILL", process)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Pull kills the supervisor and no more: what is outside the lab's world stays.
func (l *Lab) Pull() error { return end(l.record.Process) }
