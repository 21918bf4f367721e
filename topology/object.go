package topology

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Object is one of Settings, Rack, Pool, Node, Router, Tag, Policy and Workload.
// Objects are values: what they refer to is shared and never modified.
type Object interface {
	// Key is the name of the object, which is not part of its value.
	Key() Key

	fields() fields
}

// Fault is one thing wrong with a value.
type Fault struct {
	// Field is where, such as "addresses[1]" or "ingress[0].ports[2]". Empty: the
	// value as a whole.
	Field string
	// Text says what is wrong and how to mend it.
	Text string
	// Unknown: the field is one we do not know. The object can be used without it.
	Unknown bool
}

// String is where and what.
func (f Fault) String() string {
	if f.Field == "" {
		return f.Text
	}
	return f.Field + ": " + f.Text
}

// Decode reads the value of a key. The object is nil if a fault makes it
// unusable; unknown fields alone do not. A caller that is strict refuses any
// fault. Lists of which the order means nothing come back sorted.
func Decode(key Key, value []byte) (Object, []Fault) {
	if err := key.Check(); err != nil {
		return nil, []Fault{{Text: err.Error()}}
	}
	values, err := parseJSON(value)
	if err != nil {
		return nil, []Fault{{Text: err.Error()}}
	}
	r := &reader{values: values, faults: new([]Fault)}
	object := read(r, key)
	r.unknown()
	if slices.ContainsFunc(*r.faults, func(f Fault) bool { return !f.Unknown }) {
		return nil, *r.faults
	}
	return object, *r.faults
}

func read(r *reader, key Key) Object {
	switch key.Kind {
	case KindSettings:
		return readSettings(r)
	case KindRack:
		return readRack(r, key.Name)
	case KindPool:
		return readPool(r, key.Name)
	case KindNode:
		return readNode(r, key.Name)
	case KindRouter:
		return readRouter(r, key.Name)
	case KindTag:
		return readTag(r, key.Name)
	case KindPolicy:
		return readPolicy(r, key.Name)
	case KindWorkload:
		node, name, _ := strings.Cut(key.Name, "/")
		return readWorkload(r, node, name)
	}
	return nil
}

func parseJSON(value []byte) (map[string]any, error) {
	if !utf8.Valid(value) {
		return nil, errors.New("the value is not UTF-8: write a JSON object")
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil {
		return nil, fmt.Errorf("the value is no JSON object: %w", err)
	}
	if values == nil {
		return nil, errors.New("the value is null: write a JSON object such as {}")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the JSON object at octet %d: delete it", decoder.InputOffset())
	}
	return values, nil
}

// Encode gives key and value of an object in their canonical form: fields in a
// fixed order, lists sorted, what is not set left out.
func Encode(object Object) (path string, value []byte) {
	value, err := object.fields().MarshalJSON()
	if err != nil {
		// Only strings, numbers, booleans and lists of them are ever given to it.
		panic("topology: encode " + object.Key().String() + ": " + err.Error())
	}
	return object.Key().Path(), value
}

// fields is the value of an object on its way out, in order. Values are text,
// numbers, lists of text or fields again, which are left out when zero or empty,
// and booleans, which are not.
type fields []field

type field struct {
	name  string
	value any
}

// MarshalJSON writes the fields in their order.
func (f fields) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	out.WriteByte('{')
	for _, field := range f {
		if absent(field.value) {
			continue
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(field.name); err != nil {
			return nil, err
		}
		out.Truncate(out.Len() - 1) // the encoder ends each value with a newline
		out.WriteByte(':')
		if err := encoder.Encode(field.value); err != nil {
			return nil, err
		}
		out.Truncate(out.Len() - 1)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func absent(value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case []string:
		return len(v) == 0
	case []int:
		return len(v) == 0
	case uint32:
		return v == 0
	case fields:
		for _, field := range v {
			if !absent(field.value) {
				return false
			}
		}
		return true
	case []fields:
		return len(v) == 0
	case nil:
		return true
	}
	return false
}

// texts is a list as it is written.
func texts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = item.String()
	}
	return out
}

// numbers are octets as JSON has numbers, which []uint8 by itself is not.
func numbers(list []uint8) []int {
	out := make([]int, len(list))
	for i, n := range list {
		out[i] = int(n)
	}
	return out
}
