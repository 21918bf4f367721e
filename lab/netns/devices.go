package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// devices are those of this machine that a machine of a lab has, too. They keep nothing.
var devices = []string{"full", "null", "random", "tty", "urandom", "zero"}

// deviceLinks are names that programs know files by that are elsewhere.
var deviceLinks = map[string]string{
	"fd": "/proc/self/fd", "ptmx": "pts/ptmx", "stderr": "/proc/self/fd/2", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
}

// devices makes /dev. Shared memory and terminals are the machine's own: what is left
// there goes with it, and disks are not for it to touch.
func (p rootPlan) devices() error {
	for _, folder := range []string{"/dev/shm", "/dev/pts"} {
		if err := os.MkdirAll(filepath.Join(p.dir, folder), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(p.dir, "dev/shm"), 0o777|fs.ModeSticky); err != nil {
		return err
	}
	for _, name := range devices {
		if err := p.show("/dev/"+name, "/dev/"+name, false); err != nil {
			return err
		}
	}
	for name, to := range deviceLinks {
		if err := os.Symlink(to, filepath.Join(p.dir, "dev", name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := unix.Mount("devpts", filepath.Join(p.dir, "dev/pts"), "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return fmt.Errorf("mount /dev/pts: %w", err)
	}
	return nil
}
