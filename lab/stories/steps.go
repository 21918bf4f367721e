package stories

import (
	"slices"
	"strings"
	"time"
)

// Stop ends nodes as an operator would, and waits until they have.
func (t *Teller) Stop(nodes ...string) {
	for _, n := range nodes {
		t.must(t.lab.Stop(t.ctx, n))
	}
}

// Cut takes the power from nodes.
func (t *Teller) Cut(nodes ...string) {
	for _, n := range nodes {
		t.must(t.lab.Cut(t.ctx, n))
	}
}

// Whole waits until nothing is missing but nodes that are away.
func (t *Teller) Whole(away ...string) {
	t.Until("all others to be whole", func() string {
		s, err := t.lab.Status(t.ctx, false)
		t.must(err)
		i := slices.IndexFunc(s.Missing, func(m string) bool {
			return !slices.ContainsFunc(away, func(n string) bool { return strings.HasPrefix(m, n+" ") })
		})
		if i < 0 {
			return ""
		}
		return s.Missing[i]
	})
}

// store is where etcd answers in its node.
const store = "http://127.0.0.1:2379"

// Apply writes objects to the inventory.
func (t *Teller) Apply(yaml string) {
	t.Run(t.Nodes("etcd")[0], "sh", "-c", `printf '%s' "$1" | heddle apply --etcd `+store+" -f -", "sh", yaml)
}

// Delete deletes an object, as one does who means it.
func (t *Teller) Delete(kind, name string) {
	t.Run(t.Nodes("etcd")[0], "heddle", "delete", kind, name, "--etcd", store)
}

// inventory is all objects, as YAML.
func (t *Teller) inventory() string {
	return t.Run(t.Nodes("etcd")[0], "heddle", "get", "--etcd", store)
}

// UntilSays waits until a command in a node says a word, or, with without, no more.
func (t *Teller) UntilSays(node, word string, with bool, command ...string) {
	t.Until(node+" to say "+word, func() string {
		out := t.Run(node, command...)
		if strings.Contains(out, word) == with {
			return ""
		}
		return strings.Join(command, " ") + ":\n" + out
	})
}

// agents are the nodes with an agent, reflectors those with a reflector.
func (t *Teller) agents() []string     { return t.named("heddle-agent") }
func (t *Teller) reflectors() []string { return t.named("heddle reflector") }

func (t *Teller) named(command string) []string {
	s, err := t.lab.Status(t.ctx, false)
	t.must(err)
	var names []string
	for _, n := range s.Nodes {
		if strings.HasPrefix(strings.Join(n.Command, " "), command) {
			names = append(names, n.Name)
		}
	}
	return names
}

// Refused ends streams none of whose packets may have arrived.
func (l *Load) Refused(what string) {
	l.aim = "all lost"
	for _, r := range l.End(what) {
		if r.Arrived > 0 {
			l.t.Fail("nothing allows it: %s, %d arrived", r, r.Arrived)
		}
	}
}

// Opened ends streams that were refused at first, and of which then every packet must
// have been answered.
func (l *Load) Opened(what string) {
	l.aim = "closed, then open"
	for _, r := range l.End(what) {
		if r.Before == 0 || r.Before == r.Sent || r.Lost() > r.Before {
			l.t.Fail("it did not open once and for all: %s, %d before the first answer", r, r.Before)
		}
	}
}

// Arrives waits until all streams are answered, and says how long ago a moment was then.
func (l *Load) Arrives(since time.Time) time.Duration {
	before := l.now()
	l.t.Until("answers", func() string {
		for i, r := range l.now() {
			if r.Answered <= before[i].Answered {
				return r.String()
			}
		}
		return ""
	})
	return time.Since(since)
}
