package racks

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heddle/lab/netns"
)

// patience bounds every wait. It is long, since the machine may be slow; nothing
// ever waits for its end but a test that fails.
const patience = 2 * time.Minute

// fabric is two racks, a spine, a border router and a host outside.
type fabric struct {
	t     *testing.T // of the step under way
	lab   *netns.Lab
	dir   string
	nodes map[string]*node
	made  []*node // in order of making
}

// node is a namespace with what runs in it.
type node struct {
	f     *fabric
	name  string
	dir   string
	space *netns.Space
	moved *watch // of routes to the workload
}

// makers are the kinds of router a fabric may have in the places that differ.
type makers struct{ tor2, border string }

// newFabric starts everything, and waits for nothing.
func newFabric(t *testing.T, name string, m makers) *fabric {
	t.Helper()
	f := bareFabric(t, name)
	f.cables()
	f.watchRoutes()
	f.reflector()
	f.frr("tor1", tor1)
	f.frr("spine", config("spine.frr.conf"))
	f.router("tor2", m.tor2)
	f.router("border", m.border)
	for _, name := range []string{"host11", "host12", "host21", "host22"} {
		h := f.host(name)
		if name == "host22" { // it has a workload that stays
			h.runs[netip.MustParseAddr("10.2.0.7")] = route{"blackhole", normal}
			h.runs[netip.MustParseAddr("fd00:2::7")] = route{"blackhole", normal}
		}
		h.start()
	}
	return f
}

// bareFabric has nothing yet.
func bareFabric(t *testing.T, name string) *fabric {
	t.Helper()
	lab, err := netns.New(name)
	if err != nil {
		t.Fatal(err)
	}
	f := &fabric{t: t, lab: lab, dir: filepath.Join(work, name), nodes: map[string]*node{}}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
		f.logs(t)
	})
	f.must(os.Mkdir(f.dir, 0o755))
	return f
}

// cables lays the fabric out. The first address of a ToR's link to the spine and of
// the border router's is the spine's.
func (f *fabric) cables() {
	for _, s := range []string{"lan1", "lan2"} {
		sw, err := f.lab.Switch(s)
		f.must(err)
		f.add(s, sw)
	}
	for _, s := range []string{"tor1", "tor2", "spine", "border", "outside", "rr", "host11", "host12", "host21", "host22", "workload"} {
		space, err := f.lab.Space(s)
		f.must(err)
		f.forwards(f.add(s, space))
	}
	for _, r := range []string{"1", "2"} {
		f.cable("lan"+r, "", "tor"+r, "172.16."+r+".1/24 2001:db8:"+r+"::1/64")
		for _, h := range []string{"1", "2"} {
			n := r + h
			f.cable("lan"+r, "", "host"+n, "172.16."+r+"."+n+"/24 2001:db8:"+r+"::"+n+"/64")
		}
		f.cable("spine", "172.16.10"+r+".0/31 2001:db8:10"+r+"::1/64", "tor"+r, "172.16.10"+r+".1/31 2001:db8:10"+r+"::2/64")
	}
	f.cable("spine", "172.16.103.0/31 2001:db8:103::1/64", "border", "172.16.103.1/31 2001:db8:103::2/64")
	f.cable("spine", "172.16.0.1/24", "rr", "172.16.0.250/24")
	f.cable("border", "203.0.113.1/24 2001:db8:ffff::1/64", "outside", "203.0.113.10/24 2001:db8:ffff::10/64")
	// Whichever host the workload is on, it is its eth0's or eth1's other end.
	f.cable("host11", "", "workload", "10.1.0.5/32 fd00:1::5/128")
	f.cable("host21", "", "workload", "10.1.0.5/32 fd00:1::5/128")
	f.route("rr", "172.16.0.0/16", "via", "172.16.0.1")
	f.route("outside", "default", "via", "203.0.113.1")
	f.route("outside", "default", "via", "2001:db8:ffff::1")
	f.route("workload", "default", "dev", "eth0")
}

func (f *fabric) add(name string, space *netns.Space) *node {
	n := &node{f: f, name: name, space: space, dir: filepath.Join(f.dir, name)}
	f.must(os.Mkdir(n.dir, 0o755))
	f.nodes[name] = n
	f.made = append(f.made, n)
	return n
}

// forwards makes a namespace a router that tells nobody of shorter ways.
func (f *fabric) forwards(n *node) {
	f.must(n.space.Do(func() error {
		for name, value := range map[string]string{
			"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1",
			"ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0",
			"ipv4/conf/all/send_redirects": "0", "ipv4/conf/default/send_redirects": "0",
		} {
			if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o600); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (f *fabric) cable(a, addressesOfA, b, addressesOfB string) {
	f.t.Helper()
	end := func(name, addresses string) netns.End {
		e := netns.End{Space: f.nodes[name].space}
		for _, text := range strings.Fields(addresses) {
			e.Addresses = append(e.Addresses, netip.MustParsePrefix(text))
		}
		return e
	}
	f.must(f.lab.Connect(end(a, addressesOfA), end(b, addressesOfB)))
}

func (f *fabric) route(node string, words ...string) {
	f.t.Helper()
	family := "-4"
	if strings.Contains(strings.Join(words, " "), "::") {
		family = "-6"
	}
	f.nodes[node].must("ip", append([]string{family, "route", "add"}, words...)...)
}

// reflector starts heddle with an etcd of its own, and applies the fabric.
func (f *fabric) reflector() {
	f.t.Helper()
	rr := f.nodes["rr"]
	rr.launch(heddle, "reflector", "--name", "rr1", "--router-id", "172.16.0.250", "--data-dir", filepath.Join(rr.dir, "etcd"))
	f.until("the reflector to answer", func() string { return rr.failure(heddle, "show", "problems") })
	rr.must(heddle, "apply", "-f", "testdata/fabric.yaml")
}

// runsOn says in the inventory on which hosts the workload is, and in which state.
func (f *fabric) runsOn(states map[string]string) {
	f.t.Helper()
	var text strings.Builder
	for host, state := range states {
		fmt.Fprintf(&text, "---\nkind: workload\nnode: %s\nname: w\naddresses: [%s, \"%s\"]\nstate: %s\n", host, w4, w6, state)
	}
	rr := f.nodes["rr"]
	rr.must(heddle, "apply", "-f", rr.file("workload.yaml", text.String()))
	for _, host := range []string{"host11", "host21"} {
		if _, ok := states[host]; !ok {
			_, _ = rr.output(heddle, "delete", "workload", host+"/w")
		}
	}
}

// show is the answer of `heddle show`.
func show[T any](f *fabric, list string) ([]T, error) {
	out, err := f.nodes["rr"].output(heddle, "show", list, "-o", "json")
	if err != nil {
		return nil, err
	}
	var values []T
	return values, json.Unmarshal([]byte(out), &values)
}

func (f *fabric) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// step is a part of a story: it goes on only if the part before went well.
func (f *fabric) step(name string, part func()) {
	f.t.Helper()
	whole := f.t
	defer func() { f.t = whole }()
	if !whole.Run(name, func(t *testing.T) { f.t = t; part() }) {
		f.t = whole
		whole.FailNow()
	}
}

// until waits for a condition, which says what is missing.
func (f *fabric) until(what string, missing func() string) {
	f.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(30 * time.Millisecond) {
		text := missing()
		if text == "" {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("gave up after %s: %s\n%s", patience, what, text)
		}
	}
}

// logs shows how the logs of all nodes end, if the test failed.
func (f *fabric) logs(t *testing.T) {
	if !t.Failed() {
		return
	}
	for _, n := range f.made {
		content, err := os.ReadFile(filepath.Join(n.dir, "log"))
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(content)), "\n")
		t.Logf("the end of %s's log:\n%s", n.name, strings.Join(lines[max(0, len(lines)-25):], "\n"))
	}
}

func (n *node) file(name, content string) string {
	path := filepath.Join(n.dir, name)
	n.f.must(os.WriteFile(path, []byte(content), 0o600))
	return path
}

// launch runs a program until the fabric ends.
func (n *node) launch(name string, args ...string) {
	n.f.t.Helper()
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	n.f.must(err)
	defer log.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	n.f.must(n.space.Start(cmd))
	go func() { _ = cmd.Wait() }()
}

func (n *node) output(name string, args ...string) (string, error) {
	out, err := n.space.Output(exec.Command(name, args...))
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return string(out), nil
}

func (n *node) must(name string, args ...string) string {
	n.f.t.Helper()
	out, err := n.output(name, args...)
	if err != nil {
		n.f.t.Fatalf("%s: %v", n.name, err)
	}
	return out
}

// failure is what a command complains of.
func (n *node) failure(name string, args ...string) string {
	if _, err := n.output(name, args...); err != nil {
		return err.Error()
	}
	return ""
}
