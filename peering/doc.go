// Package peering says which sessions should exist, and in what manner.
//
// What I am: the step from the fabric as data to the sessions of one speaker.
//
// What I take: a topology.Snapshot, and who we are.
//
// What I give: a Plan, which is a value: every session with its kind, addresses,
// AS, families and timers; and Problems where the fabric asks for what can't be.
// Diff of two plans is the whole of reconfiguration.
//
// What I promise: equal snapshots give equal plans; both ends of a link derive
// sessions that match; a reflector never peers with itself; a change that a peer
// can't see does not touch its session.
//
// What I refuse: to dial, to hold a session, to read a clock or a file. The room
// next door, peering/session, does that, and peering/wire knows the octets.
package peering
