// Package api answers over HTTP what the reflector knows: the JSON that
// `heddle show` prints, and whether the process is alive and ready.
//
// What I am: a reader. The types here are the outside contract of the JSON; the
// command line reads them back.
//
//	/api/v1/peers  /routes  /groups  /racks  /summaries  /exceptions  /ghosts  /blackholes
//	/api/v1/explain  /diff  /problems  /version     /livez  /readyz
//
// What I take: a State, anew for each request: what the control loop published
// last. Behind it stand the sessions, the tables and the inventory.
//
// What I give: arrays of objects, one object to a line. Times are RFC 3339 in UTC,
// counts are numbers, an array without elements is [] and never null.
//
// What I promise: a list is whole or visibly broken: before the inventory is
// complete there is a sentence (503) instead of an empty array, and an array that
// cannot be finished ends its connection. Routes are streamed in pages, so that a
// million of them cost the daemon no more memory than a thousand.
//
// What I refuse: to change anything, to keep anything between requests, to listen.
package api
