package runner

import (
	"fmt"
	"net/netip"
	"time"
)

// Status is a lab at a moment.
type Status struct {
	Name     string    `json:"name"`
	Phase    string    `json:"phase"`            // what is being done; empty: all is begun
	Failed   string    `json:"failed,omitempty"` // why it could not be begun
	Nodes    []Node    `json:"nodes"`
	Sessions []Session `json:"sessions"`
	Missing  []string  `json:"missing"` // what keeps the lab from being ready
}

// Node is a machine of a lab.
type Node struct {
	Name    string    `json:"name"`
	Group   string    `json:"group,omitempty"`
	Rack    string    `json:"rack,omitempty"` // its label of that name
	Command []string  `json:"command"`
	Process int       `json:"process,omitempty"` // as the lab's own /proc has it; 0: it does not run
	Since   time.Time `json:"since"`             // it runs, or does not
	Ended   string    `json:"ended,omitempty"`   // how it ended
	Doing   []string  `json:"doing,omitempty"`   // commands of the file that run in it now

	Environment []string `json:"environment"` // of its commands
}

// doing lists the commands of the file that run now, each with its node.
func (s Status) doing() []string {
	var list []string
	for _, n := range s.Nodes {
		for _, command := range n.Doing {
			list = append(list, fmt.Sprintf("%s: this runs still: %s", n.Name, command))
		}
	}
	return list
}

// Session is one that a reflector should have.
type Session struct {
	Reflector string     `json:"reflector"` // the node
	Peer      string     `json:"peer"`
	Role      string     `json:"role"`
	Rack      string     `json:"rack"`
	Address   netip.Addr `json:"address"`
	State     string     `json:"state"` // as RFC 4271 calls it
}

// established is the state of a session that is one.
const established = "Established"
