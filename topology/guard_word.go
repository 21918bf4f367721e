package topology

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AcceptedPath is the key by which a person says that what is gone is meant to be: all
// that went before the key was written, or of that the paths that its value names:
//
//	{"at":"2030-01-02T03:04:05Z","paths":["/heddle/v1/nodes/h7"]}
//
// Only a value that differs from the one before says anything: hence the time.
const AcceptedPath = Prefix + "accepted"

// consent is what that key says.
type consent struct {
	revision int64           // of the datastore when it was written
	paths    map[string]bool // nil: all
	heard    time.Time
}

// acceptance is the value.
type acceptance struct {
	At    time.Time `json:"at"`
	Paths []string  `json:"paths,omitempty"`
}

// Acceptance is the value by which these deletions are accepted; without any, all.
func Acceptance(at time.Time, paths ...string) []byte {
	value, err := json.Marshal(acceptance{At: at, Paths: paths})
	if err != nil {
		panic("topology: encode an acceptance: " + err.Error()) // a time and strings always can be
	}
	return value
}

// consentOf reads the key. A value that is anything else than the above accepts nothing:
// what has its paths under another name must not be read as all.
func consentOf(c Change) (word consent, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(c.Value))
	decoder.DisallowUnknownFields()
	var a acceptance
	if decoder.Decode(&a) != nil || a.At.IsZero() {
		return consent{}, false
	}
	word.revision = c.Revision
	if a.Paths != nil {
		word.paths = make(map[string]bool, len(a.Paths))
	}
	for _, path := range a.Paths {
		word.paths[path] = true
	}
	return word, true
}

func (c consent) covers(w *Withheld) bool {
	return w.Revision <= c.revision && (c.paths == nil || c.paths[w.Path])
}

// accepted says whether a person has said so of what is withheld.
func (g *Guard) accepted(w *Withheld) bool {
	return slices.ContainsFunc(g.said, func(c consent) bool { return c.covers(w) })
}

// backwards words why a datastore is not believed.
func (g *Guard) backwards(b Batch) string {
	if g.cluster == 0 {
		return "what is gone from etcd, or changed, was in doubt before the restart already"
	}
	if b.Cluster != g.cluster {
		return "another etcd answers than before"
	}
	return fmt.Sprintf("etcd went back in time, from revision %d to %d, as one does that is restored from a backup", g.inventory.revision, b.Revision)
}

// named is how many of those withheld are named in a sentence.
const named = 3

// Problems is what a person has to decide; none while nothing is frozen.
func (g *Guard) Problems() []Problem {
	list, reason := g.Withheld()
	if reason == "" || len(list) == 0 {
		return nil
	}
	var names []string
	deletions := 0
	for _, w := range list {
		if len(names) < named {
			names = append(names, w.Object.Key().String())
		}
		if w.Value == nil {
			deletions++
		}
	}
	if len(list) > named {
		names = append(names, "…")
	}
	return []Problem{{Object: "inventory", Text: fmt.Sprintf(
		"is frozen since %s, because %s: %s withheld (%s); run `heddle accept` if it is meant, or `heddle reject` to write them back as they were",
		g.since.UTC().Format(time.RFC3339), reason, withheldText(deletions, len(list)-deletions), strings.Join(names, ", "))}}
}

func withheldText(deletions, changes int) string {
	var parts []string
	if deletions > 0 {
		parts = append(parts, plural(deletions, "deletion"))
	}
	if changes > 0 {
		parts = append(parts, plural(changes, "change"))
	}
	text := strings.Join(parts, " and ")
	if deletions+changes == 1 {
		return text + " is"
	}
	return text + " are"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
