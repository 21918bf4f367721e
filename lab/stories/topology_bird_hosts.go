package stories

// birdHosts: a rack of hosts without agents.
func birdHosts() []Story {
	return []Story{
		{Name: "hosts without an agent reach each other, and what a host has no right to announce is reached by nobody", Tell: birdMatrix},
		{Name: "hosts without an agent lose one of two reflectors, and have it back", Tell: func(t *Teller) {
			load := t.Traffic(lively, birdWays()...)
			t.Kill("rr1")
			load.Goes(1500)
			t.Start("rr1")
			t.Ready()
			load.Goes(1500)
			load.LosesNothing("rr1 killed and back")
		}},
		{Name: "the BIRD of a host without an agent is killed, and comes back", Tell: func(t *Teller) {
			load := t.Traffic(lively, birdWays()...)
			t.Kill("host12")
			load.Goes(1500)
			t.Start("host12")
			t.Ready()
			load.Goes(1500)
			load.LosesNothing("BIRD of host12 killed and back")
		}},
	}
}

// birdWays: nobody guards these hosts, so all reach all.
func birdWays() []flow {
	return ways("outside web11", "web11 outside", "web11 web12", "db11 web12", "web12 db11", "outside web12")
}

// birdMatrix: web12 has addresses that host12 announces, and that the inventory does not
// have on it.
func birdMatrix(t *Teller) {
	t.reaches(birdWays(), place{"web12", "10.1.0.66", "fd00:1::66"}.to("outside", "web11"))
}
