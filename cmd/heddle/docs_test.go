package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"heddle/topology"
	"heddle/topology/manifest"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// What the pages print is what newcomers copy.
func TestTheFabricsInThePagesHaveNoProblems(t *testing.T) {
	for _, page := range []string{"README.md", "docs/FABRIC.md", "docs/RACKS.md"} {
		text, err := os.ReadFile(filepath.Join("../..", page))
		if err != nil {
			t.Fatal(err)
		}
		blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
		if len(blocks) == 0 {
			t.Errorf("%s shows no fabric", page)
		}
		for _, block := range blocks {
			objects, err := manifest.Parse(page, []byte(block[1]))
			if err != nil {
				t.Error(err)
			}
			var out strings.Builder
			if err := judge(&out, snapshotOf(objects), len(objects)); err != nil {
				t.Errorf("%s: %v\n%s", page, err, out.String())
			}
		}
	}
}

// The reference of the fabric has every kind and every field.
func TestTheReferenceNamesEveryField(t *testing.T) {
	text, err := os.ReadFile("../../docs/FABRIC.md")
	if err != nil {
		t.Fatal(err)
	}
	block := yamlBlock.FindStringSubmatch(string(text))[1]
	objects, err := manifest.Parse("docs/FABRIC.md", []byte(block))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[topology.Kind]bool{topology.KindTag: true} // apply makes them
	for _, object := range objects {
		shown[object.Key().Kind] = true
		fields := reflect.TypeOf(object)
		for i := range fields.NumField() {
			name := fields.Field(i).Name
			if name != "Egress" && !strings.Contains(strings.ToLower(block), strings.ToLower(name)+":") {
				t.Errorf("%s has a field %s that is not there", object.Key().Kind, name)
			}
		}
	}
	for _, kind := range topology.Kinds {
		if !shown[kind] {
			t.Errorf("there is no %s", kind)
		}
	}
}
