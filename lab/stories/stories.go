package stories

// All are the stories, in the order they are told.
func All() []Story {
	return []Story{
		{"everybody reaches whom the policies allow, and nobody else", matrix, false},
		{"a traceroute shows the routers that are there, and no other", hops, false},
		{"a workload moves as planned: within its rack, to the other one, and home", func(t *Teller) { moves(t, planned) }, false},
		{"a workload moves abruptly: within its rack, to the other one, and home", func(t *Teller) { moves(t, abrupt) }, true},
		{"one of two reflectors dies, and comes back", oneReflector, false},
		{"one of two reflectors is upgraded", upgradedReflector, false},
		{"one of two reflectors is drained, and comes back", drainedReflector, true},
		{"both reflectors die, and come back", bothReflectors, false},
		{"a host loses power, and comes back", darkHost, false},
		{"the spine loses power, and comes back", darkSpine, true},
		{"agents die and are upgraded, host by host", agents, false},
		{"etcd dies, and comes back", noEtcd, true},
		{"etcd is away, and all else goes on: a workload, a reflector, an agent restart", longNoEtcd, true},
		{"the whole inventory is deleted by mistake, and put back", wiped, false},
		{"all workloads are deleted by mistake, and put back", wipedWorkloads, true},
		{"a policy is added and taken away under load", policyChange, false},
		{"a workload changes its tag, and with it its policies", tagChange, true},
		{"a service lives on two hosts, and one of the two dies", anycast, false},
	}
}
