package stories

import "heddle/lab/runner"

// Stop asks the first process of a node to end, as systemctl stop does, and waits until
// it has.
func (t *Teller) Stop(node string) {
	// That of the node which asks ends with the node's first.
	_, _ = t.lab.Output(t.ctx, node, "kill", "-TERM", "1")
	t.Until(node+" to end", func() string {
		if t.node(node).Process != 0 {
			return "it runs"
		}
		return ""
	})
}

// PowerOff ends a node as a loss of power does: its cables are dead, and then it is.
func (t *Teller) PowerOff(node string) {
	t.cables(node, "down")
	t.Kill(node)
}

// PowerOn starts it again. Its addresses are there still, if its sysctls keep them.
func (t *Teller) PowerOn(node string) {
	t.Start(node)
	t.cables(node, "up")
}

func (t *Teller) cables(node, way string) {
	t.Run(node, "sh", "-c", "ip -o link show type veth | cut -d: -f2 | cut -d@ -f1 | while read port; do ip link set $port "+way+"; done")
}

// node gives what the lab knows of one.
func (t *Teller) node(name string) runner.Node {
	s, err := t.lab.Status(t.ctx, false)
	t.must(err)
	for _, n := range s.Nodes {
		if n.Name == name {
			return n
		}
	}
	t.Fail("there is no node %s", name)
	return runner.Node{}
}
