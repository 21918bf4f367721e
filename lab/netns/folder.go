package netns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// folder is where named namespaces are mounted; `ip netns` has it so.
const folder = "/run/netns"

// prepare makes the folder a mount of its own that is shared, before anything is
// mounted in it. The first `ip netns add` on a machine does the same, and binds the
// folder with all that is in it onto itself: a namespace that was there before is
// then mounted twice, and its name can't be removed.
func prepare() error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer dir.Close()
	// `ip netns` takes the same lock.
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", folder, err)
	}
	err = unix.Mount("", folder, "none", unix.MS_SHARED|unix.MS_REC, "")
	if errors.Is(err, unix.EINVAL) { // not a mount yet
		if err := unix.Mount(folder, folder, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mount %s: %w", folder, err)
		}
		err = unix.Mount("", folder, "none", unix.MS_SHARED|unix.MS_REC, "")
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", folder, err)
	}
	return nil
}
