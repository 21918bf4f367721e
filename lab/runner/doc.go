// Package runner runs a topology of containerlab without containers.
//
// What I am: the machines of a lab, and those who look after them.
//
// What I take: a topology file; the programs beside heddle; root, or a user who may
// have namespaces.
//
// What I give: a lab that goes on when the command that started it has ended, and a
// way to it: what runs, what is missing, a command in a node, packets that are counted.
//
//	heddle lab up ──► supervisor, the first process of a world of its own
//	heddle lab … ◄──► │  control: HTTP over a socket in the lab's folder
//	                  ├─ tor1   network, files, processes of its own
//	                  ├─ rr1    …
//	                  └─ host11 ══ veth ══ tor1
//
// What I promise: nothing of a lab is outside its world but its folder with the logs:
// when the supervisor ends, however it ends, the kernel takes all of it back. Two labs
// of different names know nothing of each other.
//
// What I refuse: what a topology says and package containerlab does not know; to write
// to this machine's files.
package runner
