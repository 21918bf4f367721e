package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// position is a place in a file, from 1:1 on; the zero value is nowhere.
type position struct {
	line, column int
}

func (p position) compare(other position) int {
	return cmp.Or(cmp.Compare(p.line, other.line), cmp.Compare(p.column, other.column))
}

// node is a value with its place. The value is nil, a bool, json.Number, string,
// []node, mapping or a refusal.
type node struct {
	at    position
	value any
}

// mapping is an object of YAML. Names have a place of their own.
type mapping struct {
	values map[string]node
	names  map[string]position
}

// refusal stands for a value we do not take, and says why.
type refusal string

// document is the text of one document of a file.
type document struct {
	text []byte
	line int // of the file, before the first of the text
}

// split cuts a file at its document markers. The YAML library is not asked to: it
// drops what follows an empty document without a word. A marker at the start of a
// line is one wherever it stands, even in a text of several lines (YAML 1.2 §9.1).
func split(data []byte) []document {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	documents := []document{{}}
	for i, line := range bytes.SplitAfter(data, []byte("\n")) {
		last := &documents[len(documents)-1]
		switch {
		case isMarker(line, "---"):
			line = append([]byte("   "), line[3:]...) // what follows keeps its column
			documents = append(documents, document{text: line, line: i})
		case isMarker(line, "..."):
			documents = append(documents, document{text: append([]byte("   "), line[3:]...), line: i})
		default:
			last.text = append(last.text, line...)
		}
	}
	return documents
}

func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || strings.IndexByte(" \t\r\n", rest[0]) >= 0)
}

type syntaxError struct {
	at   position
	text string
}

// parse reads the syntax of a document. The value of an empty one is nil, and it
// is nowhere.
func (d document) parse() (root node, failed *syntaxError) {
	defer func() {
		// The library has been known to trip over odd input.
		if cause := recover(); cause != nil {
			root, failed = node{}, &syntaxError{position{d.line + 1, 1}, "the document cannot be read: see whether it is YAML"}
		}
	}()
	file, err := parser.ParseBytes(d.text, 0)
	if err != nil {
		return node{}, d.explain(err)
	}
	for _, part := range file.Docs {
		if part.Body == nil {
			continue
		}
		if root.at != (position{}) {
			return node{}, &syntaxError{d.place(part.Body), "something follows the object: begin a new document with ---"}
		}
		root = d.convert(part.Body)
	}
	return root, nil
}

func (d document) explain(err error) *syntaxError {
	var described yaml.Error
	if !errors.As(err, &described) || described.GetToken() == nil {
		return &syntaxError{position{d.line + 1, 1}, err.Error()}
	}
	at := described.GetToken().Position
	return &syntaxError{position{d.line + at.Line, at.Column}, described.GetMessage()}
}

func (d document) place(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0] // the token of a mapping is its first colon
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	at := n.GetToken().Position
	return position{d.line + at.Line, at.Column}
}

func (d document) convert(n ast.Node) node {
	out := node{at: d.place(n)}
	switch v := n.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		out.value = v.Value
	case *ast.StringNode:
		out.value = v.Value
	case *ast.LiteralNode:
		out.value = v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode:
		out.value = number(n.GetToken().Value)
	case *ast.SequenceNode:
		items := make([]node, 0, len(v.Values))
		for _, item := range v.Values {
			items = append(items, d.convert(item))
		}
		out.value = items
	case *ast.MappingNode:
		out.value = d.mapping(v.Values)
	case *ast.MappingValueNode:
		out.value = d.mapping([]*ast.MappingValueNode{v})
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		out.value = refusal("anchors, aliases and tags are not for manifests: write the value itself")
	default:
		out.value = refusal(fmt.Sprintf("%q is not for manifests: write text, a number, true or false", n.GetToken().Value))
	}
	return out
}

func (d document) mapping(pairs []*ast.MappingValueNode) mapping {
	m := mapping{values: make(map[string]node), names: make(map[string]position)}
	for _, pair := range pairs {
		name := pair.Key.GetToken().Value
		at := d.place(pair)
		value := d.convert(pair.Value)
		if _, ok := pair.Key.(*ast.StringNode); !ok {
			value.value = refusal("the name of a field is text: put it in quotes, or delete it")
		}
		if _, ok := m.values[name]; ok {
			value.value = refusal("the field stands here twice: delete one")
		}
		if value.value == nil {
			value.at = at // nothing is to be seen where an empty value stands
		}
		m.values[name], m.names[name] = value, at
	}
	return m
}

// number takes decimal numbers only. That 010 means eight, to YAML of old, is not
// what an AS number should hang on.
func number(text string) any {
	if json.Valid([]byte(text)) {
		return json.Number(text)
	}
	return refusal(fmt.Sprintf("%s is not a plain decimal number: write one, or put it in quotes", text))
}

// walk visits every value within, by its path, such as "ingress[0].ports[1]". The
// name of a field is visited too, under the path with a colon behind it.
func (n node) walk(path string, visit func(path string, inner node)) {
	visit(path, n)
	switch v := n.value.(type) {
	case []node:
		for i, item := range v {
			item.walk(fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case mapping:
		for name, value := range v.values {
			inner := name
			if path != "" {
				inner = path + "." + name
			}
			visit(inner+":", node{at: v.names[name]})
			value.walk(inner, visit)
		}
	}
}

// plain is the value without places, as JSON has it. A refusal becomes null.
func (n node) plain() any {
	switch v := n.value.(type) {
	case refusal:
		return nil
	case []node:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = item.plain()
		}
		return out
	case mapping:
		out := make(map[string]any, len(v.values))
		for name, value := range v.values {
			out[name] = value.plain()
		}
		return out
	}
	return n.value
}
