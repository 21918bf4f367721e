// Package virtual runs tests in virtual time.
//
// What I am: the door to the bubbles of testing/synctest.
// What I take: a test.
// What I give: its run in a bubble.
// What I promise: the race detector survives it.
// What I refuse: to be part of the product.
package virtual
