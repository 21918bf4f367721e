// Package probe sends numbered datagrams through a lab, and counts what becomes of
// them.
//
// What I am: the one prober of the lab's tests, its demonstration and its command.
//
// What I take: places, which run a function in their network; addresses.
//
// What I give: for each stream what was sent when, what arrived when and by which
// interface, and what came back.
//
//	Stream ──── stream, number ────► Listener      Arrival: number, interface, time
//	       ◄─── the same ──────────                if it echoes
//
// What I promise: a packet is sent by the clock, so that a late one makes none after
// it late; what waits for a busy reader is not lost.
//
// What I refuse: to wait for a packet that may never come.
package probe
