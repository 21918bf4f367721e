package runner

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"heddle/lab/containerlab"
)

// packages are the Debian packages of programs that the topologies of this repository
// run.
func packages() map[string]string {
	return map[string]string{
		"etcd": "etcd-server", "etcdctl": "etcd-client", "bird": "bird2", "birdc": "bird2",
		"vtysh": "frr", "/usr/lib/frr/zebra": "frr", "ip": "iproute2", "iptables": "iptables", "ipset": "ipset",
		"ping": "iputils-ping", "traceroute": "traceroute", "tcpdump": "tcpdump", "nsenter": "util-linux", "setpriv": "util-linux",
	}
}

// missing says what the machine lacks for a topology: programs that its commands or its
// scripts name, with the package that has each, and files that it shows.
func missing(t *containerlab.Topology, dir, programs string) error {
	var errs []error
	for _, name := range []string{"heddle", "heddle-agent"} {
		if _, err := os.Stat(filepath.Join(programs, name)); err != nil {
			errs = append(errs, fmt.Errorf("there is no %s in %s: make build", name, programs))
		}
	}
	text := named(t, dir, &errs)
	var lacking []string
	for program, pack := range packages() {
		if _, err := exec.LookPath(program); err != nil && (slices.Contains([]string{"nsenter", "setpriv"}, program) || text[program]) {
			lacking = append(lacking, pack)
			errs = append(errs, fmt.Errorf("there is no %s", program))
		}
	}
	if len(lacking) > 0 {
		slices.Sort(lacking)
		errs = append(errs, fmt.Errorf("install what is missing: apt-get install %s", strings.Join(slices.Compact(lacking), " ")))
	}
	return errors.Join(errs...)
}

// named are the words of all commands, and of the scripts that are shown.
func named(t *containerlab.Topology, dir string, errs *[]error) map[string]bool {
	words := map[string]bool{}
	add := func(text string) {
		for _, w := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n;|&()\"'", r) }) {
			words[w] = true
			if strings.HasPrefix(w, "/usr/lib/frr/") {
				words["/usr/lib/frr/zebra"] = true
			}
		}
	}
	for _, n := range t.Nodes {
		for _, command := range append(slices.Clone(n.Exec), n.Command, n.Health) {
			add(strings.Join(command, " "))
		}
		if words["heddle-agent"] {
			words["iptables"] = true
		}
		for _, b := range n.Binds {
			source := b.Source
			if !filepath.IsAbs(source) {
				source = filepath.Join(dir, source)
			}
			data, err := os.ReadFile(source)
			if errors.Is(err, os.ErrNotExist) {
				*errs = append(*errs, fmt.Errorf("node %s shows %s, which is not there", n.Name, source))
			}
			if strings.HasPrefix(string(data), "#!") {
				add(string(data))
			}
		}
	}
	return words
}
