// Package racks drives packets through two racks of other people's routers while
// workloads move between them.
//
// What I am: tests. ToRs, spine and border router are FRR and BIRD with the
// configurations that docs/RACKS.md shows, the hosts run BIRD, the reflector is the
// binary users run; each is a network namespace.
//
// What I take: the programs, by the names they are installed under, and root.
//
// What I give: what each table must hold, in the router's own words; and for each
// move the packets lost and why, doubled, and delivered where they should not be.
//
//	      outside ── border
//	                   │
//	reflector ────── spine
//	              ┌────┴────┐
//	             tor1      tor2        a switch below each ToR
//	            ┌─┴─┐     ┌─┴─┐
//	       host11 host12 host21 host22
//	          └────────────┘
//	             workload              a cable to either host; it moves
//
// What I promise: times are printed and never asserted; no namespace, process or
// file is left.
//
// What I refuse: to look into a router other than through its own command and its
// kernel.
package racks
