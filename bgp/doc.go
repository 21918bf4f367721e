// Package bgp is the vocabulary every other package speaks: AS numbers,
// identifiers, address families, path attributes, communities and the codes
// of NOTIFICATION messages.
//
// What I am: words, in the sense of RFC 4271 and its companions.
//
// What I take: values; text where a person writes one of the words.
//
// What I give: small comparable types, each with its text form. Two words that
// look alike on the wire are two types here (RouterID and ClusterID), so that
// they cannot be exchanged by mistake.
//
// What I promise: the zero value of every enumeration means "not set" and is
// refused where it matters; parsing and printing are inverse.
//
// What I refuse: to know a socket, a table, a clock or any other package of
// this repository.
package bgp
