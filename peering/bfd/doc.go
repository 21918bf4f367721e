// Package bfd watches the paths to peers, by Bidirectional Forwarding Detection.
//
// What I am: RFC 5880 in asynchronous mode, over one hop (RFC 5881) and several
// (RFC 5883), IPv4 and IPv6.
//
// What I take: for each peer, how closely its path is watched, and whom to tell.
//
// What I give: a word whenever a path comes up or breaks; the state of each.
//
//	packet ──► socket ──► Parse ──► Machine ──► Event ──► whoever asked for the session
//	             ▲        (pure)     (pure)
//	             └── one goroutine per socket to read, one for all timers: a heap
//
// What I promise: no goroutine per session; a port is open only while a session of its
// family is wanted; what has arrived and was not read counts as heard, so that a busy
// machine does not break a path; what a machine does depends on what it is given only.
//
// What I refuse: to decide what becomes of routes; echo and demand mode of our own;
// authentication, which RFC 5880 leaves optional and which TTLs stand in for.
package bfd
