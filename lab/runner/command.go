package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"heddle/lab/probe"
)

// Command is a command in a node, ready to be run.
func (l *Lab) Command(ctx context.Context, node string, command ...string) (*exec.Cmd, error) {
	s, err := l.Status(ctx, false)
	if err != nil {
		return nil, err
	}
	for _, n := range s.Nodes {
		if n.Name != node {
			continue
		}
		if n.Process == 0 && n.Ended == "" {
			return nil, fmt.Errorf("%s has not begun yet: the lab is %s", node, s.Phase)
		}
		if n.Process == 0 {
			return nil, fmt.Errorf("%s does not run (%s): %s", node, n.Ended, Hint(l.record.Name, "start", node))
		}
		user := ""
		if l.record.Rootless {
			user = fmt.Sprintf("/proc/%d/ns/user", l.record.Process)
		}
		cmd := enter(fmt.Sprintf("/proc/%d/root/proc/%d/ns", l.record.Process, n.Process), user, command)
		cmd.Env = append(n.Environment, "TERM="+os.Getenv("TERM"))
		return cmd, nil
	}
	return nil, noNode(node, len(s.Nodes))
}

// Output runs a command in a node, and gives what it wrote to stdout. The error has
// what it wrote to stderr.
func (l *Lab) Output(ctx context.Context, node string, command ...string) (string, error) {
	cmd, err := l.Command(ctx, node, command...)
	if err != nil {
		return "", err
	}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %s: %w: %s", node, strings.Join(command, " "), err, strings.TrimSpace(complaint.String()))
	}
	return string(out), err
}

// Here runs a command on this machine, with our own input and output.
func Here(ctx context.Context, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return nil
}

// During counts packets while something is done. It is begun when packets arrive.
func (l *Lab) During(ctx context.Context, o ProbeOrder, do func() error) (probe.Report, error) {
	id, err := l.Probe(ctx, o)
	if err != nil {
		return probe.Report{}, err
	}
	failed := do()
	report, err := l.EndProbe(ctx, id)
	return report, errors.Join(failed, err)
}
