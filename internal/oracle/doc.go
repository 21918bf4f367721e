// Package oracle is the slow twin of the reflector: maps, sorting and the text of
// the RFCs, for tests to compare the fast one with.
//
// What I am: a model of what every peer should hold, and a reader of what it was
// sent.
//
// What I take: what peers announced and withdrew, as values; octets as they came
// over a session.
//
// What I give: the table each peer must end with; UPDATEs to feed to the fast
// twin; the table a stream of octets amounts to; the packets that brought other
// speakers down (hostile/*.hex).
//
// What I promise: obviousness. Every query computes from scratch.
//
// What I refuse: to share a line with peering/wire or reflector, or to be imported
// by anything but tests and benchmarks.
package oracle
