// Package bench measures BGP route reflectors: heddle beside BIRD, FRR and GoBGP,
// on identical work.
//
// What I am: a load generator that is many iBGP clients at once, the scenarios it
// plays, and the reports about them; `heddle bench` is its command.
//
// What I take: a Config: the scenario, how many clients and routes, and either the
// address of a speaker that runs or the name of one to start.
//
// What I give: a Report: wall time, core-seconds and memory of the speaker, latency
// to the first and the last client; of several, the tables and plots of
// docs/BENCHMARKS.md.
//
//	heddle bench load --clients 1000 --routes 500              heddle, started for this
//	heddle bench load --clients 500 --routes 200 --start heddle,frr,bird,gobgp,hub
//	heddle bench load --clients 100 --routes 1000 --ipv6 --groups 10
//	heddle bench latency --clients 100 --changes 300 --start heddle,hub
//	heddle bench churn --clients 100 --routes 1000 --moves 20000
//	heddle bench late --clients 10 --routes 10000 --joiners 50
//	heddle bench failover --clients 20 --routes 25000 --backup
//	heddle bench storm --clients 2500 --routes 1
//	heddle bench stalled --clients 1000 --routes 500 --stalled 100 --closed
//	heddle bench strangers --clients 1000 --routes 100 --stalled 20 --strangers 5000 --silent 500
//	heddle bench refresh --clients 100 --routes 1000
//	heddle bench soak --clients 100 --routes 100 --duration 10m
//	heddle bench load --target 127.0.0.1:1179 --target-pid 4711 -o json
//	heddle bench suite --quick --start heddle,hub              all short rows
//	heddle bench suite --repeat 3 --write docs                 what `make bench` does
//
// How: every client has an address of 127.1.0.0/16, which is its router ID, too. A
// few threads read all sockets into one buffer each; an UPDATE that was seen before
// (a reflector sends many clients the same octets) is recognised by its hash, and
// what it says is applied to the client's bitmaps a machine word at a time. So
// every client's table is checked while it arrives, and exactly, for less than the
// kernel needs to deliver it.
//
// What I promise: no figure is reported unless every client held in the end what it
// had to hold, attributes included; nothing is allocated per route while measuring;
// traffic stays on loopback; what was started is ended, on interrupt, too.
//
// What I refuse: to decide what is fast enough. Nothing here asserts a time.
package bench
