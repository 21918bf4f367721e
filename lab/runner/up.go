package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heddle/lab/containerlab"
	"heddle/lab/netns"
)

// Options are how a lab is started.
type Options struct {
	File     string // the topology
	Name     string // empty: as the file says
	Program  string // heddle; what the nodes run of ours lies beside it
	Attached bool   // the lab ends with this process
}

// Up starts a lab and returns when its supervisor runs. See Ready.
func Up(ctx context.Context, o Options) (*Lab, error) {
	file, err := filepath.Abs(o.File)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	topology, err := containerlab.Parse(o.File, data)
	if err != nil {
		return nil, err
	}
	if o.Name == "" {
		o.Name = topology.Name
	}
	if err := missing(topology, filepath.Dir(file), filepath.Dir(o.Program)); err != nil {
		return nil, err
	}
	f := folderOf(o.Name)
	lock, err := f.make()
	if err != nil {
		return nil, fmt.Errorf("lab %s: %w", o.Name, err)
	}
	defer lock.Close()
	l, err := launch(o, file, f, lock)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab %s: %w", o.Name, err), f.remove())
	}
	if err := l.answers(ctx); err != nil {
		return nil, errors.Join(err, Down(o.Name))
	}
	return l, nil
}

// launch starts the supervisor: it waits until it is written down who it is.
func launch(o Options, file string, f folder, lock *os.File) (*Lab, error) {
	order := Order{Name: o.Name, File: file, Folder: string(f), Programs: filepath.Dir(o.Program), Rootless: os.Geteuid() != 0}
	told, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(f.path("log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(o.Program, "lab", SuperviseCommand, string(told))
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.ExtraFiles = log, log, "/", []*os.File{lock, theirs}
	netns.World(cmd)
	if err := cmd.Start(); err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("%w: may this user have namespaces? See /proc/sys/user/max_user_namespaces, or be root", err)
	}
	go func() { _ = cmd.Wait() }()
	r := record{o.Name, file, cmd.Process.Pid, order.Rootless}
	if err := f.write(r); err != nil {
		_ = ours.Close()
		return nil, err
	}
	word := []byte{detached}
	if o.Attached {
		word[0] = attached // the pipe stays open as long as we live
	}
	l := open(r, f)
	_, err = ours.Write(word)
	if l.leash = ours; err == nil && !o.Attached {
		err = ours.Close()
	}
	return l, err
}

// answers waits until the supervisor does.
func (l *Lab) answers(ctx context.Context) error {
	for {
		_, err := l.Status(ctx, false)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lab %s: %w", l.record.Name, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
		if end, _ := os.ReadFile(l.folder.path("log")); !processRuns(l.record.Process) {
			return fmt.Errorf("lab %s did not begin: %s", l.record.Name, strings.TrimSpace(string(end)))
		}
	}
}

func processRuns(process int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// ErrNotReady says that a lab runs, and lacks something still.
var ErrNotReady = errors.New("the lab is not ready")

// Ready waits until nothing is missing, and tells each change of what is.
func (l *Lab) Ready(ctx context.Context, progress func(Status)) error {
	var last Status
	for {
		s, err := l.Status(ctx, true)
		if err == nil {
			last = s
			if s.Failed != "" {
				return errors.New(s.Failed)
			}
			progress(s)
			if s.Phase == "" && len(s.Missing) == 0 {
				return nil
			}
			if slices.ContainsFunc(s.Nodes, func(n Node) bool { return n.Process == 0 }) { // nobody starts it again
				return fmt.Errorf("%w:\n  %s", ErrNotReady, strings.Join(s.Missing, "\n  "))
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w; it lacks:\n  %s", ErrNotReady, context.Cause(ctx), strings.Join(last.Missing, "\n  "))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
