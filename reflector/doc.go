// Package reflector is the heart: it hears what peers announce, decides, and lets
// every other peer hear what RFC 4456 says it should.
//
// What I am: one goroutine that owns the tables of reflector/rib, and a feed per
// session from which the session's own writer takes what is next.
//
// What I take: Up, Batch and Down of sessions; the inventory to judge by, and the plan,
// which says who is to come back; questions.
//
// What I give: a Stream per session; answers, in bounded slices between events.
//
//	sessions ─Batch─► events ─► loop: rib ─Flush─► per group: log of chunks
//	   ▲                         │ owner of all tables     │ shared, immutable
//	   └──── Wake ◄──────────────┘                         ▼
//	   writers ◄─────────────── feed: a cursor ◄───────────┘
//
//	a feed   joins with a shared snapshot, follows the log, and, when it fell off the
//	         bounded log, walks the table until it is level again
//
// What I promise: a slow peer costs the others nothing and memory is bounded by the
// log, however many are slow; nothing is kept per route and peer; every initial
// update ends with End-of-RIB; a peer down removes its own routes and no others.
//
// What I refuse: sockets, policy about who is a peer, and to forget a route
// because something other than its peer went away, or left the plan.
package reflector
