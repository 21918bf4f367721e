// Package topology is the fabric as data: settings, racks, pools, nodes,
// workloads, routers, tags and policies, as the datastore says they are.
//
// What I am: the picture every daemon looks at.
//
//	Change ──► Inventory ──► *Snapshot ──► peering, summarize, reflector, agent
//	key, value   one owner     immutable, with its Problems
//
// What I take: keys and JSON values, in batches. One value is read by Decode,
// for daemons and for `check` alike; who is strict refuses every fault, who is
// lenient only those that make the value useless.
//
// What I give: a Snapshot that many goroutines may read for as long as they like,
// and a list of Problems, each a sentence that names the object, the fault and
// the mend.
//
// What I promise: any set of values builds. The same values give the same
// snapshot, whatever the order they came in and however often; a bad value
// leaves the last good one of its key in force and is the only thing whose
// history matters. A change copies what it touches, never the rest. Encode and
// Decode are inverse.
//
// What I refuse: to log, to wait, to read a clock or a file, to know where the
// values came from, or to decide what follows from them.
package topology
