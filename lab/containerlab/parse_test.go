package containerlab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heddle/lab/containerlab"
)

const small = `name: small
topology:
  defaults:
    kind: linux
    image: heddle/lab
    env: {A: 1, B: two}
    exec: [ip link]
  kinds:
    linux:
      env: {B: three}
      binds: [all:/etc/all]
  nodes:
    h1:
      group: host
      cmd: agent --node
      sysctls: {net.ipv4.ip_forward: 1}
      binds: [own:/etc/all:ro, more:/etc/more]
      entrypoint: "sh -c 'echo a b'"
      exec: ['sh -c "ip addr"']
      labels: {rack: r1}
      healthcheck: {test: [CMD-SHELL, ip route], interval: 5, timeout: 3}
    h2:
  links:
    - endpoints: ["h1:eth1", "h2:eth1"]
`

func TestANodeHasWhatItsDefaultsAndItsKindSay(t *testing.T) {
	lab, err := containerlab.Parse("f", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{h1 host heddle/lab [sh -c echo a b agent --node] [[ip link] [sh -c ip addr]] [{own /etc/all true} {more /etc/more false}] map[A:1 B:three] map[net.ipv4.ip_forward:1] map[rack:r1] [sh -c ip route] 3s}`,
		`{h2  heddle/lab [] [[ip link]] [{all /etc/all false}] map[A:1 B:three] map[] map[] [] 0s}`,
	}
	for i, n := range lab.Nodes {
		if got := fmt.Sprint(n); got != want[i] {
			t.Errorf("node is\n%s\nwant\n%s", got, want[i])
		}
	}
	if got := fmt.Sprint(lab.Name, lab.Links); got != "small[[{h1 eth1} {h2 eth1}]]" {
		t.Errorf("lab is %s", got)
	}
}

func TestWhatIsNotHonouredIsRefusedByNameAndPlace(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"a management network", "name: small", "name: small\nmgmt: {network: x}", `f:2:1: the file: "mgmt" is not for heddle lab`},
		{"another kind", "kind: linux", "kind: nokia_srlinux", `f:4:11: defaults: kind "nokia_srlinux"`},
		{"settings of another kind", "    linux:\n", "    bridge:\n", `f:9:5: kinds: "bridge"`},
		{"groups, which version 0.60 does not have", "  kinds:\n", "  groups: {}\n  kinds:\n", `f:8:3: topology: "groups" is not for heddle lab`},
		{"published ports", "labels: {rack: r1}", "ports: [80:80]", `f:20:7: node h1: "ports" is not for heddle lab`},
		{"a memory limit", "labels: {rack: r1}", "memory: 1Gb", `node h1: "memory"`},
		{"stages", "labels: {rack: r1}", "stages: {create: {}}", `node h1: "stages"`},
		{"a startup delay", "labels: {rack: r1}", "startup-delay: 5", `node h1: "startup-delay"`},
		{"a docker network", "labels: {rack: r1}", "network-mode: host", `f:20:21: node h1: network-mode "host"`},
		{"a restart", "labels: {rack: r1}", "restart-policy: always", `restart-policy "always"`},
		{"a variable", "ip link]", "ip link $X]", `exec: variables`},
		{"a sysctl of the machine", "net.ipv4.ip_forward", "kernel.pid_max", `f:16:17: sysctls: "kernel.pid_max" is the whole machine's`},
		{"an option of a bind", "/etc/all:ro", "/etc/all:Z", `binds: the option "Z"`},
		{"an anonymous volume", "all:/etc/all", "/etc/all", `binds: want SOURCE:TARGET`},
		{"containerlab's folder", "more:/etc/more", "__clabNodeDir__/x:/etc/more", `binds: the source "__clabNodeDir__/x"`},
		{"a relative target", "more:/etc/more", "more:etc/more", `the target "etc/more"`},
		{"a quotation mark alone", `"sh -c 'echo a b'"`, `"sh -c 'echo"`, `entrypoint: a quotation mark`},
		{"a link of the machine", `"h2:eth1"`, `"host:eth1"`, `f:24:30: endpoint "host:eth1": there is no node host`},
		{"a link of three", `"h2:eth1"`, `"h2:eth1", "h2:eth2"`, `endpoints: a link has two`},
		{"a property of a link", "- endpoints", "- mtu: 1400\n      endpoints", `f:24:7: link: "mtu"`},
		{"the long form of links", "- endpoints", "- type: veth\n      endpoints", `link: "type"`},
		{"an end that is taken", `"h2:eth1"`, `"h1:eth1"`, `endpoint h1:eth1 is in use`},
		{"a long name of an interface", `"h2:eth1"`, `"h2:interface-of-many"`, `f:24:30: endpoint "h2:interface-of-many": interface "interface-of-many" has 17 letters: the kernel takes at most 15`},
		{"an interface that every node has", `"h2:eth1"`, `"h2:lo"`, `f:24:30: endpoint "h2:lo": interface "lo": every node has that already`},
		{"an interface with a blank", `"h2:eth1"`, `"h2:eth 1"`, `interface "eth 1": use letters, digits`},
		{"an interface with a slash", `"h2:eth1"`, `"h2:eth/1"`, `interface "eth/1": use letters, digits`},
		{"an interface that is a folder", `"h2:eth1"`, `"h2:.."`, `interface "..": begin with`},
		{"a healthcheck's time that is none", "interval: 5, timeout: 3", "timeout: soon", `healthcheck: timeout: want seconds`},
		{"a field twice", "    h2:\n", "    h1:\n", `f:22:5`},
		{"no kind", "    kind: linux\n", "", `node h1 has no kind`},
		{"a name that is a path", "name: small", "name: a/b", `name "a/b"`},
		{"a name that is the folder above", "name: small", "name: ..", `name "..": begin with`},
		{"no YAML", "topology:", "topology: [", "f:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(small, c.old, c.new, 1)
			if text == small {
				t.Fatal("the text is as it was")
			}
			_, err := containerlab.Parse("f", []byte(text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestEveryFaultIsReported(t *testing.T) {
	_, err := containerlab.Parse("f", []byte("name: a\nmgmt: {}\ntopology:\n  nodes:\n    a: {kind: x}\n"))
	if got := strings.Count(fmt.Sprint(err), "f:"); got != 2 {
		t.Errorf("%d faults: %v", got, err)
	}
}

func TestALabHasNodes(t *testing.T) {
	for _, nodes := range []string{"", "  nodes:\n", "  nodes: {}\n"} {
		_, err := containerlab.Parse("f", []byte("name: a\ntopology:\n  links: []\n"+nodes))
		if err == nil || !strings.Contains(err.Error(), "there are no nodes") {
			t.Errorf("%q: %v", nodes, err)
		}
	}
}

// What the repository ships must be understood, or it is not what the README says.
func TestTheTopologiesOfTheRepositoryAreUnderstood(t *testing.T) {
	files, err := filepath.Glob("../topologies/*/*.clab.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../containerlab.yml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lab, err := containerlab.Parse(file, data)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, n := range lab.Nodes {
			for _, b := range n.Binds {
				if _, err := os.Stat(filepath.Join(filepath.Dir(file), b.Source)); err != nil {
					t.Errorf("node %s: %v", n.Name, err)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = containerlab.Parse("f", data) })
}
