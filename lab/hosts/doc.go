// Package hosts holds two hosts with workloads, the agent on each, a reflector and an
// outside, in namespaces.
//
// What I am: the proof of the agent in packets.
//
// What I take: the programs, built here; root.
//
// What I give: tests that send real packets, and say which of them arrived.
//
//	w1 web ─ tap1 ┐                                   ┌ tap3 ─ w3 web
//	              h1 ──────── lan ──┬── rr ────────── h2
//	w2 db  ─ tap2 ┘                 └── outside       └ tap4 ─ w4 lb
//
// What I promise: nothing is left behind; what should not arrive is not waited for, but
// overtaken by what should.
//
// What I refuse: to be imported.
package hosts
