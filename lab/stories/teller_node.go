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
