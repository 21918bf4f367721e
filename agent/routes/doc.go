// Package routes is what the reflectors say, as a host keeps it.
//
// What I am: the table of a host: a prefix, who says what of it, and what follows.
//
//	Batch ──► paths of a prefix, one per peer and path identifier
//	            └─ best: fresh, LOCAL_PREF, AS_PATH, ORIGIN, ORIGINATOR_ID, CLUSTER_LIST, peer
//	                 └─ Change: the next hops of a prefix, and its tags, are other than before
//
// What I take: batches of UPDATEs, by peer; the loss and the return of peers; addresses
// that no route may lead away.
//
// What I give: changes, each prefix once per Flush; the table, one route at a time.
//
// What I promise: the result depends on what is said now, never on the order it was
// said in; a stale route never stands beside a fresh one; nobody's loss removes
// anything until somebody who is there says otherwise; half a million routes fit in
// 32 MB, without a pointer among them.
//
// What I refuse: the default route, and any that covers a reflector, the datastore or a
// next hop; to know the kernel, or how a next hop is reached.
package routes
