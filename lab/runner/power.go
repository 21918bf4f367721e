package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stopMost bounds how long a command may take to end: a reflector that drains takes ten
// seconds.
const stopMost = 30 * time.Second

// stop ends the command as an operator would. The first process of a node gets no signal
// that it does not catch, as in a container: who does not catch SIGTERM is killed at once.
func (m *machine) stop() error {
	m.mu.Lock()
	cmd, over := m.cmd, m.over
	m.mu.Unlock()
	if cmd == nil {
		return fmt.Errorf("%s does not run", m.Name)
	}
	catches, err := catchesTerm(cmd.Process.Pid)
	if err != nil {
		return err
	}
	if !catches {
		return m.give(", as it does not catch SIGTERM")
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-over:
		return nil
	case <-time.After(stopMost):
		return m.give(fmt.Sprintf(", as it had not ended %s after SIGTERM", stopMost))
	}
}

// give kills a node that was to be stopped, and has its status say why.
func (m *machine) give(why string) error {
	m.mu.Lock()
	m.fate = why
	m.mu.Unlock()
	return m.kill()
}

// catchesTerm says whether a process has a handler of SIGTERM.
func catchesTerm(process int) (bool, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // it is over
	}
	if err != nil {
		return false, err
	}
	_, rest, _ := strings.Cut(string(text), "\nSigCgt:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	caught, err := strconv.ParseUint(mask, 16, 64)
	if err != nil {
		return false, fmt.Errorf("/proc/%d/status: SigCgt: %w", process, err)
	}
	return caught&(1<<(unix.SIGTERM-1)) != 0, nil
}

// cut takes the power away. What a process that dies would still say (the kernel ends
// its connections for it) finds no cable.
func (m *machine) cut() error {
	if err := m.space.Dark(); err != nil {
		return err
	}
	m.mu.Lock()
	m.dark = true
	runs := m.cmd != nil
	m.mu.Unlock()
	if !runs {
		return nil
	}
	return m.kill()
}

// boot starts a node. One that lost power has its cables and its disk, and no more: what
// the file wants done in it is done again.
func (m *machine) boot() error {
	m.mu.Lock()
	dark := m.dark
	m.dark = false
	m.mu.Unlock()
	if !dark {
		return m.start()
	}
	if err := errors.Join(m.wipe(), m.space.Light()); err != nil {
		return err
	}
	if err := m.start(); err != nil {
		return err
	}
	for _, command := range m.Exec {
		if err := m.run(context.Background(), command); err != nil {
			return err
		}
	}
	return nil
}

// filters are the programs that empty what filters: the tables first, which name the sets.
var filters = []struct{ program, argument, input string }{
	{"iptables-restore", "", tables}, {"ip6tables-restore", "", tables}, {"ipset", "destroy", ""},
}

const tables = "*raw\nCOMMIT\n*nat\nCOMMIT\n*filter\nCOMMIT\n"

// wipe forgets what filters.
func (m *machine) wipe() error {
	for _, f := range filters {
		path, err := exec.LookPath(f.program)
		if err != nil {
			continue // the node cannot have used it either
		}
		cmd := exec.Command(path, strings.Fields(f.argument)...)
		cmd.Stdin = strings.NewReader(f.input)
		if _, err := m.space.Output(cmd); err != nil {
			return err
		}
	}
	return nil
}
