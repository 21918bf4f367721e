package runner

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"heddle/lab/containerlab"
)

// daemons are those of ours that a node runs, and that can be asked how they are.
type daemons struct{ reflector, agent bool }

// daemonsOf looks for them in the node's command and in the scripts that it names: a
// daemon may be the last that a script begins.
func daemonsOf(n containerlab.Node, dir string) daemons {
	d := daemonsIn(strings.Join(n.Command, " "))
	for _, b := range n.Binds {
		if !slices.Contains(n.Command, b.Target) {
			continue
		}
		source := b.Source
		if !filepath.IsAbs(source) {
			source = filepath.Join(dir, source)
		}
		text, err := os.ReadFile(source)
		if err != nil || !bytes.HasPrefix(text, []byte("#!")) {
			continue // a file that is shown, and no script
		}
		in := daemonsIn(string(text))
		d = daemons{d.reflector || in.reflector, d.agent || in.agent}
	}
	return d
}

// daemonsIn looks for them in a shell's text. The agent's program has commands, too,
// which are no daemons: what follows it must be its options.
func daemonsIn(text string) daemons {
	var d daemons
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for part := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(";|&()", r) }) {
			words := append(strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune(" \t\n\"'", r) }), "-")
			for i, w := range words[:len(words)-1] {
				next := words[i+1]
				switch path.Base(w) {
				case "heddle":
					d.reflector = d.reflector || next == "reflector"
				case "heddle-agent":
					d.agent = d.agent || strings.ContainsAny(next[:1], "-$")
				}
			}
		}
	}
	return d
}
