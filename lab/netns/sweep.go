package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netns"
)

// prefix begins the names of a process's namespaces.
func prefix(pid int) string { return fmt.Sprintf("hd-%d-", pid) }

// Sweep removes what labs left behind whose processes ended without closing them.
func Sweep() error {
	names, err := List()
	var errs []error
	for _, name := range names {
		pid, ok := owner(name)
		if ok && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			errs = append(errs, remove(name))
		}
	}
	return errors.Join(append(errs, err)...)
}

// Remove removes all namespaces of a process: of our own when a signal ends it.
func Remove(pid int) error {
	names, err := List()
	var errs []error
	for _, name := range names {
		if p, ok := owner(name); ok && p == pid {
			errs = append(errs, remove(name))
		}
	}
	return errors.Join(append(errs, err)...)
}

// List names the namespaces of all labs.
func List() ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if _, ok := owner(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func owner(name string) (pid int, ok bool) {
	rest, ours := strings.CutPrefix(name, "hd-")
	number, _, whole := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	return pid, ours && whole && err == nil
}

// remove kills what runs in a namespace and takes its name away. Another process
// may be doing the same: what is gone already is no fault.
func remove(name string) error {
	if err := kill(name); err != nil {
		return err
	}
	err := netns.DeleteNamed(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, syscall.EINVAL) { // named, and not mounted yet when its maker died
		err = os.Remove(filepath.Join(folder, name))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove namespace %s: %w", name, err)
	}
	return nil
}

// killTime bounds how long a killed process may take to be gone.
const killTime = 10 * time.Second

// kill ends every process in a namespace but our own and waits for them to be
// gone.
func kill(name string) error {
	for end := time.Now().Add(killTime); ; time.Sleep(2 * time.Millisecond) {
		pids, err := within(name)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be faster
		}
		if time.Now().After(end) {
			return fmt.Errorf("namespace %s: processes %v outlive SIGKILL", name, pids)
		}
	}
}

// within lists the processes in a namespace. What can't be read is on its way out.
func within(name string) ([]int, error) {
	space, err := os.Stat(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if its, err := os.Stat(filepath.Join("/proc", e.Name(), "ns/net")); err == nil && os.SameFile(its, space) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
