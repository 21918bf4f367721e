package bench

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"heddle/bgp"
)

// Config says what to measure, and against what.
type Config struct {
	Scenario string // one of Scenarios

	Start     string         // the speaker to start in a namespace of its own
	Target    netip.AddrPort // or the address of one that runs already
	TargetPID int            // whose time and memory to report; 0: nobody's
	Program   string         // the heddle executable, for the speakers heddle and hub

	ASN     bgp.ASN
	Clients int
	Feeders int  // the clients that announce, from the first; 0: all
	Routes  int  // of each feeder
	Groups  int  // attribute sets of each feeder, told apart by a community
	Backup  bool // each feeder announces its neighbour's routes, too, as second best
	IPv6    bool

	Joiners int // clients that come late
	Stalled int // clients that stop reading

	Strangers int // connects a second from addresses that are no client's
	Silent    int // connections from addresses that are admitted, which say nothing
	Changes   int // single changes whose latency is measured
	Moves     int // routes that move from one feeder to another

	Duration time.Duration // of a soak
	Deadline time.Duration // for each phase of a scenario
	Closed   bool          // wait until stalled clients are closed

	// Progress, if set, is told from time to time how much of a phase is done, in
	// routes.
	Progress func(phase string, done, total int)
}

const (
	clientsMost = 5000 // as many as the anchors are configured to admit
	routesMost  = 4 << 20
	// cellsMost bounds (client, route) pairs: two bits each.
	cellsMost = 1 << 34
)

// feeders is how many clients announce.
func (c *Config) feeders() int {
	if c.Feeders == 0 {
		return c.Clients
	}
	return c.Feeders
}

// routes is the size of the table.
func (c *Config) routes() int { return c.feeders() * c.Routes }

func (c *Config) family() bgp.Family {
	if c.IPv6 {
		return bgp.IPv6Unicast
	}
	return bgp.IPv4Unicast
}

// check says what is wrong with a configuration.
func (c *Config) check() error {
	scenario, ok := scenarioOf(c.Scenario)
	switch {
	case !ok:
		return fmt.Errorf("scenario %q: want one of %s", c.Scenario, ScenarioNames())
	case (c.Start == "") == !c.Target.IsValid():
		return errors.New("want either a speaker to start or the target of one that runs")
	case c.Target.IsValid() && (!c.Target.Addr().Is4() || !c.Target.Addr().IsLoopback()):
		return fmt.Errorf("target %s: clients live in 127.1.0.0/16, so the target must be in 127.0.0.0/8", c.Target)
	case c.Clients < 2 || c.Clients+c.Joiners > clientsMost:
		return fmt.Errorf("%d clients and %d joiners: want 2 to %d together", c.Clients, c.Joiners, clientsMost)
	case c.Feeders < 0 || c.Feeders > c.Clients:
		return fmt.Errorf("%d feeders: want at most the %d clients", c.Feeders, c.Clients)
	case c.Routes < 1 || c.routes() > routesMost:
		return fmt.Errorf("%d routes of each of %d feeders: want 1 to %d in all", c.Routes, c.feeders(), routesMost)
	case (c.Clients+c.Joiners)*c.routes() > cellsMost:
		return fmt.Errorf("%d routes at each of %d clients: more than can be watched", c.routes(), c.Clients+c.Joiners)
	case c.Backup && c.feeders() < 2:
		return errors.New("a backup needs a second feeder")
	case c.Groups < 1 || c.Groups > c.Routes:
		return fmt.Errorf("%d attribute sets for %d routes: want at least one, and one route in each", c.Groups, c.Routes)
	case c.Deadline <= 0:
		return errors.New("the deadline must be some time away")
	}
	return scenario.check(c)
}
