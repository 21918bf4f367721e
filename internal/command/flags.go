package command

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"
)

// One is a flag that parses as what it is, so that a fault is found where it stands.
type One[T comparable] struct {
	Value *T
	Parse func(string) (T, error)
	Name  string // of the kind of value, as help shows it
}

// Type implements pflag.Value.
func (f *One[T]) Type() string { return f.Name }

// String implements pflag.Value.
func (f *One[T]) String() string {
	var zero T
	if f.Value == nil || *f.Value == zero {
		return ""
	}
	return fmt.Sprint(*f.Value)
}

// Set implements pflag.Value.
func (f *One[T]) Set(text string) error {
	value, err := f.Parse(text)
	if err == nil {
		*f.Value = value
	}
	return err
}

// Many is a flag that may be repeated. The first value takes the place of the
// defaults.
type Many[T any] struct {
	Values  *[]T
	Parse   func(string) (T, error)
	Name    string
	Commas  bool // one text may hold several, with commas between them
	changed bool
}

var _ pflag.SliceValue = (*Many[int])(nil)

// Type implements pflag.Value.
func (f *Many[T]) Type() string { return f.Name }

// String implements pflag.Value.
func (f *Many[T]) String() string {
	if f.Values == nil {
		return ""
	}
	return strings.Join(f.GetSlice(), ",")
}

// Set implements pflag.Value.
func (f *Many[T]) Set(text string) error {
	if head, rest, several := strings.Cut(text, ","); several && f.Commas {
		if err := f.Set(head); err != nil {
			return err
		}
		return f.Set(rest)
	}
	value, err := f.Parse(text)
	if err != nil {
		return err
	}
	if !f.changed {
		*f.Values, f.changed = nil, true
	}
	*f.Values = append(*f.Values, value)
	return nil
}

// Append implements pflag.SliceValue.
func (f *Many[T]) Append(text string) error { return f.Set(text) }

// Replace implements pflag.SliceValue.
func (f *Many[T]) Replace(texts []string) error {
	f.changed = false
	for _, text := range texts {
		if err := f.Set(text); err != nil {
			return err
		}
	}
	return nil
}

// GetSlice implements pflag.SliceValue.
func (f *Many[T]) GetSlice() []string {
	texts := make([]string, len(*f.Values))
	for i, value := range *f.Values {
		texts[i] = fmt.Sprint(value)
	}
	return texts
}

// ParseListen reads an address, with the port of BGP unless it names another.
func ParseListen(text string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(addr, 179), nil
	}
	ap, err := netip.ParseAddrPort(text)
	if err != nil {
		return ap, fmt.Errorf("%q: want an address such as 192.0.2.1:179 or [2001:db8::1]:179", text)
	}
	return ap, nil
}

// ParseRange reads a prefix.
func ParseRange(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, fmt.Errorf("%q: want a prefix such as 192.0.2.0/24", text)
	}
	if prefix != prefix.Masked() {
		return prefix, fmt.Errorf("%s has host bits; did you mean %s?", prefix, prefix.Masked())
	}
	return prefix, nil
}
