package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What is published, below the directory of documents.
const (
	pageFile = "BENCHMARKS.md"
	dataFile = "benchmarks/results.json"
	plotFile = "benchmarks/growth.svg"
)

// The marks between which the page is generated.
const (
	beginMark = "<!-- measured: begin; `make bench` writes this part -->"
	endMark   = "<!-- measured: end -->"
)

// preface is the page where there is none yet.
const preface = `# Benchmarks

Heddle beside BIRD, FRR, GoBGP and a hub that only copies octets, on identical work, one after the other on the same
machine, each in a network namespace of its own. To repeat it, as root:

    make bench

or one line of it, for instance

    bin/heddle bench load --clients 1000 --routes 500 --start heddle,frr,bird,hub

The load generator (` + "`lab/bench`" + `) is every client at once and verifies, route by route and attribute by attribute, what
each of them holds in the end; a run that ends otherwise has no figures. *Core-seconds* are what the speaker's process
computed between the first octet of what is measured and the moment when the last client held all it must; *wall* is
that time. RSS is taken a second later. The speakers' configurations are in ` + "`lab/bench/speakers`" + `.

## Results

` + beginMark + "\n" + endMark + "\n"

// Publish writes the page, the plot and the data below a directory of documents.
func (res *Results) Publish(docs string) error {
	file := filepath.Join(docs, pageFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte(preface), nil
	}
	if err != nil {
		return err
	}
	whole, err := insert(string(text), res.measured(plotFile))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.MkdirAll(filepath.Join(docs, filepath.Dir(dataFile)), 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(res, "", " ")
	if err != nil {
		return err
	}
	var plot strings.Builder
	if err := res.plot(&plot); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(file, []byte(whole), 0o644),
		os.WriteFile(filepath.Join(docs, dataFile), append(data, '\n'), 0o644),
		os.WriteFile(filepath.Join(docs, plotFile), []byte(plot.String()), 0o644),
	)
}

// insert puts what was measured between the marks of a page.
func insert(page, measured string) (string, error) {
	before, rest, ok := strings.Cut(page, beginMark)
	_, after, ok2 := strings.Cut(rest, endMark)
	if !ok || !ok2 {
		return "", fmt.Errorf("the marks %q and %q are gone", beginMark, endMark)
	}
	return before + beginMark + "\n\n" + measured + endMark + after, nil
}

// Stored reads the data of an earlier suite.
func Stored(docs string) (*Results, error) {
	data, err := os.ReadFile(filepath.Join(docs, dataFile))
	if err != nil {
		return nil, err
	}
	res := new(Results)
	if err := json.Unmarshal(data, res); err != nil {
		return nil, fmt.Errorf("%s: %w", dataFile, err)
	}
	return res, nil
}

// Summary is what was measured, for a terminal.
func (res *Results) Summary() string { return res.measured(plotFile) }
