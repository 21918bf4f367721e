// Package summarize knows what belongs where: which rack an address is at home in,
// which rack it is in now, and so what each kind of peer is to hear of it.
//
// What I am: the table of DESIGN §6, as functions of values.
//
// What I take: a snapshot of the fabric; next hops and prefixes; counts of routes.
//
// What I give: the Place of a route, the Verdict a listener's view has of it, and the
// set of summaries that should exist.
//
//	snapshot ─Compile─► Map ─┬─ Place(prefix, next hop)  home, now
//	                         └─ Owns, Tags, Elevated     evidence
//	Place, speaker ─Hear─► Verdict for a Listener
//	contributing routes ─Tracker─► summaries that come and go
//
// What I promise: equal inputs give equal outputs. What is unknown is an exception,
// and an exception is never suppressed.
//
// What I refuse: to hold routes, to write octets, to know who is connected.
package summarize
