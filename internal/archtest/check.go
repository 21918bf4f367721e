package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// check holds the packages to the rules and returns a sentence per breach.
func check(packs []pack) []string {
	var breaches []string
	say := func(format string, args ...any) { breaches = append(breaches, fmt.Sprintf(format, args...)) }
	for _, p := range packs {
		allowed, known := house()[p.path]
		if !known {
			say("%s is not in the plan: give it a row in internal/archtest/rules.go, and a line in docs/ARCHITECTURE.md", p.path)
			continue
		}
		checkDoc(p, say)
		for _, f := range p.files {
			for _, name := range f.imports {
				checkImport(p, f, name, allowed, say)
			}
			checkFile(p, f, say)
		}
	}
	return breaches
}

func checkImport(p pack, f file, name string, allowed []string, say func(string, ...any)) {
	if ours, ok := strings.CutPrefix(name, module+"/"); ok {
		switch {
		case f.test:
		case slices.Contains(testsOnly(), ours) && !strings.HasPrefix(p.path, "lab/"):
			say("%s imports %s, which is for tests and benchmarks only", f.path, ours)
		case !slices.Contains(allowed, ours) && !slices.Contains(testsOnly(), ours):
			say("%s imports %s: %s may import only %s; move what you need down, or pass it in", f.path, ours, p.path, listed(allowed))
		}
		return
	}
	if f.test {
		return
	}
	if why, bad := impure()[name]; bad && isPure(p, f) {
		say("%s imports %s: %s is pure; %s", f.path, name, p.path, why)
		return
	}
	for _, d := range doors() {
		if !strings.HasPrefix(name, d.prefix) {
			continue
		}
		if !slices.Contains(d.owners, p.path) {
			say("%s imports %s: %s", f.path, name, d.advice)
		}
		return
	}
}

// isPure says whether a file is part of a pure package, or pure by itself.
func isPure(p pack, f file) bool {
	return slices.Contains(pure(), p.path) || slices.Contains(pure(), f.path)
}

func listed(allowed []string) string {
	if len(allowed) == 0 {
		return "nothing of ours"
	}
	return strings.Join(allowed, ", ")
}

func checkFile(p pack, f file, say func(string, ...any)) {
	if f.inits {
		say("%s declares func init: wire it by hand in cmd", f.path)
	}
	if f.bubble && p.path != "internal/virtual" {
		say("%s calls synctest.Test: call virtual.Test, which the race detector survives", f.path)
	}
	if f.test {
		return
	}
	if f.clock && isPure(p, f) {
		say("%s asks for the time: %s is pure; take the time as an argument", f.path, p.path)
	}
	if f.wall {
		say("%s keeps a time as UnixNano: that of a wall clock, which is set, so that whatever waits for it waits wrongly; keep the time.Time, or count from one", f.path)
	}
	if f.lines > linesMost {
		say("%s has %d lines: past %d a file has more than one job", f.path, f.lines, linesMost)
	}
	for _, word := range []string{"util", "common", "helper", "misc"} {
		if strings.Contains(p.path, word) {
			say("%s: %q says nothing about what is in it", p.path, word)
		}
	}
}

func checkDoc(p pack, say func(string, ...any)) {
	if strings.HasPrefix(p.path, "cmd/") {
		return
	}
	for _, f := range p.files {
		if !strings.HasSuffix(f.path, "/doc.go") {
			continue
		}
		at := 0
		for _, answer := range answers() {
			i := strings.Index(f.doc[at:], answer)
			if i < 0 {
				say("%s does not say, in its place, %q", f.path, answer)
				continue
			}
			at += i
		}
		return
	}
	if slices.ContainsFunc(p.files, func(f file) bool { return !f.test }) {
		say("%s has no doc.go with the five answers", p.path)
	}
}
