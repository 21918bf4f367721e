package containerlab

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// whole reads a file.
func (r *reading) whole(body ast.Node) *Topology {
	t := &Topology{}
	if body == nil {
		r.faults = append(r.faults, Fault{r.file, 1, 1, "the file is empty: want name and topology"})
		return t
	}
	found := false
	r.read(body, "the file", readers{
		"name": func(name string, n ast.Node) {
			t.Name = r.text(name, n)
			r.named("name", n, t.Name)
		},
		"topology": func(_ string, n ast.Node) { found = true; r.topology(n, t) },
	})
	if t.Name == "" {
		r.fault(body, "the lab has no name")
	}
	if !found {
		r.fault(body, "there is no topology")
	}
	return t
}

// CheckName holds a name to what can be a part of a file name and of a host name.
func CheckName(name string) error {
	for _, c := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", c) {
			return fmt.Errorf("%q: use letters, digits, hyphens, dots and underscores", name)
		}
	}
	if name == "" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
		return fmt.Errorf("%q: begin with a letter or a digit", name)
	}
	return nil
}

func (r *reading) named(what string, n ast.Node, name string) {
	if err := CheckName(name); err != nil {
		r.fault(n, "%s %v", what, err)
	}
}

// topology reads the layers first, in whatever order they stand.
func (r *reading) topology(n ast.Node, t *Topology) {
	var defaults layer
	var kind layer
	var nodes, links ast.Node
	r.read(n, "topology", readers{
		"defaults": func(what string, n ast.Node) { defaults = r.layer(what, n) },
		"kinds": func(what string, n ast.Node) {
			r.read(n, what, readers{linux: func(name string, n ast.Node) { kind = r.layer("kind "+name, n) }})
		},
		"nodes": func(_ string, n ast.Node) { nodes = n },
		"links": func(_ string, n ast.Node) { links = n },
	})
	if nodes == nil {
		r.fault(n, "topology: there are no nodes")
		return
	}
	fields := r.fields(nodes, "nodes")
	if len(fields) == 0 {
		r.fault(nodes, "topology: there are no nodes")
	}
	for _, f := range fields {
		r.named("node", f.key, f.name)
		own := r.layer("node "+f.name, f.value)
		if own.kind == "" && defaults.kind == "" {
			r.fault(f.key, "node %s has no kind: write kind: %s, here or under defaults", f.name, linux)
		}
		t.Nodes = append(t.Nodes, node(f.name, defaults, kind, own))
	}
	if links != nil {
		r.links(links, t)
	}
}

// links reads the cables; each end must be free.
func (r *reading) links(n ast.Node, t *Topology) {
	taken := map[Endpoint]bool{}
	for _, item := range r.list("links", n) {
		r.read(item, "link", readers{"endpoints": func(what string, n ast.Node) {
			ends := r.list(what, n)
			if len(ends) != 2 {
				r.fault(n, "endpoints: a link has two")
				return
			}
			var l Link
			for i, end := range ends {
				l[i] = r.endpoint(end, t)
				if taken[l[i]] {
					r.fault(end, "endpoint %s:%s is in use already", l[i].Node, l[i].Port)
				}
				taken[l[i]] = true
			}
			t.Links = append(t.Links, l)
		}})
	}
}

// portMost is what the kernel gives the name of an interface: IFNAMSIZ less the zero.
const portMost = 15

// checkPort refuses what the kernel would, and what it gives every node itself.
func checkPort(name string) error {
	if len(name) > portMost {
		return fmt.Errorf("%q has %d letters: the kernel takes at most %d", name, len(name), portMost)
	}
	if slices.Contains([]string{"lo", "all", "default"}, name) {
		return fmt.Errorf("%q: every node has that already, give the cable another name", name)
	}
	return CheckName(name)
}

func (r *reading) endpoint(n ast.Node, t *Topology) Endpoint {
	text := r.text("endpoint", n)
	name, port, ok := strings.Cut(text, ":")
	e := Endpoint{name, port}
	if !ok || name == "" || port == "" {
		r.fault(n, "endpoint %q: want NODE:INTERFACE", text)
		return e
	}
	if err := checkPort(port); err != nil {
		r.fault(n, "endpoint %q: interface %v", text, err)
	}
	if _, known := t.Node(name); !known {
		r.fault(n, "endpoint %q: there is no node %s; nodes of containerlab's own, such as host and macvlan, are not for heddle lab", text, name)
	}
	return e
}
