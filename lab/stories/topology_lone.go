package stories

// lone: a rack with one reflector, which has etcd inside. Nobody else could say what it
// has said, so all whom it serves keep that until it is back.
func lone() []Story {
	return []Story{
		{Name: "the rack of a lone reflector reaches whom the policies allow, and nobody else", Tell: rackMatrix},
		{Name: "a lone reflector is killed, and comes back", Tell: func(t *Teller) {
			loneRestart(t, "killed and back", func() { t.Kill("rr1") })
		}},
		{Name: "a lone reflector is stopped, and comes back", Tell: func(t *Teller) {
			loneRestart(t, "stopped and back", func() { t.Stop("rr1") })
		}},
	}
}

// rackMatrix: web11 and db11 are on one host, web12 on the other.
func rackMatrix(t *Teller) {
	t.reaches(
		ways("outside web11", "web11 outside", "outside web12", "web11 web12", "web12 web11", "web12 db11"),
		ways("db11 web12", "db11 outside", "outside db11"),
	)
}

// loneRestart: within the rack, which hosts route, and from outside, which the ToR does.
func loneRestart(t *Teller, what string, end func()) {
	load := t.Traffic(lively, ways("outside web11", "web12 outside", "web11 web12", "web12 db11")...)
	end()
	load.Goes(2500)
	t.Start("rr1")
	t.Ready()
	load.Goes(2500)
	load.LosesNothing(what)
}
