// Package etcd is the way to the datastore: it follows the inventory for daemons
// and reads and writes it for the command line.
//
// What I am: the only importer of etcd's client.
//
//	list at one revision ──► watch from there ──► mirror ──► Batch ──► consumer
//	        ▲                       │ any break     (what the consumer was told)
//	        └───────────────────────┘
//
// What I take: endpoints and secrets, all of the latter by the names of files. A
// certificate, key or CA that changes on disk counts from the next handshake on.
//
// What I give: to a daemon, batches of true differences: first the whole
// inventory, marked complete, then only what is other than before. To a person,
// results object by object, and errors that name the endpoint and what to do.
//
// What I promise: nothing is ever cleared to be filled again. A watch that breaks,
// for whatever reason, is followed by a listing that is compared with what was
// handed over, so that an outage, a compaction or a restored backup comes out as
// the difference it made, which may be nothing. Revisions are never guessed. A
// write that would change nothing is not made.
//
// What I refuse: to judge values, which is topology's part; to decide whether a
// great loss is meant, which is the part of whoever acts on it; to log through
// anything but the logger I was given.
package etcd
