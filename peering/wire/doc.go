// Package wire turns octets into bgp words and back.
//
// What I am: the codec of a BGP session: headers, OPEN, UPDATE, NOTIFICATION and
// ROUTE-REFRESH. It is also the only door to GoBGP's packet codec, which reads
// and writes capabilities and puts attributes we do not handle into words.
//
// What I take: the octets of one message at a time; prefixes and attribute sets
// to encode.
//
// What I give: a Batch, in which the NLRI and attributes of many UPDATEs lie as
// slices of the read buffer; encoded messages appended to a buffer of the
// caller's; a Malformed for each fault, with the consequence RFC 7606 demands.
//
//	octets ──► Header ──► Decoder.Update ──► Batch{Items, Attrs} ──► reflector
//	octets ◄── Packer ◄── prefixes grouped by attribute set ◄──────── reflector
//
// What I promise: no input panics, whatever GoBGP's codec makes of it; nothing is
// read beyond the message; what an attribute we don't change looked like on the
// way in is what it looks like on the way out; decoding and packing allocate
// nothing per route.
//
// What I refuse: sockets, timers, tables, opinions about which route is better.
package wire
