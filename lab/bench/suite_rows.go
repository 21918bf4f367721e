package bench

import (
	"fmt"
	"time"
)

// row is one piece of work of the suite, identical for every speaker, and the
// figures of it that are published.
type row struct {
	id      string
	config  Config
	quick   bool // short enough for a first look
	only    []string
	once    bool // it takes long, and the same long each time
	figures []figure
}

// figure is one published number.
type figure struct {
	work string // what is measured, for people
	unit unit
	goal float64 // Heddle's, in the unit's base; 0: none
	// hubGoal is the goal as a multiple of the hub's figure of the same run.
	hubGoal float64
	of      func(*Report) float64
}

// unit is how a figure is written.
type unit uint8

const (
	inCoreSeconds unit = iota
	inSeconds
	inOctets
	inOctetsEach // small: per route, per client
	inNumber
)

func (u unit) format(x float64) string {
	switch u {
	case inCoreSeconds:
		return number(x) + " core-s"
	case inSeconds:
		return seconds(x)
	case inOctets:
		return mega(int(x))
	case inNumber:
		return fmt.Sprint(x)
	}
	if x >= 10e3 {
		return number(x/1e3) + " kB"
	}
	return number(x) + " B"
}

func core(r *Report) float64 { return r.Core }
func wall(r *Report) float64 { return r.Wall }
func rss(r *Report) float64  { return float64(r.RSS) }
func anon(r *Report) float64 { return float64(r.Anon) }
func peak(r *Report) float64 { return float64(r.Peak) }

const mb = 1e6

// The ids of rows that others refer to.
const (
	rowBig        = "big"
	rowStalled    = "stalled"
	rowTwenty     = "twenty"
	rowTwoMillion = "two-million"
	rowSixSmall   = "six-small"
	rowSixLarge   = "six-large"
	rowPaths      = "paths"
	rowFew        = "few-clients"
	rowMany       = "many-clients"
)

// rows is the suite: what issues and pages quote.
func rows() []row {
	return append(speedRows(), memoryRows()...)
}

func speedRows() []row {
	return []row{
		{
			id: rowBig, config: Config{Scenario: "load", Clients: 1000, Routes: 500},
			figures: []figure{
				{work: "load, 1,000 clients × 500 routes each", unit: inCoreSeconds, goal: 1.2, of: core},
				{work: "the same, wall", unit: inSeconds, hubGoal: 1.1, of: wall},
				{work: "the same, RSS", unit: inOctets, goal: 130 * mb, of: rss},
				{work: "the same, peak RSS", unit: inOctets, goal: 180 * mb, of: peak},
			},
		},
		{
			id: "middle", quick: true, config: Config{Scenario: "load", Clients: 500, Routes: 200},
			figures: []figure{{work: "load, 500 clients, 100k routes", unit: inCoreSeconds, goal: 0.4, of: core}},
		},
		{
			id: "latency-100", quick: true, config: Config{Scenario: "latency", Clients: 100, Routes: 10, Changes: 300},
			figures: []figure{
				{work: "one change → last of 99 clients, p50", unit: inSeconds, goal: 1e-3, of: func(r *Report) float64 { return r.Last.P50 }},
				{work: "the same, p99", unit: inSeconds, goal: 5e-3, of: func(r *Report) float64 { return r.Last.P99 }},
				{work: "one change → first of 99 clients, p50", unit: inSeconds, of: func(r *Report) float64 { return r.First.P50 }},
			},
		},
		{
			id: "latency-1000", config: Config{Scenario: "latency", Clients: 1000, Routes: 1, Changes: 200},
			figures: []figure{
				{work: "one change → last of 999 clients, p50", unit: inSeconds, hubGoal: 1.2, of: func(r *Report) float64 { return r.Last.P50 }},
				{work: "the same, p99", unit: inSeconds, of: func(r *Report) float64 { return r.Last.P99 }},
			},
		},
		{
			id: "churn", quick: true, config: Config{Scenario: "churn", Clients: 100, Routes: 1000, Moves: 20000}, only: tables(),
			figures: []figure{{work: "20,000 moves among 100 clients", unit: inCoreSeconds, goal: 0.1, of: core}},
		},
		{
			id: "late", quick: true, config: Config{Scenario: "late", Clients: 10, Routes: 10000, Joiners: 50}, only: tables(),
			figures: []figure{
				{work: "50 late joiners, 100k routes, at the last", unit: inSeconds, goal: 0.3, of: wall},
				{work: "the same, computed", unit: inCoreSeconds, of: core},
			},
		},
		{
			id: "failover", config: Config{Scenario: "failover", Clients: 20, Routes: 25000}, only: tables(),
			figures: []figure{{work: "failure of a feeder with 25k of 500k routes, 20 clients", unit: inSeconds, goal: 0.1, of: wall}},
		},
		{
			id: "failover-backup", config: Config{Scenario: "failover", Clients: 20, Routes: 25000, Backup: true}, only: tables(),
			figures: []figure{{work: "the same, every route with a second path", unit: inSeconds, of: wall}},
		},
		{
			id: "storm", config: Config{Scenario: "storm", Clients: 2500, Routes: 1}, only: tables(),
			figures: []figure{{work: "2,500 clients × 1 route: all Established and full", unit: inSeconds, goal: 5, of: wall}},
		},
		{
			id: rowStalled, config: Config{Scenario: "stalled", Clients: 1000, Routes: 500, Stalled: 100},
			figures: []figure{{work: "load, 1,000 × 500, 100 clients stalled: the others", unit: inSeconds, of: wall}},
		},
		{
			id:      "send-hold",
			config:  Config{Scenario: "stalled", Clients: 100, Routes: 10000, Stalled: 10, Closed: true},
			only:    []string{"heddle"},
			once:    true,
			figures: []figure{{work: "stalled clients closed by the send hold timer, of 10", unit: inNumber, of: func(r *Report) float64 { return float64(r.Closed) }}},
		},
		{
			id: "refresh", quick: true, config: Config{Scenario: "refresh", Clients: 100, Routes: 1000}, only: tables(),
			figures: []figure{{work: "100 clients refresh 100k routes at once", unit: inCoreSeconds, of: core}},
		},
		{
			id: "six", quick: true, config: Config{Scenario: "load", Clients: 100, Routes: 1000, IPv6: true},
			figures: []figure{{work: "IPv6 load, 100 clients × 1,000", unit: inCoreSeconds, goal: 0.2, of: core}},
		},
	}
}

func memoryRows() []row {
	load := func(id string, c Config, figures ...figure) row {
		c.Scenario = "load"
		return row{id: id, config: c, only: tables(), figures: figures}
	}
	return []row{
		load(
			rowTwenty, Config{Clients: 20, Routes: 25000},
			figure{work: "load, 20 clients, 500k routes: RSS", unit: inOctets, goal: 45 * mb, of: rss},
			figure{work: "the same, RssAnon", unit: inOctets, goal: 30 * mb, of: anon},
		),
		load(
			rowTwoMillion, Config{Clients: 20, Routes: 100000},
			figure{work: "load, 20 clients, 2,000,000 routes: RSS", unit: inOctets, goal: 140 * mb, of: rss},
		),
		load(rowSixSmall, Config{Clients: 20, Routes: 12500, IPv6: true}),
		load(rowSixLarge, Config{Clients: 20, Routes: 50000, IPv6: true}),
		load(rowPaths, Config{Clients: 20, Routes: 25000, Backup: true}),
		load(rowFew, Config{Clients: 100, Feeders: 1, Routes: 1}),
		load(rowMany, Config{Clients: 1100, Feeders: 1, Routes: 1}),
	}
}

// marginal is the memory that one more of something takes: the difference of two
// rows.
type marginal struct {
	what       string
	less, more string // ids of rows
	goal       float64
	units      func(less, more *Report) int
}

func marginals() []marginal {
	routes := func(less, more *Report) int { return more.Routes - less.Routes }
	return []marginal{
		{"one more IPv4 route", rowTwenty, rowTwoMillion, 48, routes},
		{"one more IPv6 route", rowSixSmall, rowSixLarge, 64, routes},
		{"one more path for a route", rowTwenty, rowPaths, 40, func(less, _ *Report) int { return less.Routes }},
		{"one more client, idle", rowFew, rowMany, 32 << 10, func(less, more *Report) int { return more.Clients - less.Clients }},
	}
}

// tables are the speakers that have one: a hub can't tell late what was said
// before.
func tables() []string { return []string{"heddle", "frr", "bird", "gobgp"} }

// growthRows are loads that grow in one direction.
func growthRows() (byRoutes, byClients []row) {
	for _, routes := range []int{100_000, 200_000, 500_000, 1_000_000, 2_000_000} {
		byRoutes = append(byRoutes, row{
			id: fmt.Sprintf("routes-%d", routes), only: tables(),
			config: Config{Scenario: "load", Clients: 20, Routes: routes / 20},
		})
	}
	for _, clients := range []int{10, 30, 100, 300, 1000, 2500} {
		byClients = append(byClients, row{
			id: fmt.Sprintf("clients-%d", clients), only: tables(),
			config: Config{Scenario: "load", Clients: clients, Feeders: 10, Routes: 10_000},
		})
	}
	return byRoutes, byClients
}

const (
	// suiteDeadline bounds each phase of a run of the suite.
	suiteDeadline = time.Minute
	quickDeadline = 20 * time.Second
	// gobgpMost is how many routes × clients GoBGP is given. It delivers less than
	// 100,000 a second: more would take longer than the deadline anyway.
	gobgpMost = 6_000_000
)
