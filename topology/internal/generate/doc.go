// Package generate draws random objects of a fabric, for the tests of topology
// and of the packages that write objects down.
//
// What I am: test material.
//
// What I take: a rapid test.
//
// What I give: valid objects in the form Decode gives them, from names and
// addresses so few that objects meet each other.
//
// What I promise: every field of every kind is drawn, absent values included.
//
// What I refuse: to be imported outside tests.
package generate
