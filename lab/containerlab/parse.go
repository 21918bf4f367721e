package containerlab

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Fault is something wrong, or not understood, at a place of a file.
type Fault struct {
	File         string
	Line, Column int // from 1
	Text         string
}

// Error is FILE:LINE:COLUMN: text, as editors understand it.
func (f Fault) Error() string { return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Text) }

// Parse reads a topology. The file name is only for faults. The error, if any, joins
// all faults of the file, each a Fault, in the order of their places.
func Parse(filename string, data []byte) (*Topology, error) {
	r := &reading{file: filename}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, r.syntax(err)
	}
	var body ast.Node
	for _, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			r.fault(doc.Body, "a topology file is one document: delete what follows ---")
		}
		body = doc.Body
	}
	t := r.whole(body)
	if len(r.faults) == 0 {
		return t, nil
	}
	slices.SortStableFunc(r.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	errs := make([]error, len(r.faults))
	for i, f := range r.faults {
		errs[i] = f
	}
	return nil, errors.Join(errs...)
}

// reading is a file being read.
type reading struct {
	file   string
	faults []Fault
}

func (r *reading) fault(at ast.Node, format string, args ...any) {
	p := at.GetToken().Position
	r.faults = append(r.faults, Fault{r.file, p.Line, p.Column, fmt.Sprintf(format, args...)})
}

func (r *reading) syntax(err error) error {
	var described yaml.Error
	if !errors.As(err, &described) || described.GetToken() == nil {
		return Fault{r.file, 1, 1, err.Error()}
	}
	at := described.GetToken().Position
	return Fault{r.file, at.Line, at.Column, described.GetMessage()}
}

// field is a name of a mapping, with its value.
type field struct {
	name       string
	key, value ast.Node
}

// fields lists a mapping; what is none, is a fault.
func (r *reading) fields(n ast.Node, what string) []field {
	var pairs []*ast.MappingValueNode
	switch v := n.(type) {
	case *ast.MappingNode:
		pairs = v.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{v}
	case *ast.NullNode:
		return nil
	default:
		r.fault(n, "%s: want names and values", what)
		return nil
	}
	var list []field
	for _, pair := range pairs {
		name := pair.Key.GetToken().Value
		if slices.ContainsFunc(list, func(f field) bool { return f.name == name }) {
			r.fault(pair.Key, "%s: %q stands here twice", what, name)
			continue
		}
		list = append(list, field{name, pair.Key, pair.Value})
	}
	return list
}

// readers say which names a mapping may have, and what becomes of each value.
type readers map[string]func(name string, value ast.Node)

// read gives each field to its reader, and refuses the others by name.
func (r *reading) read(n ast.Node, what string, known readers) {
	for _, f := range r.fields(n, what) {
		read, ok := known[f.name]
		if !ok {
			r.fault(f.key, "%s: %q is not for heddle lab, which knows %s", what, f.name, names(known))
			continue
		}
		read(f.name, f.value)
	}
}

func names(known readers) string {
	var list []string
	for name := range known {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// text reads a plain value. Containerlab replaces variables of the environment in the
// whole file, which would make it another file on each machine.
func (r *reading) text(what string, n ast.Node) string {
	var text string
	switch v := n.(type) {
	case *ast.LiteralNode:
		text = v.Value.Value
	case *ast.StringNode:
		text = v.Value
	case ast.ScalarNode:
		text = n.GetToken().Value
	default:
		r.fault(n, "%s: want a plain value: put it in quotes if it has a colon", what)
		return ""
	}
	if _, null := n.(*ast.NullNode); null {
		r.fault(n, "%s is empty: give it a value, or delete it", what)
		return ""
	}
	if strings.Contains(text, "$") {
		r.fault(n, "%s: variables are not for heddle lab: write the value itself, or put the command into a file", what)
	}
	return text
}

// list reads a sequence.
func (r *reading) list(what string, n ast.Node) []ast.Node {
	v, ok := n.(*ast.SequenceNode)
	if !ok {
		r.fault(n, "%s: want a list", what)
		return nil
	}
	return v.Values
}

// texts reads a mapping of names to plain values.
func (r *reading) texts(what string, n ast.Node) map[string]string {
	values := map[string]string{}
	for _, f := range r.fields(n, what) {
		values[f.name] = r.text(what+" "+f.name, f.value)
	}
	return values
}

// command reads words.
func (r *reading) command(what string, n ast.Node) []string {
	list, err := words(r.text(what, n))
	switch {
	case err != nil:
		r.fault(n, "%s: %v", what, err)
	case len(list) == 0:
		r.fault(n, "%s is empty: give it a command, or delete it", what)
	}
	return list
}
