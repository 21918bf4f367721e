// Package agent keeps a host what the fabric says it should be.
//
// What I am: the loop that owns a host's routes, chains and announcements.
//
// What I take: snapshots of the inventory; what reflectors say, as a session.Handler;
// word of what others do to the kernel.
//
//	Snapshot ─► derive ─► State ──► firewall ──► ports, local routes ──► announcements
//	                        │                                              │ streams
//	reflectors ─► routes ─► Change ─► sets, then remote routes           sessions
//	                                        │
//	kernel ─► Event ─► what is not as it should be, written again
//
// What I give: the kernel in that state; to the reflectors, the addresses that live
// here; answers about all of it.
//
// What I promise: chains before routes, routes before announcements, and the reverse on
// the way out; what is right already is not written; nothing is removed before the
// inventory and End-of-RIB say so, nor because either of them went away; a start, an end
// and a crash disturb no flow.
//
// What I refuse: to touch what is not ours; to announce what cannot carry traffic; to
// wait for a peer.
package agent
