package stories

// threeEtcds: the fabric of containerlab.yml, whose inventory is in three etcds.
func threeEtcds() []Story {
	return []Story{
		All()[0],
		{Name: "three etcds die, and come back", Tell: noEtcd},
		{Name: "one of three etcds dies, and a workload moves all the same", Tell: func(t *Teller) {
			etcds := t.Nodes("etcd")
			for i, etcd := range etcds {
				t.followedWithout(etcd, etcds[(i+1)%len(etcds)])
			}
		}},
	}
}

// followedWithout: two of three are enough to follow the inventory. One of those is told of
// the move.
func (t *Teller) followedWithout(etcd, other string) {
	load := t.Traffic(lively, across()...)
	t.Kill(etcd)
	t.etcd = other
	t.Until("etcd to have a leader", func() string {
		if _, err := t.lab.Output(t.ctx, other, "etcdctl", "--command-timeout", "5s", "endpoint", "health"); err != nil {
			return err.Error()
		}
		return ""
	})
	t.Move("host11", "host12", planned)
	t.Move("host12", "host11", planned)
	t.Start(etcd)
	t.Ready()
	load.LosesNothing(etcd + " killed, roamer moves and comes home, " + etcd + " back")
}
