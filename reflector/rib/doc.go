// Package rib is the reflector's thinking part: Adj-RIB-In, the decision, Loc-RIB,
// and what each update group is to hear of it.
//
// What I am: one mutable value, RIB, with a single owner.
//
// What I take: what peers announced and withdrew, as wire hands it over; the
// views that want to hear of changes.
//
// What I give: chunks of encoded UPDATEs, shared by all peers of a view; walks for
// peers that fell behind; snapshots for those that join; a reason for every path
// that lost.
//
//	Announce, Withdraw ─► table ─► decision ─► dirty heads
//	                                              │ Flush(views)
//	                          window: buckets of (attribute set, source)
//	                                              │ encoder, once per view
//	                                        chunks of segments ─► whoever they go to
//
// What I promise: equal inputs give equal tables; what wins depends on the paths
// now present, not on the order in which they came. For every peer, the chunks
// that go to it replay to exactly the routes its view hears, its own left out.
// Memory per route is one record and its share of the index; per (route, peer) it
// is nothing.
//
// What I refuse: to log, wait, dial, read a clock, start a goroutine, or judge a
// peer.
package rib
