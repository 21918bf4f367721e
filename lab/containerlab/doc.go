// Package containerlab reads topology files of containerlab.
//
// What I am: the lab's door to YAML, and the list of what `heddle lab` understands
// of containerlab's language.
//
// What I take: the octets of a file.
//
// What I give: a Topology, in which each node has what its defaults and its kind say
// of it.
//
//	defaults ◄─ kinds.linux ◄─ nodes.NODE
//	   what stands further right wins; binds, env, sysctls and labels by their
//	   names; exec is the sum of all three, in this order
//
// What I promise: what stands in a file and is not honoured is refused by name, with
// file, line and column; every fault of a file is reported at once.
//
// What I refuse: to read files, and to change anything in the world. Of containerlab's
// language what version 0.60 has, so that a file that is understood here deploys there.
package containerlab
