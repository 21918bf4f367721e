// Package config reads a daemon's own file.
//
// What I am: the door to YAML for configuration (fabric objects have a door of
// their own, topology/manifest).
//
// What I take: the octets of a file, and the flags of a command.
//
// What I give: flags that were not given on the command line, set from the keys
// of the same names. A flag is thereby a key, and there is one set of names,
// defaults and checks for both.
//
// What I promise: unknown keys are refused; every fault of a file is reported at
// once, each with file, line and column.
//
// What I refuse: to read files, to know what a key means.
package config
