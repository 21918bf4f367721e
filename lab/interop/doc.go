// Package interop sets the reflector among other people's routers and looks who
// holds what.
//
// What I am: tests. The reflector is the binary users run; BIRD 2, FRR, GoBGP (the
// daemon of Debian and the server of the library), OpenBGPD and a probe of our own
// are its peers, each in a network namespace.
//
// What I take: the programs, by the names they are installed under, and root.
//
// What I give: failures that name the peer, the prefix, what it holds and what it
// should.
//
//	speakers ──► announce, withdraw, move, die, come back
//	   │ holds(): their own words           tap: every octet at the reflector
//	   ▼                                         ▼
//	  views  ◄──── equal? ──── oracle.Model ◄─── what peers said
//	                               └──── equal? ──── what each was sent, to the octet
//
// What I promise: a program that is missing fails the run and names its package;
// nothing waits for a fixed time; no namespace, process or file is left.
//
// What I refuse: to look into the reflector. What its peers hold is what counts.
package interop
