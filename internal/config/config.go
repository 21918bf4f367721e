package config

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Flags is what a file can set.
type Flags interface {
	// Known says whether there is a flag of this name that a file may set.
	Known(name string) bool
	// List says whether it may be given several times.
	List(name string) bool
	// Given says whether the command line set it; then the file does not count.
	Given(name string) bool
	// Set sets it from text, as the command line would.
	Set(name, value string) error
}

// Apply sets flags from a YAML mapping of flag names to values. A list stands for
// a flag given several times. The error lists every fault.
func Apply(file string, data []byte, flags Flags) error {
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	a := applier{file: file, flags: flags, seen: map[string]bool{}}
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			a.document(doc.Body)
		}
	}
	return errors.Join(a.faults...)
}

type applier struct {
	file   string
	flags  Flags
	seen   map[string]bool
	faults []error
}

func (a *applier) fault(at ast.Node, format string, args ...any) {
	p := at.GetToken().Position
	a.faults = append(a.faults, fmt.Errorf("%s:%d:%d: %s", a.file, p.Line, p.Column, fmt.Sprintf(format, args...)))
}

func (a *applier) document(body ast.Node) {
	switch node := body.(type) {
	case *ast.MappingNode:
		for _, pair := range node.Values {
			a.pair(pair)
		}
	case *ast.MappingValueNode:
		a.pair(node)
	case *ast.CommentGroupNode:
	default:
		a.fault(body, "want keys and values, such as \"asn: 64512\"")
	}
}

func (a *applier) pair(pair *ast.MappingValueNode) {
	name := pair.Key.GetToken().Value
	switch {
	case !a.flags.Known(name):
		a.fault(pair.Key, "unknown key %q; the keys are the long flags of the command", name)
		return
	case a.seen[name]:
		a.fault(pair.Key, "key %q stands here twice; write a list to give several values", name)
		return
	}
	a.seen[name] = true
	list, ok := pair.Value.(*ast.SequenceNode)
	if !ok {
		a.set(name, pair.Value)
		return
	}
	if !a.flags.List(name) {
		a.fault(pair.Value, "%s takes one value, not a list", name)
		return
	}
	for _, value := range list.Values {
		a.set(name, value)
	}
}

func (a *applier) set(name string, value ast.Node) {
	scalar, ok := value.(ast.ScalarNode)
	if !ok {
		a.fault(value, "%s: want a plain value", name)
		return
	}
	text := scalar.GetToken().Value
	if _, null := scalar.(*ast.NullNode); null {
		text = ""
	}
	if a.flags.Given(name) {
		return
	}
	if err := a.flags.Set(name, text); err != nil {
		a.fault(value, "%s: %v", name, err)
	}
}
