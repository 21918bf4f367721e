package runner

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stopMost bounds how long a command may take to end: a reflector that drains takes ten
// seconds.
const stopMost = 30 * time.Second

// stop ends the command as an operator would.
func (m *machine) stop() error {
	m.mu.Lock()
	cmd, over := m.cmd, m.over
	m.mu.Unlock()
	if cmd == nil {
		return fmt.Errorf("%s does not run", m.Name)
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-over:
		return nil
	case <-time.After(stopMost):
		return fmt.Errorf("%s has not ended %s after SIGTERM: heddle lab kill %s", m.Name, stopMost, m.Name)
	}
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
		if err := m.run(command); err != nil {
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
