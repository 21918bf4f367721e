package stories

// threeEtcds: the fabric of containerlab.yml, whose inventory is in three etcds.
func threeEtcds() []Story {
	return []Story{
		All()[0],
		{Name: "three etcds die, and come back", Tell: noEtcd},
		{Name: "one of three etcds dies, and a workload moves all the same", Tell: func(t *Teller) {
			for _, etcd := range t.Nodes("etcd")[1:] { // who moves it writes to the first
				t.followedWithout(etcd)
			}
		}},
	}
}

// followedWithout: two of three are enough to follow the inventory.
func (t *Teller) followedWithout(etcd string) {
	load := t.Traffic(lively, across()...)
	t.Kill(etcd)
	t.Move("host11", "host12", planned)
	t.Move("host12", "host11", planned)
	t.Start(etcd)
	t.Ready()
	load.LosesNothing(etcd + " killed, roamer moves and comes home, " + etcd + " back")
}
