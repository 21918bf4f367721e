package stories

import "time"

// How a workload moves: planned, it is served where it was until the routers have turned
// to where it is; abrupt, nothing comes there any more.
const (
	planned = "planned"
	abrupt  = "abrupt"
)

// moves: from everywhere to the one that moves. What is lost on the way is told; what
// is sent once it has moved must arrive.
func moves(t *Teller, how string) {
	roamer := at("roamer")
	for _, m := range []struct{ from, to, port, what string }{
		{"host11", "host12", "eth2", "within the rack"},
		{"host12", "host21", "eth3", "to the other rack"},
		{"host21", "host11", "eth1", "home"},
	} {
		load := t.Traffic(lively, roamer.to("outside", "web22", "web12")...)
		if how == planned {
			load.Gaps(100 * time.Millisecond)
		}
		t.Move(m.from, m.to, how)
		load.ArrivesBy(m.port)
		load.Goes(1000) // long enough for a packet by the former port to be one too late
		load.End(m.what)
		after := t.Traffic(lively, roamer.to("outside", "web22", "web12")...)
		after.Goes(200)
		after.LosesNothing(m.what + ", then")
		t.Ready()
	}
}
