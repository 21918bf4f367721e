package topology

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// reader takes a JSON object apart field by field. What is wrong becomes a fault
// and a zero value, so that one pass finds every fault.
type reader struct {
	at     string         // where this object stands: "" or "ingress[0]."
	values map[string]any // the fields nobody has asked for yet
	faults *[]Fault
}

func (r *reader) fault(field, format string, args ...any) {
	*r.faults = append(*r.faults, Fault{Field: r.at + field, Text: fmt.Sprintf(format, args...)})
}

// need records a fault unless ok, or unless the field is already to blame: one
// mistake is told once.
func (r *reader) need(ok bool, field, format string, args ...any) {
	blamed := func(f Fault) bool { return strings.HasPrefix(f.Field, r.at+field) }
	if !ok && !slices.ContainsFunc(*r.faults, blamed) {
		r.fault(field, format, args...)
	}
}

func (r *reader) take(name string) (value any, present bool) {
	value, present = r.values[name]
	delete(r.values, name)
	return value, present
}

// unknown reports the fields that nobody asked for.
func (r *reader) unknown() {
	for _, name := range slices.Sorted(maps.Keys(r.values)) {
		*r.faults = append(*r.faults, Fault{
			Field: r.at + name, Text: "unknown field: correct its name or delete it", Unknown: true,
		})
	}
}

// one reads a field that holds a single value; absent gives the zero value.
func one[T any](r *reader, name string, parse func(any) (T, error)) T {
	value, present := r.take(name)
	if !present {
		var zero T
		return zero
	}
	parsed, err := parse(value)
	if err != nil {
		var zero T
		r.fault(name, "%s", err)
		return zero
	}
	return parsed
}

// set reads a list of which the order means nothing: it comes back sorted, nil
// when empty, and with a fault for each repetition.
func set[T comparable](r *reader, name string, parse func(any) (T, error), compare func(a, b T) int) []T {
	value, present := r.take(name)
	if !present {
		return nil
	}
	items, ok := value.([]any)
	if !ok {
		r.fault(name, "want a list, not %s: put it in brackets", describe(value))
		return nil
	}
	var out []T
	seen := make(map[T]bool, len(items))
	for i, item := range items {
		parsed, err := parse(item)
		switch {
		case err != nil:
			r.fault(fmt.Sprintf("%s[%d]", name, i), "%s", err)
		case seen[parsed]:
			r.fault(fmt.Sprintf("%s[%d]", name, i), "%v is listed twice: delete one", item)
		default:
			seen[parsed] = true
			out = append(out, parsed)
		}
	}
	slices.SortFunc(out, compare)
	return out
}

// objects reads a list of objects, each with a reader of its own.
func objects[T any](r *reader, name string, read func(*reader) T) []T {
	value, present := r.take(name)
	if !present {
		return nil
	}
	items, ok := value.([]any)
	if !ok {
		r.fault(name, "want a list, not %s: put it in brackets", describe(value))
		return nil
	}
	var out []T
	for i, item := range items {
		if inner, ok := r.enter(fmt.Sprintf("%s[%d]", name, i), item); ok {
			out = append(out, read(inner))
			inner.unknown()
		}
	}
	return out
}

// object reads a field that holds an object; absent gives the zero value.
func object[T any](r *reader, name string, read func(*reader) T) T {
	var zero T
	value, present := r.take(name)
	if !present {
		return zero
	}
	inner, ok := r.enter(name, value)
	if !ok {
		return zero
	}
	defer inner.unknown()
	return read(inner)
}

func (r *reader) enter(field string, value any) (*reader, bool) {
	values, ok := value.(map[string]any)
	if !ok {
		r.fault(field, "want an object, not %s", describe(value))
		return nil, false
	}
	return &reader{at: r.at + field + ".", values: values, faults: r.faults}, true
}

func parseText(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("want text, not %s: put it in quotes", describe(value))
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return "", fmt.Errorf("%q contains %q: use printable characters", text, r)
		}
	}
	return text, nil
}

func parseName(value any) (string, error) {
	text, err := parseText(value)
	if err != nil {
		return "", err
	}
	return text, checkName(text)
}

func parseFlag(value any) (Option, error) {
	flag, ok := value.(bool)
	if !ok {
		return Inherit, fmt.Errorf("want true or false, not %s", describe(value))
	}
	return optionOf(flag), nil
}

// parseNumber reads a whole number within bounds, both included.
func parseNumber(low, high uint32) func(any) (uint32, error) {
	return func(value any) (uint32, error) {
		number, _ := value.(json.Number)
		n, err := strconv.ParseUint(number.String(), 10, 32)
		if err != nil || n < uint64(low) || n > uint64(high) {
			return 0, fmt.Errorf("want a whole number from %d to %d, not %s", low, high, describe(value))
		}
		return uint32(n), nil
	}
}

func parseAddress(value any) (netip.Addr, error) {
	text, err := parseText(value)
	if err != nil {
		return netip.Addr{}, err
	}
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is no IP address: write one such as 192.0.2.1 or 2001:db8::1", text)
	case addr.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%s has a zone: write an address that is valid in the whole fabric", addr)
	case addr.Is4In6():
		return netip.Addr{}, fmt.Errorf("%s is IPv4 in IPv6 dress: write %s", addr, addr.Unmap())
	case addr.IsUnspecified(), addr.IsMulticast(), addr.Is6() && addr.IsLinkLocalUnicast():
		return netip.Addr{}, fmt.Errorf("%s identifies nobody in the fabric: write a unicast address", addr)
	}
	return addr, nil
}

func parsePrefix(value any) (netip.Prefix, error) {
	text, err := parseText(value)
	if err != nil {
		return netip.Prefix{}, err
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is no prefix: write one such as 10.1.0.0/16 or fd00:1::/64", text)
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%s is IPv4 in IPv6 dress: write it as an IPv4 prefix", prefix)
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%s has host bits: write %s", prefix, prefix.Masked())
	}
	return prefix, nil
}

// parseWord reads one word of a closed enumeration; words[0] is its zero value,
// which has no word.
func parseWord[T ~uint8](words []string) func(any) (T, error) {
	return func(value any) (T, error) {
		text, _ := value.(string)
		if i := slices.Index(words[1:], text); i >= 0 {
			return T(i + 1), nil
		}
		return 0, fmt.Errorf("want %s, not %s", strings.Join(words[1:], ", "), describe(value))
	}
}

// describe says what a value is, briefly enough for a line of text.
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		if len(v) > 40 {
			v = v[:40]
		}
		return fmt.Sprintf("%q", v)
	case bool, json.Number:
		return fmt.Sprint(v)
	case []any:
		return "a list"
	}
	return "an object"
}

func comparePrefixes(a, b netip.Prefix) int { return a.Compare(b) }
