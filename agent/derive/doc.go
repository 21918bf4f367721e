// Package derive says what a host should be.
//
// What I am: the step from the fabric as data to one host's ports, routes, chains and
// announcements.
//
// What I take: a topology.Snapshot, the host's name, its interfaces as they are, and a
// few wishes of its operator.
//
//	Snapshot ─┐
//	links ────┼─► For ─► State: ports, routes, chains, sets, announcements,
//	Config ───┘                 what each workload waits for, problems
//
// What I give: a State in the drivers' own words. It is complete: what it does not have
// should not be.
//
// What I promise: equal inputs give equal states; nothing is announced that cannot carry
// traffic; whatever is unknown is closed; a workload cannot take the host's own
// interface away from it.
//
// What I refuse: to look at the kernel, to remember, to do any of it.
package derive
