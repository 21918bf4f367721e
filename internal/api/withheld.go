package api

import (
	"context"
	"encoding/json"
	"time"

	"heddle/topology"
)

// Withheld is a change of the inventory that etcd has and that is not carried out.
type Withheld struct {
	Object string          `json:"object"`
	Change string          `json:"change"` // deleted, changed or added
	Since  time.Time       `json:"since"`
	Until  *time.Time      `json:"until"` // when it is carried out by itself; null: a person has to decide
	Reason string          `json:"reason"`
	Path   string          `json:"path"`  // of its key
	Value  json.RawMessage `json:"value"` // what stays in force, or is kept out of it
}

func withheld(_ context.Context, s State) ([]Withheld, error) {
	list := make([]Withheld, 0, len(s.Withheld))
	for _, w := range s.Withheld {
		path, value := topology.Encode(w.Object)
		out := Withheld{Object: w.Object.Key().String(), Change: "changed", Since: w.Since.UTC(), Reason: s.Frozen, Path: path, Value: value}
		switch {
		case w.Change.Value == nil:
			out.Change = "deleted"
		case w.Added:
			out.Change = "added"
		}
		if s.Frozen == "" {
			until := out.Since.Add(topology.Window)
			out.Until, out.Reason = &until, "it may be one of many"
		}
		list = append(list, out)
	}
	return list, nil
}
