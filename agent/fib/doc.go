// Package fib is the kernel's forwarding state as the agent sees it: routes, ports,
// neighbours, sysctls.
//
// What I am: the agent's door to netlink for all that forwards.
//
// What I take: routes to put in place and to remove, in batches; ports, each the
// host's end of a workload.
//
//	owner ──► batch ──► one sendmsg for many messages ──► kernel
//	owner ◄── Dump, one route at a time ◄─────────────────┤
//	owner ◄── Event: what somebody else did ◄─────────────┘
//
// What I give: what is there, and word of every change that was not ours.
//
// What I promise: a route that does not bear our mark, which is Protocol and Metric,
// is read and never written, save that one of a stranger who took our metric is
// replaced, for by its metric alone the kernel tells it from ours; replacing is one
// step, so that no packet that comes after finds a gap; memory does not grow with the
// number of routes; what fails is named route by route; all is done in the namespace
// where I was opened, whichever thread asks.
//
// What I refuse: to decide which route is right, to remember what I wrote, and to
// remove on my own account.
package fib
