package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"heddle/topology"
)

// Fault is something wrong at a place of a file.
type Fault struct {
	File string
	// Line and Column count from 1, columns in characters.
	Line, Column int
	// Text names the object, the fault and the mend.
	Text string
}

// Error is FILE:LINE:COLUMN: text, as editors understand it.
func (f Fault) Error() string { return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Text) }

// Parse reads the objects of a file, in its order. The file name is only for
// faults. The error, if any, joins all faults of the file, each a Fault, in the
// order of their places; a document with a fault in its syntax has only that one.
func Parse(filename string, data []byte) ([]topology.Object, error) {
	p := &reading{file: filename, defined: make(map[topology.Key]position)}
	if at, ok := notUTF8(data); ok {
		p.fault(at, "the file is not UTF-8: save it as UTF-8")
		return nil, p.faults[0]
	}
	for _, document := range split(data) {
		p.document(document)
	}
	if len(p.faults) == 0 {
		return p.objects, nil
	}
	slices.SortStableFunc(p.faults, func(a, b Fault) int {
		return position{a.Line, a.Column}.compare(position{b.Line, b.Column})
	})
	errs := make([]error, len(p.faults))
	for i, fault := range p.faults {
		errs[i] = fault
	}
	return nil, errors.Join(errs...)
}

type reading struct {
	file    string
	objects []topology.Object
	defined map[topology.Key]position
	faults  []Fault
}

func (p *reading) fault(at position, format string, args ...any) {
	p.faults = append(p.faults, Fault{p.file, at.line, at.column, fmt.Sprintf(format, args...)})
}

// document reads one document: nothing, an object, or a list of objects.
func (p *reading) document(d document) {
	root, err := d.parse()
	if err != nil {
		p.fault(err.at, "%s", err.text)
		return
	}
	switch v := root.value.(type) {
	case nil:
		if root.at != (position{}) {
			p.fault(root.at, "null is no object: delete it")
		}
	case mapping:
		p.object(root)
	case []node:
		for _, item := range v {
			p.object(item)
		}
	default:
		p.fault(root.at, "want an object, that is lines of NAME: VALUE, the first of them kind")
	}
}

// object reads one object.
func (p *reading) object(n node) {
	fields, ok := n.value.(mapping)
	if !ok {
		p.fault(n.at, "want an object, that is lines of NAME: VALUE, the first of them kind")
		return
	}
	before := len(p.faults)
	key, where := p.key(n, fields)
	if len(p.faults) > before {
		return // without its name there is no telling what the rest should be
	}
	if first, ok := p.defined[key]; ok {
		p.fault(where, "%s stands already at line %d: delete one", key, first.line)
		return
	}
	p.defined[key] = where

	if object := p.decode(key, n); len(p.faults) == before {
		p.objects = append(p.objects, object)
	}
}

// decode has topology read the value, and finds the places of its faults.
func (p *reading) decode(key topology.Key, n node) topology.Object {
	places := make(map[string]position)
	refused := make(map[string]bool)
	n.walk("", func(path string, inner node) {
		places[path] = inner.at
		if why, ok := inner.value.(refusal); ok {
			refused[path] = true
			p.fault(inner.at, "%s: %s", key, why)
		}
	})
	value, err := json.Marshal(n.plain())
	if err != nil {
		p.fault(n.at, "%s: %v", key, err)
		return nil
	}
	object, faults := topology.Decode(key, value)
	for _, fault := range faults {
		if !refused[fault.Field] { // else it was told already, and better
			p.fault(place(places, fault), "%s: %s", key, fault)
		}
	}
	return object
}

// key reads what names an object, takes it out of the fields and says where it
// stands.
func (p *reading) key(n node, fields mapping) (key topology.Key, where position) {
	kindText, kindAt := p.take(n, fields, "kind")
	if kindText == "" {
		return key, n.at
	}
	kind, err := topology.ParseKind(kindText)
	if err != nil {
		p.fault(kindAt, "%s", err)
		return key, n.at
	}
	key.Kind, where = kind, kindAt
	switch kind {
	case topology.KindSettings:
	case topology.KindWorkload:
		node, nodeAt := p.take(n, fields, "node")
		name, nameAt := p.take(n, fields, "name")
		if strings.Contains(node, "/") {
			p.fault(nodeAt, "workload: node %q contains '/': write the name of a node", node)
		}
		key, where = topology.WorkloadKey(node, name), nameAt
		if node == "" || name == "" {
			return key, where // which was told
		}
	default:
		key.Name, where = p.take(n, fields, "name")
		if key.Name == "" {
			return key, where
		}
	}
	if err := key.Check(); err != nil {
		p.fault(where, "%s", err)
	}
	return key, where
}

// take removes a field that names the object. What it gives is empty exactly if
// there was a fault.
func (p *reading) take(n node, fields mapping, name string) (text string, at position) {
	value, ok := fields.values[name]
	if !ok {
		p.fault(n.at, "there is no %s: every object but settings has a kind and a name, and a workload a node", name)
		return "", n.at
	}
	delete(fields.values, name)
	text, ok = value.value.(string)
	switch {
	case !ok:
		p.fault(value.at, "%s: want text: put it in quotes", name)
	case text == "":
		p.fault(value.at, "%s is empty: give it one", name)
	}
	return text, value.at
}

// place finds where a fault stands: at its field, or at the nearest thing around
// it that is there. An unknown field is told at its name, others at the value.
func place(places map[string]position, fault topology.Fault) position {
	field := fault.Field
	if fault.Unknown {
		if at, ok := places[field+":"]; ok {
			return at
		}
	}
	for {
		if at, ok := places[field]; ok || field == "" {
			return at
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
}

func notUTF8(data []byte) (at position, found bool) {
	at = position{1, 1}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return at, true
		case r == '\n':
			at = position{at.line + 1, 1}
		default:
			at.column++
		}
		i += size
	}
	return at, false
}
