// Package telemetry answers /metrics.
//
// What I am: the only importer of Prometheus, with a registry of our own. The
// default registry, where the packages of etcd's server put what they count, is
// not served.
//
// What I take: the State that internal/api answers from, anew for each scrape:
// behind it are the owners of the numbers, the sessions, the tables, the watcher of
// the inventory.
//
// What I give: every metric of the table in metrics.go, with GoBGP's names where
// GoBGP has one, so that dashboards made for it go on working.
//
// What I promise: metrics mirror state. Nothing is counted here, so that nothing
// can drift: a gauge is read at the scrape, a counter is that of the struct that
// counts. What is not known is left out instead of being 0. Labels are peers,
// groups, families and closed lists; never prefixes.
//
// What I refuse: names that are not in the table, to sample, to push.
package telemetry
