package firewall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"heddle/bgp"
)

// Runner runs a program with an input and gives its output; the error has what the
// program complained of, and its *exec.ExitError.
type Runner func(ctx context.Context, name string, args []string, stdin []byte) (stdout []byte, err error)

// run runs in the namespace of the calling thread.
func run(ctx context.Context, name string, args []string, stdin []byte) ([]byte, error) {
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.Bytes(), nil
}

// iptables is a back end that is programs.
type iptables struct {
	kind   string // nft or legacy
	middle string // of the programs' names: "-nft", "-legacy", or "" where there is one kind only
	run    Runner
	socket *socket
}

func (k *iptables) name() string { return k.kind }

func (k *iptables) program(family bgp.Family, what string) string {
	if family == bgp.IPv6Unicast {
		return "ip6tables" + k.middle + what
	}
	return "iptables" + k.middle + what
}

func (k *iptables) save(ctx context.Context, family bgp.Family, table Table) ([]byte, error) {
	program := k.program(family, "-save")
	var args []string
	if table != TableInvalid {
		args = []string{"-t", table.String()}
	}
	out, err := k.run(ctx, find(program), args, nil)
	if err != nil {
		return nil, fmt.Errorf("%s, table %s: %w", program, table, err)
	}
	return out, nil
}

func (k *iptables) restore(ctx context.Context, family bgp.Family, input string) error {
	program := k.program(family, "-restore")
	_, err := k.run(ctx, find(program), []string{"--noflush", "-w", "5"}, []byte(input))
	if err == nil {
		return nil
	}
	table, _, _ := strings.Cut(strings.TrimPrefix(input, "*"), "\n")
	return fmt.Errorf("%s, table %s: %w%s", program, table, err, offender(err.Error(), input))
}

var lineNumber = regexp.MustCompile(`line:? (\d+)`)

// offender is the line of the input that the program complained of.
func offender(complaint, input string) string {
	found := lineNumber.FindStringSubmatch(complaint)
	if found == nil {
		return ""
	}
	at, err := strconv.Atoi(found[1])
	rows := strings.Split(input, "\n")
	if err != nil || at < 1 || at > len(rows) {
		return ""
	}
	return fmt.Sprintf(" (line %d is %q)", at, rows[at-1])
}

func (k *iptables) generation() (uint32, bool, error) {
	if k.kind != "nft" {
		return 0, false, nil
	}
	n, err := k.socket.generation()
	return n, err == nil, err
}

// contended says that another writer came between (RESOURCE_PROBLEM of xtables.h).
func contended(err error) bool {
	var exit *exec.ExitError
	// Who waited for the lock in vain has waited long enough.
	return errors.As(err, &exit) && exit.ExitCode() == 4 && !strings.Contains(err.Error(), "xtables lock")
}
