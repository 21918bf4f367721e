package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"heddle/lab/containerlab"
)

// folder is where a lab keeps what is outside its world: who runs it, the socket, the
// logs. As long as somebody runs it, the lock is taken.
type folder string

// socketMost is what the kernel gives the path of a socket: sun_path less the zero.
const socketMost = 107

// folderOf gives the folder of a lab of this user. Whatever is done to a lab begins here:
// a name that leads elsewhere would have root delete what is there.
func folderOf(name string) (folder, error) {
	if err := containerlab.CheckName(name); err != nil {
		return "", fmt.Errorf("name of the lab %w", err)
	}
	base := "/run/heddle-lab"
	if os.Geteuid() != 0 {
		base = filepath.Join(os.TempDir(), fmt.Sprintf("heddle-lab-%d", os.Geteuid()))
		if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
			base = filepath.Join(dir, "heddle-lab")
		}
	}
	f := folder(filepath.Join(base, name))
	if n := len(f.socket()); n > socketMost {
		return "", fmt.Errorf("lab %s: its socket %s would have a path of %d octets, and the kernel takes %d: give a shorter --name", name, f.socket(), n, socketMost)
	}
	return f, ours(base)
}

// ours refuses a folder of somebody else: where everybody may write, another user may
// have been first.
func ours(base string) error {
	info, err := os.Lstat(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
		return fmt.Errorf("%s is not ours: set XDG_RUNTIME_DIR to a folder that is", base)
	}
	return nil
}

func (f folder) path(name string) string { return filepath.Join(string(f), name) }
func (f folder) socket() string          { return f.path("control") }
func (f folder) log(node string) string  { return filepath.Join(string(f), "logs", node) }

// record is what is known of a lab without asking it.
type record struct {
	Name     string `json:"name"`
	File     string `json:"file"`     // the topology
	Process  int    `json:"process"`  // the supervisor
	Rootless bool   `json:"rootless"` // its world has users of its own
}

func (f folder) write(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	// Whole or not at all: who writes it may be killed, and down must be able to read it.
	part := f.path("lab.json.part")
	return errors.Join(os.WriteFile(part, data, 0o600), os.Rename(part, f.path("lab.json")))
}

// read gives the record of a lab that was begun; fs.ErrNotExist: there is none.
func (f folder) read() (record, error) {
	var r record
	data, err := os.ReadFile(f.path("lab.json"))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}

// make makes the folder and takes its lock, which its caller hands to the supervisor.
// What a dead lab left in it is no part of the new one.
func (f folder) make() (*os.File, error) {
	for {
		if err := os.MkdirAll(string(f), 0o700); err != nil {
			return nil, err
		}
		lock, err := f.take(os.O_CREATE)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a lab of the name went down, and its folder with it
		}
		if err != nil {
			return nil, err
		}
		if err := errors.Join(f.clear(), os.Mkdir(f.log(""), 0o700)); err != nil {
			_ = lock.Close()
			return nil, err
		}
		return lock, nil
	}
}

// errHeld says that somebody runs the lab.
var errHeld = errors.New("the lab runs already")

// take takes the lock; fs.ErrNotExist: it is gone.
func (f folder) take(create int) (*os.File, error) {
	lock, err := os.OpenFile(f.path("lock"), create|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errHeld
		}
		return nil, err
	}
	// Who held it before may have taken the folder away, and this file with it.
	mine, err := lock.Stat()
	if err == nil {
		var there fs.FileInfo
		if there, err = os.Stat(f.path("lock")); err == nil && !os.SameFile(mine, there) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}

// held says whether somebody runs the lab.
func (f folder) held() bool {
	lock, err := os.Open(f.path("lock"))
	if err != nil {
		return false
	}
	defer lock.Close()
	return errors.Is(unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// clear takes away all but the lock, which its caller has.
func (f folder) clear() error {
	entries, err := os.ReadDir(string(f))
	errs := []error{err}
	for _, e := range entries {
		if e.Name() != "lock" {
			errs = append(errs, os.RemoveAll(f.path(e.Name())))
		}
	}
	return errors.Join(errs...)
}

// remove takes the folder away, whose lock its caller has, and the one around it if that
// was the last.
func (f folder) remove() error {
	if err := errors.Join(f.clear(), os.Remove(f.path("lock"))); err != nil {
		return err
	}
	return f.vanish()
}

// vanish takes the folder away if it is empty, and the one around it if that was the last.
func (f folder) vanish() error {
	for _, dir := range []string{string(f), filepath.Dir(string(f))} {
		err := os.Remove(dir)
		if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
			return nil // somebody has begun a lab again, or another one
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
