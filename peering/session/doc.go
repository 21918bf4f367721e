// Package session holds BGP sessions: it connects, negotiates, keeps alive, reads
// and writes.
//
// What I am: the part that must never wait. Sockets, timers and the finite state
// machine of RFC 4271 live here, and nothing that thinks about routes.
//
// What I take: a peering.Plan; from the reflector, a Stream per session to send
// from.
//
// What I give: to a Handler, in order for each session: Up, batches of what the
// peer said, Down. Status of every peer for those who look.
//
//	Server ── one ──► listener per address ─┐ connections
//	  │ one per session of the plan         ▼
//	  └────────────► peer (Idle, Connect, Active) ──► conn, at most one out and one in
//	                   └ decides collisions            (OpenSent, OpenConfirm, Established)
//	                                                     │ read: one goroutine
//	       Handler ◄── Up, Batch, Down ──────────────────┤
//	       Stream  ──► octets ──► outbox ──► socket ◄────┘ written by whoever has news
//
// What I promise: a plan applied twice equals once; two connections with one peer
// end as one session, whoever dialled; keepalives never wait for the tables; time
// that we spend not reading does not count against a peer; a malformed UPDATE has
// the consequence of RFC 7606 and no bystander notices.
//
// What I refuse: routes, policy, the inventory, and to block on a slow peer.
package session
