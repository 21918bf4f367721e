package containerlab

import "time"

// Topology is a whole lab.
type Topology struct {
	Name  string
	Nodes []Node // in the order of the file
	Links []Link
}

// Node is a machine of the lab.
type Node struct {
	Name    string
	Group   string
	Image   string
	Command []string          // entrypoint and cmd; empty: what the image does, which is to wait
	Exec    [][]string        // commands to run once the node is up and cabled
	Binds   []Bind            // in the order of their first mention
	Env     map[string]string // of the command and of Exec
	Sysctls map[string]string
	Labels  map[string]string
	Health  []string // command that succeeds when the node is well; empty: none

	HealthMost time.Duration // how long Health may take
}

// Bind shows a file or a folder of the machine in a node.
type Bind struct {
	Source   string // as written: relative to the topology file, or absolute
	Target   string // absolute, in the node
	ReadOnly bool
}

// Link is a cable between two nodes.
type Link [2]Endpoint

// Endpoint is an end of a cable.
type Endpoint struct{ Node, Port string }

// Node finds a node by its name.
func (t *Topology) Node(name string) (Node, bool) {
	for _, n := range t.Nodes {
		if n.Name == name {
			return n, true
		}
	}
	return Node{}, false
}
