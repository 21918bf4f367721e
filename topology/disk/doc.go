// Package disk keeps an inventory on disk, for the start that finds no datastore.
//
// What I am: one file that is either whole or not believed.
//
// What I take: objects as the datastore would have them, with its cluster, its revision
// and the time.
//
// What I give: the same, later.
//
// What I promise: a file is replaced in one step, so that a loss of power leaves the one
// before or the one after; one that was damaged is an error that says so, and never an
// inventory.
//
// What I refuse: to know what the objects mean.
package disk
