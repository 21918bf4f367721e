// Package firewall is the host's packet filter as the agent sees it: chains, sets and
// tracked flows.
//
// What I am: the agent's door to iptables, ip6tables, ipset and conntrack.
//
// What I take: a State, which is every chain, hook and set that is to be ours; members
// of sets, as differences; addresses whose flows are over.
//
//	State ─► Render ─► compare with iptables-save ─► iptables-restore --noflush, once per table
//	      └► Walk: what would become of a packet, rule by rule
//
// What I give: the kernel in that state, and the least change that leads there; the
// fate of a packet in words.
//
// What I promise: a table changes in one step; a rule that stays keeps its counters;
// sets exist before rules that name them and go after them; what does not begin with
// Prefix is never touched; a restarted agent finds again what it wrote; applying the
// same state twice writes nothing the second time.
//
// What I refuse: to know workloads, tags or policies; marks on packets, which others
// use; to flush a table.
package firewall
