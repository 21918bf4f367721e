package main

import (
	"strings"
	"testing"
)

// What is wrong with a command is said before anything is begun.
func TestACommandOfTheLabThatIsWrongBeginsNothing(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"test no-such-word", "no story has a name with [\"no-such-word\"]; there are:\n  everybody reaches"},
		{"test -o xml", `output "xml": want text or json`},
		{"status -o xml", `output "xml": want table or json`},
		{"--name ../zz down", `name of the lab "../zz"`},
		{"--name . status", `name of the lab "."`},
		{"--name a/b exec a ls", `name of the lab "a/b"`},
		{"--name a/b up", `name of the lab "a/b"`},
		{"--name no-such status", "lab no-such: there is no such lab: heddle lab --name no-such -t FILE up starts it"},
	} {
		args := append([]string{"lab", "-t", "../../containerlab.yml"}, strings.Fields(c.args)...)
		if _, err := heddle(t, "", args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.args, err, c.want)
		}
	}
}

func TestACommandInANodeMayFollowTwoHyphens(t *testing.T) {
	for args, want := range map[string]string{"a ls -l": "ls -l", "a -- ls -l": "ls -l", "a ls --": "ls --"} {
		got, err := after(strings.Fields(args), 1)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v, want %q", args, got, err, want)
		}
	}
	if _, err := after([]string{"a", "--"}, 1); err == nil || !strings.Contains(err.Error(), "write it after a") {
		t.Errorf("without a command: %v", err)
	}
}
