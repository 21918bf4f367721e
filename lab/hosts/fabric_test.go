package hosts

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"heddle/lab/netns"
)

// patience bounds every wait. It is long, since the machine may be slow; nothing ever
// waits for its end but a test that fails.
const patience = 2 * time.Minute

// fabric is two hosts, a reflector and an outside on one link.
type fabric struct {
	t     testing.TB // of the step under way
	lab   *netns.Lab
	dir   string
	nodes map[string]*node
	made  []*node
}

// node is a namespace with what runs in it.
type node struct {
	f     *fabric
	name  string
	dir   string
	space *netns.Space
	agent *exec.Cmd     // of a host
	ended chan struct{} // when that is over
}

// workload is a namespace behind a port of a host.
type workload struct {
	host, port string
	mac        string
	four, six  string
}

var workloads = map[string]workload{
	"w1": {"h1", "tap1", "02:00:0a:01:00:01", "10.1.0.1", "fd00:1::1"},
	"w2": {"h1", "tap2", "02:00:0a:01:00:02", "10.1.0.2", "fd00:1::2"},
	"w3": {"h2", "tap3", "02:00:0a:02:00:03", "10.2.0.3", "fd00:2::3"},
	"w4": {"h2", "tap4", "02:00:0a:02:00:04", "10.2.0.4", "fd00:2::4"},
}

// newFabric starts everything but the agents.
func newFabric(t testing.TB, name string) *fabric {
	t.Helper()
	f := newLink(t, name)
	for node, addresses := range map[string]string{
		"rr": "192.0.2.251/24 2001:db8::251/64", "h1": "192.0.2.11/24 2001:db8::11/64",
		"h2": "192.0.2.12/24 2001:db8::12/64", "outside": "192.0.2.100/24 2001:db8::100/64",
	} {
		f.space(node)
		f.cable(node, "", addresses, "lan", "")
	}
	for name, w := range workloads {
		f.space(name)
		f.workload(name, w)
	}
	outside := f.nodes["outside"]
	for _, route := range []string{"10.1.0.0/16 via 192.0.2.11", "10.0.0.0/8 via 192.0.2.12", "fd00:1::/64 via 2001:db8::11", "fd00::/16 via 2001:db8::12"} {
		outside.must("ip", append([]string{"route", "add"}, strings.Fields(route)...)...)
	}
	f.nodes["h2"].must("ip", "addr", "add", "10.9.0.53/32", "dev", "lo")
	f.nodes["h2"].must("ip", "addr", "add", "fd00:9::53/128", "dev", "lo")
	f.reflector()
	return f
}

// newLink is a fabric that has only the link yet.
func newLink(t testing.TB, name string) *fabric {
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
	f.must(os.RemoveAll(f.dir)) // of the same test, where it is run again
	f.must(os.Mkdir(f.dir, 0o755))
	lan, err := lab.Switch("lan")
	f.must(err)
	f.add("lan", lan)
	return f
}

func (f *fabric) add(name string, space *netns.Space) *node {
	n := &node{f: f, name: name, space: space, dir: filepath.Join(f.dir, name)}
	f.must(os.Mkdir(n.dir, 0o755))
	f.nodes[name] = n
	f.made = append(f.made, n)
	return n
}

func (f *fabric) space(name string) *node {
	f.t.Helper()
	space, err := f.lab.Space(name)
	f.must(err)
	return f.add(name, space)
}

func (f *fabric) cable(a, port, addresses, b, portOfB string) {
	f.t.Helper()
	end := netns.End{Space: f.nodes[a].space, Port: port}
	for _, text := range strings.Fields(addresses) {
		end.Addresses = append(end.Addresses, netip.MustParsePrefix(text))
	}
	f.must(f.lab.Connect(end, netns.End{Space: f.nodes[b].space, Port: portOfB}))
}

// workload plugs one in and configures it as a container or a VM is: the gateways are
// the same whatever its address.
func (f *fabric) workload(name string, w workload) {
	f.t.Helper()
	f.cable(name, "", "", w.host, w.port)
	n := f.nodes[name]
	n.must("ip", "link", "set", "eth0", "address", w.mac)
	n.must("ip", "addr", "add", w.four+"/32", "dev", "eth0")
	n.must("ip", "addr", "add", w.six+"/128", "dev", "eth0", "nodad")
	n.must("ip", "route", "add", "169.254.1.1", "dev", "eth0", "scope", "link")
	n.must("ip", "route", "add", "default", "via", "169.254.1.1")
	n.must("ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")
}

// reflector starts heddle with an etcd that the agents use, too.
func (f *fabric) reflector() {
	f.t.Helper()
	rr := f.nodes["rr"]
	f.startReflector()
	f.until("the reflector to answer", func() string { return rr.failure(reflector, "show", "problems") })
	// Its etcd may not have begun to serve.
	f.until("the inventory to be taken", func() string { return rr.failure(reflector, "apply", "-f", "testdata/fabric.yaml") })
}

func (f *fabric) startReflector() *exec.Cmd {
	rr := f.nodes["rr"]
	return rr.launch(reflector, "reflector", "--name", "rr", "--router-id", "192.0.2.251",
		"--data-dir", filepath.Join(rr.dir, "etcd"), "--etcd-listen", "http://192.0.2.251:2379,http://127.0.0.1:2379")
}

// agents runs both, and waits until they are in sync: the reflector, which has just
// started, lets neither believe that it knows all before it has heard the other.
func (f *fabric) agents(flags ...string) {
	f.t.Helper()
	for _, name := range []string{"h1", "h2"} {
		f.nodes[name].run(flags...)
	}
	for _, name := range []string{"h1", "h2"} {
		f.nodes[name].synced()
	}
}

// start runs a host's agent and waits until it is in sync.
func (n *node) start(flags ...string) {
	n.f.t.Helper()
	n.run(flags...)
	n.synced()
}

func (n *node) run(flags ...string) {
	n.f.t.Helper()
	args := append([]string{"--node", n.name, "--etcd", "http://192.0.2.251:2379", "--workload-interfaces", "tap+", "--data-dir", filepath.Join(n.dir, "data")}, flags...)
	n.agent = n.launch(agent, args...)
	n.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(n.agent, n.ended)
}

// stop ends the agent by a signal and waits until it is over.
func (n *node) stop(signal syscall.Signal) {
	n.f.t.Helper()
	n.f.must(n.agent.Process.Signal(signal))
	<-n.ended
}

func (n *node) synced() {
	n.f.t.Helper()
	n.f.until(n.name+"'s agent to be in sync", func() string {
		return n.lacks("heddle_agent_synced 1")
	})
}

// lacks says that the agent's metrics have no such line.
func (n *node) lacks(line string) string {
	out, err := n.metrics()
	if err != nil {
		return err.Error()
	}
	if !strings.Contains("\n"+out, "\n"+line+"\n") {
		return "no " + line
	}
	return ""
}

func (n *node) metrics() (string, error) { return n.get("127.0.0.1:8180", "/metrics") }

// launch runs a program until the lab is closed; what it says is in the node's log.
func (n *node) launch(program string, args ...string) *exec.Cmd {
	n.f.t.Helper()
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	n.f.must(err)
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, n.dir
	n.f.must(n.space.Start(cmd))
	return cmd
}

func (n *node) output(program string, args ...string) (string, error) {
	out, err := n.space.Output(exec.Command(program, args...))
	return string(out), err
}

func (n *node) must(program string, args ...string) string {
	n.f.t.Helper()
	out, err := n.output(program, args...)
	if err != nil {
		n.f.t.Fatalf("%s: %v", n.name, err)
	}
	return out
}

func (n *node) failure(program string, args ...string) string {
	if _, err := n.output(program, args...); err != nil {
		return err.Error()
	}
	return ""
}

// apply changes the inventory.
func (f *fabric) apply(objects string) {
	f.t.Helper()
	rr := f.nodes["rr"]
	path := filepath.Join(rr.dir, "change.yaml")
	f.must(os.WriteFile(path, []byte(objects), 0o644))
	f.until("the change to be taken", func() string { return rr.failure(reflector, "apply", "-f", path) })
}

func (f *fabric) delete(kind, name string) {
	f.t.Helper()
	f.nodes["rr"].must(reflector, "delete", kind, name)
}

func (f *fabric) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// until waits for a condition, which says what is missing.
func (f *fabric) until(what string, missing func() string) {
	f.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
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
func (f *fabric) logs(t testing.TB) {
	if !t.Failed() {
		return
	}
	for _, n := range f.made {
		content, err := os.ReadFile(filepath.Join(n.dir, "log"))
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(content)), "\n")
		t.Logf("%s:\n%s", n.name, strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
}

// whole waits until both hosts are as they should be, and each knows the workloads of
// the other.
func (f *fabric) whole() {
	f.t.Helper()
	for host, others := range map[string][]string{"h1": {"10.2.0.3", "10.2.0.4", "fd00:2::3", "fd00:2::4", "10.9.0.53"}, "h2": {"10.1.0.1", "10.1.0.2", "fd00:1::1", "fd00:1::2"}} {
		n := f.nodes[host]
		for _, address := range others {
			family := "-4"
			if strings.Contains(address, ":") {
				family = "-6"
			}
			f.until(host+" to know "+address, func() string {
				out, err := n.output("ip", family, "route", "show", address, "proto", "72")
				if err != nil || out == "" {
					return fmt.Sprint("no route: ", err)
				}
				return ""
			})
		}
	}
	for host, members := range map[string][]string{
		"h1": {"add heddle-4-web 10.2.0.3", "add heddle-6-lb fd00:2::4"},
		"h2": {"add heddle-4-web 10.1.0.1", "add heddle-6-db fd00:1::2"},
	} {
		f.until("the sets of "+host+" to be full", func() string {
			out, err := f.nodes[host].output("ipset", "save")
			for _, member := range members {
				if err != nil || !strings.Contains(out, member+"\n") {
					return fmt.Sprintf("no %q in\n%s%v", member, out, err)
				}
			}
			return ""
		})
	}
}
