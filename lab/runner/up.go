package runner

import (
	"bytes"
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
	f, err := folderOf(o.Name)
	if err != nil {
		return nil, err
	}
	if err := missing(topology, filepath.Dir(file), filepath.Dir(o.Program)); err != nil {
		return nil, err
	}
	lock, err := f.make()
	if errors.Is(err, errHeld) {
		return nil, fmt.Errorf("lab %s: %w: %s, or %s", o.Name, err, Hint(o.Name, "status"), Hint(o.Name, "down"))
	}
	if err != nil {
		return nil, fmt.Errorf("lab %s: %w", o.Name, err)
	}
	l, err := launch(o, file, f, lock)
	_ = lock.Close() // the supervisor has it, or nobody
	if err == nil {
		err = l.answers(ctx)
	}
	if errors.Is(err, ErrGone) {
		return nil, fmt.Errorf("lab %s: %w", o.Name, err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab %s: %w", o.Name, err), Down(o.Name))
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
	if _, err := ours.Write(word); err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("%w before it began", ErrGone)
	}
	if l.leash = ours; !o.Attached {
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
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
		if !l.gone() {
			continue
		}
		if words, err := os.ReadFile(l.folder.path("log")); err == nil && len(words) > 0 {
			return fmt.Errorf("it did not begin: %s", bytes.TrimSpace(words))
		}
		return ErrGone
	}
}

// ErrGone says that a lab has ended while it was waited for.
var ErrGone = errors.New("the lab is gone: its supervisor was killed, as heddle lab down does")

// gone says whether the lab has ended; another one may have its name since.
func (l *Lab) gone() bool {
	r, err := l.folder.read()
	return err != nil || r.Process != l.record.Process || !processRuns(r.Process)
}

func processRuns(process int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// ErrNotReady says that a lab runs, and lacks something still.
var ErrNotReady = errors.New("the lab is not ready")

// Ready waits until nothing is missing, and tells each change of what is.
func (l *Lab) Ready(ctx context.Context, progress func(Status)) error {
	// What is asked outlives the wait, so that a command that hangs can be named: it ends
	// with the question.
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var last Status
	for {
		asked := make(chan error, 1)
		var s Status
		go func() {
			now, err := l.Status(asking, true)
			s = now
			asked <- err
		}()
		select {
		case <-ctx.Done():
			return l.givenUp(ctx, last)
		case err := <-asked:
			if err == nil {
				last = s
				progress(s)
			}
			if over, err := l.settled(s, err); over {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return l.givenUp(ctx, last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// settled says whether an answer is the last: the lab is ready, or will never be.
func (l *Lab) settled(s Status, err error) (bool, error) {
	switch {
	case err != nil && l.gone():
		return true, fmt.Errorf("lab %s: %w", l.record.Name, ErrGone)
	case err != nil:
		return false, nil
	case s.Failed != "":
		return true, errors.New(s.Failed)
	case s.Phase == "" && len(s.Missing) == 0:
		return true, nil
	case s.Phase == "" && slices.ContainsFunc(s.Nodes, func(n Node) bool { return n.Process == 0 }): // nobody starts it again
		return true, fmt.Errorf("%w:\n  %s", ErrNotReady, strings.Join(s.Missing, "\n  "))
	}
	return false, nil
}

func (l *Lab) givenUp(ctx context.Context, last Status) error {
	return fmt.Errorf("%w: %w; it lacks:\n  %s", ErrNotReady, context.Cause(ctx), strings.Join(l.lacking(last), "\n  "))
}

// lastAnswer bounds how long a lab is asked that is given up.
const lastAnswer = 5 * time.Second

// lacking says what a lab lacks that is given up, and never nothing. Whoever asked may
// have had no answer, because of a command that does not end.
func (l *Lab) lacking(last Status) []string {
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswer)
	defer cancel()
	now, err := l.Status(ctx, false)
	if err != nil {
		return append(last.Missing, fmt.Sprintf("an answer: %v", err))
	}
	list := append(now.Missing, now.doing()...)
	if len(list) == 0 {
		list = last.Missing
	}
	if len(list) == 0 {
		list = []string{"an answer to what the healthchecks say: " + Hint(l.record.Name, "status") + " asks again"}
	}
	return list
}
