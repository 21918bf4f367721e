package topology

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Prefix begins every key of ours. The number is the version of the values, so
// that a later form can live beside this one.
const Prefix = "/heddle/v1/"

// MaxName is the longest name of an object, in octets: that of a DNS name.
const MaxName = 253

// Kind says what an object is.
type Kind uint8

// The kinds, in the order in which they are listed and written: what is named
// comes before what names it.
const (
	KindInvalid Kind = iota
	KindSettings
	KindRack
	KindPool
	KindNode
	KindRouter
	KindTag
	KindPolicy
	KindWorkload
)

// Kinds lists every kind, in order.
var Kinds = [...]Kind{
	KindSettings, KindRack, KindPool, KindNode, KindRouter, KindTag, KindPolicy, KindWorkload,
}

// kindWords holds each kind in the singular, for people, and its folder under
// Prefix.
var kindWords = [...]struct{ one, folder string }{
	KindInvalid:  {"invalid", ""},
	KindSettings: {"settings", "settings"},
	KindRack:     {"rack", "racks"},
	KindPool:     {"pool", "pools"},
	KindNode:     {"node", "nodes"},
	KindRouter:   {"router", "routers"},
	KindTag:      {"tag", "tags"},
	KindPolicy:   {"policy", "policies"},
	KindWorkload: {"workload", "workloads"},
}

// String is the singular.
func (k Kind) String() string {
	if int(k) < len(kindWords) {
		return kindWords[k].one
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ParseKind reads the singular or the plural.
func ParseKind(text string) (Kind, error) {
	for _, kind := range Kinds {
		if text == kindWords[kind].one || text == kindWords[kind].folder {
			return kind, nil
		}
	}
	var all []string
	for _, kind := range Kinds {
		all = append(all, kind.String())
	}
	return KindInvalid, fmt.Errorf("kind %q does not exist: write one of %s", text, strings.Join(all, ", "))
}

// Prefix is what the keys of all objects of this kind begin with; for settings,
// of which there is one, the key itself.
func (k Kind) Prefix() string {
	if k == KindSettings {
		return Prefix + kindWords[k].folder
	}
	return Prefix + kindWords[k].folder + "/"
}

// Key names one object. Name is empty for settings and "NODE/NAME" for a
// workload.
type Key struct {
	Kind Kind
	Name string
}

// WorkloadKey is the key of a workload on a node.
func WorkloadKey(node, name string) Key { return Key{KindWorkload, node + "/" + name} }

// String is the key as a person says it: "node h1", "workload h1/web1",
// "settings".
func (k Key) String() string {
	if k.Name == "" {
		return k.Kind.String()
	}
	return k.Kind.String() + " " + k.Name
}

// Path is the key in the datastore, as ParseKey reads it.
func (k Key) Path() string { return k.Kind.Prefix() + k.Name }

// Compare orders keys by kind, then by name.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Kind, other.Kind), strings.Compare(k.Name, other.Name))
}

// Check says whether the key can name an object.
func (k Key) Check() error {
	switch k.Kind {
	case KindSettings:
		if k.Name != "" {
			return fmt.Errorf("settings %q: there is one settings object and it has no name", k.Name)
		}
		return nil
	case KindWorkload:
		node, name, ok := strings.Cut(k.Name, "/")
		if !ok {
			return fmt.Errorf("workload %q: write it as NODE/NAME", k.Name)
		}
		if err := checkName(node); err != nil {
			return fmt.Errorf("workload %q: node %w", k.Name, err)
		}
		if err := checkName(name); err != nil {
			return fmt.Errorf("workload %q: %w", k.Name, err)
		}
		return nil
	case KindRack, KindPool, KindNode, KindRouter, KindTag, KindPolicy:
		if err := checkName(k.Name); err != nil {
			return fmt.Errorf("%s %w", k.Kind, err)
		}
		return nil
	}
	return fmt.Errorf("%s: not an object", k.Kind)
}

// ParseKey reads a key of the datastore. The error names the key and, where it
// can, what was meant.
func ParseKey(path string) (Key, error) {
	rest, ok := strings.CutPrefix(path, Prefix)
	if !ok {
		return Key{}, fmt.Errorf("key %q is not under %s", path, Prefix)
	}
	folder, name, slash := strings.Cut(rest, "/")
	for _, kind := range Kinds {
		if folder != kindWords[kind].folder {
			continue
		}
		if slash == (kind == KindSettings) {
			break
		}
		key := Key{kind, name}
		if err := key.Check(); err != nil {
			return Key{}, fmt.Errorf("key %q: %w", path, err)
		}
		return key, nil
	}
	return Key{}, fmt.Errorf("key %q names no kind of object: delete it, or upgrade if a newer release wrote it", path)
}

// HostScope is the part of the datastore that the agent on a node needs: its own
// node and workloads, what is common to all, and a person's word (see Guard). An entry that ends in "/" is a
// prefix, any other a single key.
//
// The rest stays out on purpose: with every agent watching every workload the
// datastore would carry the square of the fabric.
func HostScope(node string) []string {
	return []string{
		AcceptedPath,
		KindSettings.Prefix(),
		Key{KindNode, node}.Path(),
		KindWorkload.Prefix() + node + "/",
		KindRouter.Prefix(),
		KindTag.Prefix(),
		KindPolicy.Prefix(),
	}
}

// checkName refuses what could not be told apart on a screen or would break a
// key into more parts.
func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("name is empty: give it one")
	case len(name) > MaxName:
		return fmt.Errorf("name of %d octets: shorten it to %d", len(name), MaxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("name %q is not UTF-8: use plain text", name)
	}
	for _, r := range name {
		if r == '/' || r == ' ' || !unicode.IsPrint(r) {
			return fmt.Errorf("name %q contains %q: use letters, digits, '-', '.' and '_'", name, r)
		}
	}
	return nil
}
