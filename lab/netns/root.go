package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Root is the files that a machine of a lab sees: those of this machine, to read, but
// for folders that are its own, and what is shown to it in other places.
//
//	/          own: names in Dir
//	├ usr      this machine's, read-only
//	├ etc      own, if something is shown in it; its entries this machine's, read-only
//	│ └ x.conf shown
//	├ run      fresh: own, and empty at first
//	├ dev      own, with the devices that keep nothing
//	└ proc     of its own processes
type Root struct {
	Host  string   // name of the machine
	Dir   string   // folder for what is its own; it outlives the processes
	Fresh []string // folders that are its own
	Shown []Shown
}

// Shown is a file or folder that is seen in a place.
type Shown struct {
	Source, Target string
	ReadOnly       bool
}

// Enter makes it the root of this process. The process must have mounts of its own,
// and do little else: what it opened before stays open.
func (r Root) Enter() error {
	if err := unix.Sethostname([]byte(r.Host)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount(r.Dir, r.Dir, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", r.Dir, err)
	}
	p := r.plan()
	if err := p.fill("/"); err != nil {
		return err
	}
	if err := p.devices(); err != nil {
		return err
	}
	for _, s := range r.Shown {
		if err := p.show(s.Source, s.Target, s.ReadOnly); err != nil {
			return fmt.Errorf("show %s as %s: %w", s.Source, s.Target, err)
		}
	}
	if err := unix.Mount("proc", filepath.Join(r.Dir, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return pivot(r.Dir)
}

// pivot puts the new root on top of the old one, and takes the old one away.
func pivot(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	return os.Chdir("/")
}

// rootPlan says what becomes of each path.
type rootPlan struct {
	dir    string
	own    map[string]bool // folders that are made, and filled entry by entry
	placed map[string]bool // paths that are not filled; those that are true are folders of our own
}

func (r Root) plan() rootPlan {
	p := rootPlan{r.Dir, map[string]bool{"/": true}, map[string]bool{"/proc": true, "/dev": true}}
	for _, s := range r.Shown {
		p.openUp(s.Target, false)
	}
	for _, dir := range r.Fresh {
		p.openUp(dir, true)
	}
	return p
}

// openUp places a path, and makes the folders above it our own.
func (p rootPlan) openUp(path string, folder bool) {
	p.placed[path] = folder
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		p.own[dir] = true
	}
}

// fill makes a folder of our own look as it does on this machine.
func (p rootPlan) fill(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, placed := p.placed[path]; placed || p.own[path] {
			continue
		}
		// What this machine has lost since it was listed, the lab's has not either.
		if err := p.adopt(path, e.Type()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	// Those of our own, whether this machine has them or not.
	for path := range p.own {
		if filepath.Dir(path) != dir || path == "/" {
			continue
		}
		if err := os.MkdirAll(filepath.Join(p.dir, path), 0o755); err != nil {
			return err
		}
		if err := p.fill(path); err != nil {
			return err
		}
	}
	for path, folder := range p.placed {
		if filepath.Dir(path) == dir && folder {
			if err := p.place(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// place makes a folder of our own, for everybody if that is what it is for.
func (p rootPlan) place(path string) error {
	mode := fs.FileMode(0o755)
	if strings.HasSuffix(path, "tmp") {
		mode = 0o777 | fs.ModeSticky
	}
	target := filepath.Join(p.dir, path)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	return os.Chmod(target, mode)
}

// adopt shows an entry of this machine, which is not the lab's to change.
func (p rootPlan) adopt(path string, kind fs.FileMode) error {
	switch {
	case kind&fs.ModeSymlink != 0:
		to, err := os.Readlink(path)
		if err != nil {
			return err
		}
		if err := os.Symlink(to, filepath.Join(p.dir, path)); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	case kind.IsDir() || kind.IsRegular():
		return p.show(path, path, true)
	}
	return nil
}

// show mounts a file or folder in a place, with all that is mounted below it.
func (p rootPlan) show(source, target string, readOnly bool) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	target = filepath.Join(p.dir, target)
	if err := p.mountPoint(target, info.IsDir()); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	if !readOnly {
		return nil
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	return unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &attr)
}

func (p rootPlan) mountPoint(target string, folder bool) error {
	if folder {
		return os.MkdirAll(target, 0o755)
	}
	file, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}
