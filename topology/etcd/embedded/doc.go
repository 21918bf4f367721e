// Package embedded runs an etcd server inside the process: the datastore of a
// fabric with one control node.
//
// What I am: the only importer of etcd's server.
//
// What I take: a directory, the URLs to serve clients on, a logger.
//
// What I give: one etcd member that etcdctl and agents reach like any other.
// Clients in this process use the same URL, so that nobody sees anything else
// than what etcdctl sees.
//
// What I promise: Start returns when requests are answered. Nothing listens but
// the client URLs: there is no peer port, since a cluster of one has no peers, no
// metrics port and no profiler. A stop at any moment loses nothing that was
// acknowledged. Close ends every goroutine.
//
// What I refuse: to be a cluster. Two reflectors need an etcd of their own.
//
// On a client URL speaks gRPC, as etcdctl does; plain HTTP answers /version,
// /health, /livez and /readyz and nothing else: the REST gateway is off, and
// /metrics and /debug/vars, which etcd cannot be told to leave out, are covered by
// a refusal. The packages of etcd's server register some 90 families of metrics with
// Prometheus' default registry as soon as they are linked; nothing here serves
// that registry, and ours is another.
package embedded
