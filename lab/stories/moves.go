package stories

// How a workload moves: planned, it is gone where it was when the routers have turned
// to where it is; abrupt, at once.
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
			load.Aims("gap < 100 ms")
		}
		t.Move(m.from, m.to, how)
		load.ArrivesBy(m.port)
		load.Goes(500)
		load.End(m.what)
		after := t.Traffic(lively, roamer.to("outside", "web22", "web12")...)
		after.Goes(200)
		after.LosesNothing(m.what + ", then")
		t.Ready()
	}
}
