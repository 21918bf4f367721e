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
)

// folder is where a lab keeps what is outside its world: who runs it, the socket, the
// logs. As long as somebody runs it, the lock is taken.
type folder string

// folderOf gives the folder of a lab of this user.
func folderOf(name string) folder {
	base := "/run/heddle-lab"
	if os.Geteuid() != 0 {
		base = filepath.Join(os.TempDir(), fmt.Sprintf("heddle-lab-%d", os.Geteuid()))
		if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
			base = filepath.Join(dir, "heddle-lab")
		}
	}
	return folder(filepath.Join(base, name))
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
func (f folder) make() (*os.File, error) {
	if err := os.MkdirAll(f.log(""), 0o700); err != nil {
		return nil, err
	}
	// In a folder that everybody may write to, somebody else may have been first.
	if info, err := os.Stat(filepath.Dir(string(f))); err != nil || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
		return nil, fmt.Errorf("%s is not ours: set XDG_RUNTIME_DIR to a folder that is", filepath.Dir(string(f)))
	}
	lock, err := os.OpenFile(f.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("the lab runs already: heddle lab status, or heddle lab down")
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

// remove takes the folder away, and the one around it if that was the last.
func (f folder) remove() error {
	if err := os.RemoveAll(string(f)); err != nil {
		return err
	}
	err := os.Remove(filepath.Dir(string(f)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}
