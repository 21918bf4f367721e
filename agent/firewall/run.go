package firewall

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"heddle/bgp"
)

// runner runs a program of iptables and gives what it wrote.
type runner func(ctx context.Context, name string, args []string, stdin []byte) (stdout []byte, err error)

func execute(ctx context.Context, name string, args []string, stdin []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(complaint.String()))
	}
	return out.Bytes(), nil
}

// lockWait is how long a program waits for another that holds the lock, in seconds.
const lockWait = "10"

// programs are the tools of one back end.
type programs struct {
	backend string // nft or legacy
	run     runner
	suffix  string // of the programs' names: "-nft", "-legacy", or nothing
}

func (p *programs) name(family bgp.Family, tool string) string {
	base := "iptables"
	if family == bgp.IPv6Unicast {
		base = "ip6tables"
	}
	return base + p.suffix + "-" + tool
}

// save gives the output of iptables-save for one table.
func (p *programs) save(ctx context.Context, family bgp.Family, table Table) ([]byte, error) {
	return p.run(ctx, p.name(family, "save"), []string{"-t", table.String()}, nil)
}

// restore applies the input in one step.
func (p *programs) restore(ctx context.Context, family bgp.Family, input string) error {
	_, err := p.run(ctx, p.name(family, "restore"), []string{"--noflush", "-w", lockWait}, []byte(input))
	if err != nil {
		return fmt.Errorf("%w%s", err, offending(err.Error(), input))
	}
	return nil
}

// offending is the line of the input that a complaint is about.
func offending(complaint, input string) string {
	_, rest, ok := strings.Cut(complaint, "line ")
	if !ok {
		return ""
	}
	n := 0
	if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
		return ""
	}
	lines := strings.Split(input, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return fmt.Sprintf(" (%q)", lines[n-1])
}

// find gives the back ends that are installed, the one to use first.
func find(ctx context.Context, backend string, run runner, look func(string) (string, error)) ([]*programs, error) {
	var installed []*programs
	for _, name := range []string{"nft", "legacy"} {
		if complete(look, "-"+name) {
			installed = append(installed, &programs{backend: name, run: run, suffix: "-" + name})
		}
	}
	if len(installed) == 0 && complete(look, "") {
		version, err := run(ctx, "iptables-restore", []string{"--version"}, nil)
		if err != nil {
			return nil, err
		}
		name := "legacy"
		if strings.Contains(string(version), "nf_tables") {
			name = "nft"
		}
		installed = append(installed, &programs{backend: name, run: run})
	}
	if len(installed) == 0 {
		return nil, fmt.Errorf("iptables-restore and ip6tables-restore are not installed: install the package iptables")
	}
	return prefer(ctx, backend, installed)
}

func complete(look func(string) (string, error), suffix string) bool {
	for _, name := range []string{"iptables" + suffix + "-restore", "iptables" + suffix + "-save", "ip6tables" + suffix + "-restore", "ip6tables" + suffix + "-save"} {
		if _, err := look(name); err != nil {
			return false
		}
	}
	return true
}

// prefer puts the back end first that is asked for, or that the rules of others are in:
// two at once would each judge every packet.
func prefer(ctx context.Context, backend string, installed []*programs) ([]*programs, error) {
	best := -1
	most := -1
	for i, p := range installed {
		switch backend {
		case p.backend:
			best = i
		case "auto":
			if n := p.foreign(ctx); n > most {
				best, most = i, n
			}
		}
	}
	switch {
	case best < 0 && (backend == "nft" || backend == "legacy"):
		return nil, fmt.Errorf("iptables-%s-restore is not installed: install the package iptables", backend)
	case best < 0:
		return nil, fmt.Errorf("--iptables %s: want auto, nft or legacy", backend)
	case best > 0:
		installed[0], installed[best] = installed[best], installed[0]
	}
	return installed, nil
}

// foreign counts the rules of others.
func (p *programs) foreign(ctx context.Context) (count int) {
	for _, f := range bgp.Families {
		out, err := p.run(ctx, p.name(f, "save"), nil, nil)
		if err != nil {
			continue // a back end that the kernel lacks has none
		}
		for l := range strings.Lines(string(out)) {
			if strings.HasPrefix(l, "-A ") && !strings.Contains(l, Prefix) {
				count++
			}
		}
	}
	return count
}
