package rib

import "heddle/peering"

// mayReflect says whether a route heard on one kind of session may be passed on
// to another (RFC 4456 §6). What is heard from or said to external peers is a
// matter of roles, and a role that says nothing hears and says nothing (RFC 8212).
//
//	heard from    to client    to non-client    to external
//	client        yes          yes              no
//	non-client    yes          no               no
//	external      no           no               no
func mayReflect(from, to peering.Kind) bool {
	return from.Internal() && to.Internal() && (from == peering.Client || to == peering.Client)
}
