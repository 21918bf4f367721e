package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"
)

// one is a flag that parses as what it is, so that a fault is found where it stands.
type one[T comparable] struct {
	value *T
	parse func(string) (T, error)
	name  string
}

func (f *one[T]) Type() string { return f.name }

func (f *one[T]) String() string {
	var zero T
	if f.value == nil || *f.value == zero {
		return ""
	}
	return fmt.Sprint(*f.value)
}

func (f *one[T]) Set(text string) error {
	value, err := f.parse(text)
	if err == nil {
		*f.value = value
	}
	return err
}

// many is a flag that may be repeated. The first value takes the place of the
// defaults.
type many[T any] struct {
	values  *[]T
	parse   func(string) (T, error)
	name    string
	changed bool
}

var _ pflag.SliceValue = (*many[int])(nil)

func (f *many[T]) Type() string { return f.name }

func (f *many[T]) String() string {
	if f.values == nil {
		return ""
	}
	return strings.Join(f.GetSlice(), ",")
}

func (f *many[T]) Set(text string) error {
	value, err := f.parse(text)
	if err != nil {
		return err
	}
	if !f.changed {
		*f.values, f.changed = nil, true
	}
	*f.values = append(*f.values, value)
	return nil
}

// Append implements pflag.SliceValue.
func (f *many[T]) Append(text string) error { return f.Set(text) }

// Replace implements pflag.SliceValue.
func (f *many[T]) Replace(texts []string) error {
	f.changed = false
	for _, text := range texts {
		if err := f.Set(text); err != nil {
			return err
		}
	}
	return nil
}

// GetSlice implements pflag.SliceValue.
func (f *many[T]) GetSlice() []string {
	texts := make([]string, len(*f.values))
	for i, value := range *f.values {
		texts[i] = fmt.Sprint(value)
	}
	return texts
}

func parseListen(text string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(addr, 179), nil
	}
	ap, err := netip.ParseAddrPort(text)
	if err != nil {
		return ap, fmt.Errorf("%q: want an address such as 192.0.2.1:179 or [2001:db8::1]:179", text)
	}
	return ap, nil
}

func parseRange(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, fmt.Errorf("%q: want a prefix such as 192.0.2.0/24", text)
	}
	if prefix != prefix.Masked() {
		return prefix, fmt.Errorf("%s has host bits; did you mean %s?", prefix, prefix.Masked())
	}
	return prefix, nil
}
