package config_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"heddle/internal/config"
)

// flags stand in for those of a command.
type flags struct {
	values map[string][]string
	given  []string
}

func (f *flags) Known(name string) bool {
	return slices.Contains([]string{"asn", "name", "listen", "http"}, name)
}
func (f *flags) List(name string) bool  { return name == "listen" }
func (f *flags) Given(name string) bool { return slices.Contains(f.given, name) }
func (f *flags) Set(name, value string) error {
	if _, err := strconv.Atoi(value); name == "asn" && err != nil {
		return fmt.Errorf("%q is not an AS number", value)
	}
	f.values[name] = append(f.values[name], value)
	return nil
}

func TestAFileSetsWhatTheCommandLineDidNot(t *testing.T) {
	f := &flags{values: map[string][]string{}, given: []string{"name"}}
	err := config.Apply("f.yaml", []byte("# a reflector\nasn: 64512\nname: from-file\nlisten:\n  - 192.0.2.1:179\n  - \"[2001:db8::1]:179\"\nhttp:\n"), f)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"asn": {"64512"}, "listen": {"192.0.2.1:179", "[2001:db8::1]:179"}, "http": {""}}
	if fmt.Sprint(f.values) != fmt.Sprint(want) {
		t.Fatalf("set %v, want %v", f.values, want)
	}
}

func TestFaultsNameFileLineAndColumn(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"an unknown key", "asn: 1\nansn: 2\n", "f.yaml:2:1: unknown key \"ansn\""},
		{"a bad value", "asn: many\n", "f.yaml:1:6: asn: \"many\" is not an AS number"},
		{"a list where one value is wanted", "asn: [1, 2]\n", "f.yaml:1:6: asn takes one value"},
		{"a mapping where a value is wanted", "asn:\n  is: 5\n", "asn: want a plain value"},
		{"the same key twice", "asn: 1\nname: a\nasn: 2\n", "asn"},
		{"not a mapping", "- asn\n", "f.yaml:1:1: want keys and values"},
		{"not YAML", "asn: [1\n", "f.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := config.Apply("f.yaml", []byte(c.file), &flags{values: map[string][]string{}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestEveryFaultIsReported(t *testing.T) {
	err := config.Apply("f.yaml", []byte("a: 1\nb: 2\nasn: x\n"), &flags{values: map[string][]string{}})
	for _, want := range []string{"f.yaml:1:1", "f.yaml:2:1", "f.yaml:3:6"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, lacks %s", err, want)
		}
	}
}

func FuzzApply(f *testing.F) {
	f.Add([]byte("asn: 1\nlisten: [a, b]\n"))
	f.Add([]byte("? x\n: - y\n--- !!t\n&a *a"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = config.Apply("f", data, &flags{values: map[string][]string{}})
	})
}
