package stories

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"heddle/lab/runner"
)

// Story is one, to be read aloud.
type Story struct {
	Name string
	Tell func(*Teller)
	Long bool // for who has the time: go test tells it when asked to
}

// Teller is what a story is told with. What goes wrong ends the story.
type Teller struct {
	ctx  context.Context
	lab  *runner.Lab
	file string // the topology, beside whose folder the scripts are
	self string // heddle
	out  io.Writer
	held []*Load // not ended yet
	etcd string  // the node whose etcd is told of moves
	note func(Figure)
}

// Stage is where stories are told.
type Stage struct {
	Lab     *runner.Lab
	Program string // heddle
	Folder  string // of the topology's files, such as move.sh
	Out     io.Writer
	Note    func(Figure) // if not nil, is told all that is counted and timed
}

// fault ends a story.
type fault struct{ error }

// Tell tells a story, and gives what went wrong.
func (s Stage) Tell(ctx context.Context, story Story) (err error) {
	t := &Teller{ctx: ctx, etcd: "etcd", lab: s.Lab, file: s.Folder, self: s.Program, out: s.Out}
	t.note = func(f Figure) {
		if f.Story = story.Name; s.Note != nil {
			s.Note(f)
		}
	}
	defer func() {
		for _, l := range t.held {
			_, _ = l.end()
		}
	}()
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case fault:
			err = fmt.Errorf("%s: %w", story.Name, cause.error)
			t.mend()
		default:
			panic(cause)
		}
	}()
	story.Tell(t)
	return nil
}

// mend starts what a story that went wrong left dead: the next one has the right to a
// whole lab.
func (t *Teller) mend() {
	s, err := t.lab.Status(t.ctx, false)
	if err != nil {
		return
	}
	for _, n := range s.Nodes {
		if n.Process == 0 {
			_ = t.lab.Start(t.ctx, n.Name) // what is still missing, the next one says
		}
	}
}

// must ends the story if there is an error.
func (t *Teller) must(err error) {
	if err != nil {
		panic(fault{err})
	}
}

// Fail ends the story.
func (t *Teller) Fail(format string, args ...any) { t.must(fmt.Errorf(format, args...)) }

// Say tells a line of figures.
func (t *Teller) Say(format string, args ...any) { fmt.Fprintf(t.out, "    "+format+"\n", args...) }

// patience bounds every wait. It is long, since the machine may be slow; nothing ever
// waits for its end but a story that goes wrong.
const patience = 90 * time.Second

// Until waits for a condition, which says what is missing.
func (t *Teller) Until(what string, missing func() string) {
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		text := missing()
		if text == "" {
			return
		}
		t.must(t.ctx.Err())
		if time.Now().After(end) {
			t.Fail("gave up after %s waiting for %s: %s", patience, what, text)
		}
	}
}

// Nodes gives the names of the nodes whose names begin so, in the order of the file.
func (t *Teller) Nodes(prefix string) []string {
	s, err := t.lab.Status(t.ctx, false)
	t.must(err)
	var names []string
	for _, n := range s.Nodes {
		if strings.HasPrefix(n.Name, prefix) {
			names = append(names, n.Name)
		}
	}
	return names
}

// Kill ends all processes of nodes at once.
func (t *Teller) Kill(nodes ...string) {
	for _, n := range nodes {
		t.must(t.lab.Kill(t.ctx, n))
	}
}

// Start starts nodes again.
func (t *Teller) Start(nodes ...string) {
	for _, n := range nodes {
		t.must(t.lab.Start(t.ctx, n))
	}
}

// Ready waits until nothing is missing in the lab.
func (t *Teller) Ready() {
	ctx, cancel := context.WithTimeoutCause(t.ctx, patience, errors.New("the story gave up waiting"))
	defer cancel()
	t.must(t.lab.Ready(ctx, func(runner.Status) {}))
}

// Run runs a command in a node, and gives what it says.
func (t *Teller) Run(node string, command ...string) string {
	out, err := t.lab.Output(t.ctx, node, command...)
	t.must(err)
	return out
}

// Move moves roamer from a host to another, as lab/topologies/default/move.sh says:
// planned, or abrupt.
func (t *Teller) Move(from, to, how string) {
	ctx, cancel := context.WithTimeoutCause(t.ctx, patience, errors.New("the story gave up waiting"))
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", t.file+"/move.sh", from, to, how)
	cmd.Env = append(os.Environ(), "HEDDLE_LAB="+t.self+" lab --name "+t.lab.Name(), "HEDDLE_ETCD="+t.etcd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fail("move roamer from %s to %s, %s: %w: %s", from, to, how, err, strings.TrimSpace(string(out)))
	}
}
