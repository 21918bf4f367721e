package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"heddle/bgp"
	"heddle/internal/command"
)

// Attributes are named on the command line and in the file alike, and what can't be
// left out is refused with its name.
func TestAttributesToDiscard(t *testing.T) {
	for _, c := range []struct {
		name, file string
		args       []string
		want       []bgp.AttrType
		fault      string
	}{
		{name: "none by default"},
		{name: "with commas", args: []string{"--discard-attributes", "28,40"}, want: []bgp.AttrType{28, 40}},
		{name: "repeated", args: []string{"--discard-attributes", "28", "--discard-attributes", "40,99"}, want: []bgp.AttrType{28, 40, 99}},
		{name: "a list in the file", file: "discard-attributes: [28, 40]\n", want: []bgp.AttrType{28, 40}},
		{name: "commas in the file", file: "discard-attributes: 28,40\n", want: []bgp.AttrType{28, 40}},
		{name: "well-known", args: []string{"--discard-attributes", "2"}, fault: "2 is AS_PATH"},
		{name: "one that we need", args: []string{"--discard-attributes", "28,14"}, fault: "14 is MP_REACH_NLRI"},
		{name: "one that we read", file: "discard-attributes: [28, 8]\n", fault: "8 is COMMUNITIES"},
		{name: "no number", args: []string{"--discard-attributes", "otc"}, fault: `"otc": want the number of an attribute`},
		{name: "beyond all numbers", args: []string{"--discard-attributes", "256"}, fault: `"256": want the number of an attribute`},
		{name: "reserved", args: []string{"--discard-attributes", "0"}, fault: `"0": want the number of an attribute`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var o options
			f := pflag.NewFlagSet("reflector", pflag.ContinueOnError)
			o.flags(f)
			args := c.args
			if c.file != "" {
				o.config = filepath.Join(t.TempDir(), "heddle.yaml")
				if err := os.WriteFile(o.config, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config", o.config)
			}
			err := f.Parse(args)
			if err == nil {
				err = command.Load(o.config, f)
			}
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) {
					t.Errorf("error is %v, want %q", err, c.fault)
				}
				return
			}
			if err != nil || !slices.Equal(o.discard, c.want) {
				t.Errorf("to be discarded are %v (%v), want %v", o.discard, err, c.want)
			}
		})
	}
}
