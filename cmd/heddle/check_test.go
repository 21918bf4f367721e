package main

import (
	"strings"
	"testing"
)

const goodNode = "kind: node\nname: h1\naddresses: [192.0.2.11]\n"

func TestCheckOfFiles(t *testing.T) {
	expect(t, "4 objects, no problems\n", "", "check", "-f", "testdata/fabric.yaml") // tags are numbered by apply, not by hand
	expect(t, "1 object, no problems\n", goodNode, "check", "-f", "-")

	twoFaults := "kind: node\nname: h1\nadresses: [192.0.2.11]\n---\nkind: pool\nname: p\nprefix: 10.0.0.1/8\n"
	refused(t, twoFaults, []string{"check", "-f", "-"},
		"3 faults\n", "\nstdin:3:1: node h1: adresses: unknown field", "\nstdin:7:9: pool p: prefix: 10.0.0.1/8 has host bits")
	refused(t, goodNode, []string{"check", "-f", "-", "-f", "testdata/fabric.yaml"}, "testdata/fabric.yaml: node h1 stands in stdin, too: delete one")
	refused(t, "", []string{"check", "-f", "nowhere.yaml"}, "nowhere.yaml", "no such file")
	refused(t, "", []string{"check", "fabric.yaml"}, "files are given with -f, as in `heddle check -f fabric.yaml`")
}

func TestCheckSaysWhatTheReflectorsWouldSay(t *testing.T) {
	const fabric = `
kind: node
name: h1
rack: r1
addresses: [192.0.2.11]
---
kind: node
name: h2
rack: r1
addresses: [192.0.2.11]
---
kind: router
name: rr1
role: reflector
rack: r1
addresses: [192.0.2.251]
---
kind: router
name: t1
role: tor
rack: r1
addresses: [192.0.2.1]
asn: 64512
`
	got, err := heddle(t, fabric, "check", "-f", "-")
	if err == nil || err.Error() != "2 problems" {
		t.Errorf("error is %v", err)
	}
	want := "node h2: claims 192.0.2.11, which belongs to node h1: give one of the two another address\n" +
		"router t1: has our AS 64512: sessions with a tor are eBGP; give it an AS of its own\n"
	if got != want {
		t.Errorf("problems are\n%swant\n%s", got, want)
	}
}

func TestNumbersForTagsDoNotClash(t *testing.T) {
	const tagged = `
kind: tag
name: db
id: 1
---
kind: node
name: h1
addresses: [192.0.2.11]
---
kind: workload
node: h1
name: w
addresses: [10.0.0.1]
tags: [web, db, lb]
---
kind: policy
name: p
appliesTo: [cache]
`
	expect(t, "4 objects, no problems\n", tagged, "check", "-f", "-")
}

func TestWhatCannotBeApplied(t *testing.T) {
	nobody := "http://127.0.0.1:" + freePort(t)
	refused(t, "", []string{"apply"}, "nothing to apply: give -f FILE, or -f - for standard input")
	refused(t, "kind: node\n", []string{"apply", "-f", "-"}, "nothing applied: 1 fault\nstdin:1:1:")
	refused(t, "", []string{"apply", "-f", "testdata"}, "testdata", "is a directory")
	refused(t, goodNode, []string{"apply", "-f", "-", "--etcd", "off"}, "--etcd off: this command needs etcd")
	refused(t, "", []string{"apply", "-f", "testdata/fabric.yaml", "--etcd", nobody}, "etcd at "+nobody, "connection refused")
	for args, want := range map[string]string{
		"get nodez":                   `kind "nodez" does not exist: write one of settings`,
		"get nodes -o xml":            "-o xml: want yaml or json",
		"get workload web1":           `workload "web1": write it as NODE/NAME`,
		"delete":                      "say what",
		"delete node":                 "name the node: all of a kind are not deleted at once",
		"delete node h1 -f x.yaml":    "names or files, not both",
		"delete workload web1":        "write it as NODE/NAME",
		"delete nodez h1":             `kind "nodez" does not exist`,
		"delete -f nowhere.yaml":      "no such file",
		"delete settings h1":          "there is one settings object",
		"get nodes h1 h2":             "accepts at most 2 arg(s)",
		"apply -f x.yaml --etcd ://x": "x.yaml",
	} {
		refused(t, "", strings.Fields(args), want)
	}
}

func TestKindsAreCompleted(t *testing.T) {
	got, err := heddle(t, "", "__complete", "get", "")
	if err != nil || !strings.HasPrefix(got, "settings\nrack\npool\nnode\n") {
		t.Errorf("completion is %q, %v", got, err)
	}
}
