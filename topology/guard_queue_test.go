package topology

import (
	"testing"
	"time"
)

// While nothing is carried out, things may come and go for days.
func TestAFrozenGuardDoesNotGrow(t *testing.T) {
	var g Guard
	now := time.Unix(1_000_000, 0)
	path, value := Encode(Tag{Name: "web", ID: 1})
	settings, asn := Prefix+"settings", []byte(`{"asn":64512}`)
	g.Take(now, Batch{Complete: true, Cluster: 7, Revision: 1, Changes: []Change{{Path: settings, Value: asn}, {Path: path, Value: value}}})
	g.Take(now, Batch{Cluster: 7, Revision: 2, Changes: []Change{{Path: settings, Revision: 2}}})
	for i := range int64(1000) {
		g.Take(now, Batch{Cluster: 7, Revision: 3 + 2*i, Changes: []Change{{Path: path, Revision: 3 + 2*i}}})
		g.Take(now, Batch{Cluster: 7, Revision: 4 + 2*i, Changes: []Change{{Path: path, Value: value, Revision: 4 + 2*i}}})
	}
	if len(g.queue) > 10 || len(g.withheld) != 1 {
		t.Errorf("%d wait in the queue, and %d are withheld", len(g.queue), len(g.withheld))
	}
}
