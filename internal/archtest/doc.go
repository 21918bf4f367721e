// Package archtest holds the plan of the house as a test: who may import whom, who
// is the only door to what is foreign, and what every room must have.
//
// What I am: a reader of source files with opinions.
//
// What I take: the tree of this repository.
//
// What I give: a sentence for each breach that says what to do instead.
//
// What I promise: that docs/ARCHITECTURE.md, whose table is the one here, does not
// lie.
//
// What I refuse: exceptions that are not written down in rules.go with a reason.
package archtest
