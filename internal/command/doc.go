// Package command is what the commands of both daemons have in common.
//
// What I am: the wiring's box of parts: flags that parse as what they are, the
// configuration file, the way to etcd, the way to a running daemon, the log, the version.
//
// What I take: a command line.
//
// What I give: values, checked where they stand.
//
// What I promise: a daemon with the same flag means the same by it.
//
// What I refuse: to know what a daemon does.
package command
