package netns

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// World has a command begin in namespaces of its own: processes, mounts, network,
// names. When it ends, however it ends, the kernel ends all that it started and takes
// all of it back. Who is not root is root in there, and nobody outside.
func World(cmd *exec.Cmd) {
	attr := &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	cmd.SysProcAttr = attr
}

// Settle is the first that a program does in its World: /proc shows its own
// processes, and /run is empty but for one folder, which stays where it is.
func Settle(keep string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w: does this run in a container that hides parts of /proc?", err)
	}
	kept, err := os.Open(keep)
	if err != nil {
		return err
	}
	defer kept.Close()
	if err := unix.Mount("heddle-lab", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	if !strings.HasPrefix(keep, "/run/") {
		return nil
	}
	if err := os.MkdirAll(keep, 0o700); err != nil {
		return err
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", kept.Fd()), keep, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("keep %s: %w", keep, err)
	}
	return nil
}

// Apart has a command begin with processes, mounts and a host name of its own, in
// whatever network it is started: it is the first process of a machine.
func Apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
}

// Sysctl sets a value of the namespace, such as net.ipv4.ip_forward.
func (s *Space) Sysctl(name, value string) error {
	path := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
	return s.Do(func() error {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = file.WriteString(value)
		return err
	})
}
