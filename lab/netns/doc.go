// Package netns lays cables between network namespaces, so that a fabric fits on
// one machine.
//
// What I am: the lab's door to netlink.
//
// What I take: names, cables with the addresses of their ends, programs and
// functions to run inside.
//
// What I give: namespaces under names that `ip netns` knows, hd-PID-LAB-SPACE, so
// that a person can look inside while a test runs.
//
//	      ┌─ switch ─┐
//	 p0 ──┤  bridge  ├── p1          Connect(switch, host) plugs a host in,
//	  │   └──────────┘   │           Connect(host, host) is a cable between two
//	eth0                eth0
//	host                host
//
// What I promise: an address can be used as soon as Connect returns; Close ends
// every process in the namespaces, whoever started it, and leaves nothing; what a
// process left that was killed before it could clean up, the next lab removes; a
// program started here dies with the process that started it.
//
// For labs that outlive the command that began them there is World, namespaces of all
// kinds around a process, which end with it, and Root, the files that a machine of a lab
// sees.
//
// What I refuse: namespaces that are not ours, and to run without root.
package netns
