package main

import (
	"strings"
	"testing"

	"heddle/lab/bench"
)

func TestBenchRefusesWhatMakesNoSense(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"load --start frr --target 127.0.0.1", "exclude each other"},
		{"load --target localhost", "want an address"},
		{"load --target 192.0.2.1", "must be in 127.0.0.0/8"},
		{"load --start quagga", "want one of heddle"},
		{"load -o yaml", "want table or json"},
		{"load --clients 1", "want 2 to"},
		{"load --asn 0", "AS number"},
		{"load --moves 3", "unknown flag"},
		{"churn --moves 0", "want at least 1"},
		{"suite --start quagga", "want one of heddle"},
		{"suite --again", "results.json"},
		{"hub --listen 192.0.2.1", "listens in 127.0.0.0/8"},
	} {
		refused(t, "", strings.Fields("bench "+c.args), c.want)
	}
}

func TestBenchHasACommandPerScenario(t *testing.T) {
	for _, s := range bench.Scenarios() {
		cmd, _, err := root().Find([]string{"bench", s.Name})
		if err != nil || cmd.Name() != s.Name || cmd.Short != s.Short {
			t.Errorf("%s: command is %q, %v", s.Name, cmd.Name(), err)
		}
	}
}
