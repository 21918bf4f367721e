package command

import (
	"fmt"
	"os"
	"slices"

	"heddle/topology"
	"heddle/topology/manifest"
)

// Inventory reads files of fabric objects. Without a datastore nobody else numbers their
// tags: then numbers are given here, the same ones wherever the same files are read.
func Inventory(files []string, alone bool) ([]topology.Change, error) {
	var all []topology.Object
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("inventory: %w", err)
		}
		objects, err := manifest.Parse(file, data)
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
	if alone {
		all = append(all, Unnumbered(all)...)
	}
	return topology.ChangesOf(slices.Values(all)), nil
}

// Unnumbered gives the tags that apply would number a number, so that files need
// not do what apply does.
func Unnumbered(objects []topology.Object) []topology.Object {
	used, known := map[uint32]bool{}, map[string]bool{}
	var named []string
	for _, object := range objects {
		switch o := object.(type) {
		case topology.Tag:
			used[o.ID], known[o.Name] = true, true
		case topology.Workload:
			named = append(named, o.Tags...)
		case topology.Policy:
			named = append(named, o.Tags()...)
		}
	}
	var tags []topology.Object
	next := uint32(1)
	for _, name := range named {
		if known[name] {
			continue
		}
		for used[next] {
			next++
		}
		used[next], known[name] = true, true
		tags = append(tags, topology.Tag{Name: name, ID: next})
	}
	return tags
}
