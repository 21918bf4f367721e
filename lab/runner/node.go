package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"heddle/lab/containerlab"
	"heddle/lab/netns"
)

// machine is a node as the supervisor has it: a network that stays, and processes that
// come and go.
type machine struct {
	containerlab.Node
	space *netns.Space
	root  netns.Root
	log   *journal
	own   daemons

	mu    sync.Mutex
	cmd   *exec.Cmd     // nil: it does not run
	over  chan struct{} // closed when that has ended
	since time.Time
	ended string
	fate  string   // why the command was killed, if the node was to be stopped
	doing []string // commands of the file that run now
	dark  bool     // it lost power: it comes back as a machine that boots
}

// NodeCommand is the hidden command of heddle that becomes a node's command.
const NodeCommand = "node"

// birth is what the first process of a node is told.
type birth struct {
	Root    netns.Root
	Command []string
}

// wait is what a node does that has no command: be there.
var wait = []string{"sleep", "infinity"}

// start starts the node's command.
func (m *machine) start() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd != nil {
		return fmt.Errorf("%s runs already", m.Name)
	}
	command := m.Command
	if len(command) == 0 {
		command = wait
	}
	told, err := json.Marshal(birth{m.root, command})
	if err != nil {
		return err
	}
	if err := m.log.begin(); err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe", "lab", NodeCommand, string(told))
	cmd.Env, cmd.Stdout, cmd.Stderr = m.environment(), m.log, m.log
	netns.Apart(cmd)
	if err := m.bear(cmd); err != nil {
		return fmt.Errorf("start %s: %w", m.Name, err)
	}
	m.cmd, m.over, m.since, m.ended = cmd, make(chan struct{}), time.Now(), ""
	m.fate = ""
	go m.await(cmd, m.over)
	return nil
}

// bear starts a node's first process, and waits until it sees its own files: what
// entered it before would see this machine's.
func (m *machine) bear(cmd *exec.Cmd) error {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ours.Close()
	cmd.ExtraFiles = []*os.File{theirs}
	err = m.space.Start(cmd)
	_ = theirs.Close()
	if err != nil {
		return err
	}
	// It ends when the process becomes its command, or with it.
	if complaint, err := io.ReadAll(ours); err != nil || len(complaint) > 0 {
		_ = cmd.Wait()
		return errors.Join(err, errors.New(string(complaint)))
	}
	return nil
}

// await notes the end of a command.
func (m *machine) await(cmd *exec.Cmd, over chan struct{}) {
	err := cmd.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cmd, m.since, m.ended = nil, time.Now(), "exit status 0"
	if err != nil {
		m.ended = err.Error() + m.fate
	}
	m.log.say("heddle lab: " + m.Name + " has ended: " + m.ended)
	close(over)
}

// kill ends the first process, and with it all of the node, and waits until it is over.
func (m *machine) kill() error {
	m.mu.Lock()
	cmd, over := m.cmd, m.over
	m.mu.Unlock()
	if cmd == nil {
		return fmt.Errorf("%s does not run", m.Name)
	}
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-over
	return nil
}

// environment is that of a container: little, and the same everywhere.
func (m *machine) environment() []string {
	values := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "HOSTNAME": m.Name,
	}
	maps.Copy(values, m.Env)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, name+"="+values[name])
	}
	return list
}

// process is the first of the node's, 0 if it does not run.
func (m *machine) process() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		return 0
	}
	return m.cmd.Process.Pid
}

// run runs a command in the node; what it says is in the node's log, and in the error.
// When the context is over, the command is, with all that it began.
func (m *machine) run(ctx context.Context, command []string) error {
	m.mu.Lock()
	first, over := m.cmd, m.over
	m.mu.Unlock()
	if first == nil {
		return fmt.Errorf("%s does not run", m.Name)
	}
	pid := first.Process.Pid
	defer m.note(strings.Join(command, " "))()
	said := m.log.lastWords()
	var out ending
	err := output(ctx, fmt.Sprintf("/proc/%d/ns", pid), m.environment(), command, io.MultiWriter(m.log, &out))
	if err == nil {
		return nil
	}
	if _, gone := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid)); gone != nil {
		<-over // it has ended, and that is about to be noted
	}
	err = fmt.Errorf("%s: %s: %w: %s", m.Name, strings.Join(command, " "), err, bytes.TrimSpace(out))
	switch {
	case m.process() != pid:
		err = fmt.Errorf("%w; the node itself has ended:\n%s", err, m.log.lastWords())
	case strings.TrimSpace(said) != "":
		err = fmt.Errorf("%w; before that the node said:\n%s", err, said)
	}
	return err
}

// lingering bounds how long the output of a command is waited for that was ended.
const lingering = time.Second

// ending is the end of what a command says.
type ending []byte

// Write implements io.Writer.
func (e *ending) Write(text []byte) (int, error) {
	const most = 8 << 10
	*e = append(*e, text...)
	*e = (*e)[max(0, len(*e)-most):]
	return len(text), nil
}

// output runs a command in namespaces.
func output(ctx context.Context, namespaces string, environment, command []string, out io.Writer) error {
	entered := enter(namespaces, "", command)
	cmd := exec.CommandContext(ctx, entered.Path, entered.Args[1:]...)
	cmd.Env = environment
	// A group of its own: nsenter's child, and what that began, end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.Stdout, cmd.Stderr = out, out
	if ctx.Done() != nil {
		cmd.WaitDelay = lingering
	}
	err := cmd.Run()
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// note has a command be known as one that runs, until it is over.
func (m *machine) note(command string) (over func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doing = append(m.doing, command)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		i := slices.Index(m.doing, command)
		m.doing = slices.Delete(m.doing, i, i+1)
	}
}

// birthFD is what a node's first process complains by, as long as it is not its command.
const birthFD = 3

// Birth is a node's first moment: it enters its files and becomes its command. It
// returns only if that fails.
func Birth(told string) error {
	unix.CloseOnExec(birthFD)
	err := become(told)
	_, _ = os.NewFile(birthFD, "complaints").WriteString(err.Error())
	return err
}

func become(told string) error {
	var b birth
	if err := json.Unmarshal([]byte(told), &b); err != nil {
		return err
	}
	if err := b.Root.Enter(); err != nil {
		return err
	}
	program, err := exec.LookPath(b.Command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(program, b.Command, os.Environ())
}

// fresh are the folders that a node has for itself.
func fresh() []string { return []string{"/run", "/tmp", "/var/tmp", "/var/log", "/var/lib"} }

// rootOf says what a node sees. The programs beside heddle are shown where the image
// has them.
func rootOf(n containerlab.Node, dir, topologyDir, programs string, extra []netns.Shown) netns.Root {
	r := netns.Root{Host: n.Name, Dir: dir, Fresh: fresh()}
	for _, name := range []string{"heddle", "heddle-agent"} {
		r.Shown = append(r.Shown, netns.Shown{Source: filepath.Join(programs, name), Target: "/usr/local/bin/" + name, ReadOnly: true})
	}
	r.Shown = append(r.Shown, extra...)
	for _, b := range n.Binds {
		source := b.Source
		if !filepath.IsAbs(source) {
			source = filepath.Join(topologyDir, source)
		}
		r.Shown = append(r.Shown, netns.Shown{Source: source, Target: b.Target, ReadOnly: b.ReadOnly})
	}
	return r
}
