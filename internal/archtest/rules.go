package archtest

// module is the name in go.mod.
const module = "heddle"

// house says which packages of ours each package may import. What is not here may
// not exist. Rows from the top of the house to the bottom (DESIGN: imports point
// down, never up, never sideways but within a room).
func house() map[string][]string {
	words := []string{"bgp"}
	fabric := append([]string{"topology"}, words...)
	sessions := append([]string{"peering", "peering/wire"}, fabric...)
	all := []string{
		"bgp", "topology", "topology/disk", "topology/etcd", "topology/etcd/embedded", "topology/manifest",
		"peering", "peering/bfd", "peering/session", "peering/wire", "summarize", "reflector", "reflector/rib",
	}
	return map[string][]string{
		"cmd/heddle": append([]string{"internal/command", "internal/api", "internal/telemetry", "lab/bench", "lab/containerlab", "lab/runner", "lab/stories"}, all...),

		"reflector":     append([]string{"peering/session", "reflector/rib", "summarize"}, sessions...),
		"reflector/rib": {"bgp", "topology", "peering/wire", "summarize"},

		"cmd/heddle-agent": {
			"internal/command", "internal/hostapi", "agent", "agent/derive", "agent/fib", "agent/firewall",
			"bgp", "topology", "topology/disk", "topology/etcd", "topology/manifest", "peering", "peering/session",
		},
		"agent":          append([]string{"agent/derive", "agent/fib", "agent/firewall", "agent/routes", "peering/session"}, sessions...),
		"agent/derive":   append([]string{"agent/fib", "agent/firewall"}, fabric...),
		"agent/routes":   {"bgp", "peering/wire"},
		"agent/fib":      words,
		"agent/firewall": words,

		"lab/bench":   {"lab/netns", "peering/wire", "bgp"},
		"lab/netns":   nil,
		"lab/interop": {"lab/netns"},
		"lab/racks":   {"lab/netns"},
		"lab/hosts":   {"lab/netns"},

		"lab/containerlab": nil,
		"lab/probe":        nil,
		"lab/runner":       {"lab/containerlab", "lab/netns", "lab/probe"},
		"lab/stories":      {"lab/runner", "lab/probe"},

		"summarize": append([]string{"peering"}, fabric...),

		"peering":         fabric,
		"peering/session": {"bgp", "peering", "peering/bfd", "peering/wire"},
		"peering/bfd":     nil,
		"peering/wire":    words,

		"topology":               words,
		"topology/manifest":      fabric,
		"topology/disk":          fabric,
		"topology/etcd":          fabric,
		"topology/etcd/embedded": nil,

		"bgp": nil,

		// Beside the rows.
		"internal/config":            nil,
		"internal/command":           append([]string{"internal/config", "topology/disk", "topology/etcd", "topology/manifest"}, fabric...),
		"internal/web":               nil,
		"internal/api":               append([]string{"internal/web"}, all...),
		"internal/hostapi":           append([]string{"internal/web", "agent", "agent/derive", "agent/firewall", "agent/routes", "peering/session", "topology/etcd"}, fabric...),
		"internal/telemetry":         append([]string{"internal/api"}, all...),
		"internal/archtest":          nil,
		"internal/oracle":            nil,
		"internal/virtual":           nil,
		"topology/internal/generate": fabric,
	}
}

// door is a foreign thing and the packages that may touch it.
type door struct {
	prefix string // of import paths
	owners []string
	advice string
}

// doors: one per foreign thing.
func doors() []door {
	return []door{
		{"go.etcd.io/etcd/server", []string{"topology/etcd/embedded"}, "the etcd server lives in topology/etcd/embedded, which the agent must not link"},
		{"go.etcd.io/etcd", []string{"topology/etcd", "topology/etcd/embedded"}, "ask topology/etcd"},
		{"go.uber.org/zap", []string{"topology/etcd", "topology/etcd/embedded"}, "zap is etcd's logger; ours is the slog.Logger you were given"},
		{"github.com/vishvananda/", []string{"agent/fib", "agent/firewall", "lab/netns"}, "netlink has its doors in agent/fib, agent/firewall and lab"},
		{"github.com/osrg/gobgp/v3/pkg/packet", []string{"peering/wire"}, "peering/wire guards GoBGP's codec, which panics on some inputs"},
		{"github.com/osrg/gobgp/v3/api", []string{"internal/api"}, "GoBGP's API belongs to internal/api"},
		{"github.com/osrg/gobgp/v3/pkg/apiutil", []string{"internal/api"}, "GoBGP's API belongs to internal/api"},
		{"github.com/osrg/gobgp/v3/pkg/server", nil, "GoBGP's server is a peer in tests, never a part of ours"},
		{"github.com/prometheus/", []string{"internal/telemetry", "internal/hostapi"}, "give your package a Stats and let internal/telemetry read it"},
		{"github.com/coreos/go-systemd", []string{"internal/command"}, "who runs us is internal/command's to know"},
		{"github.com/spf13/", []string{"cmd/heddle", "cmd/heddle-agent", "internal/command"}, "commands and flags are wiring and stay in cmd"},
		{"github.com/goccy/go-yaml", []string{"internal/config", "topology/manifest", "lab/containerlab"}, "YAML is read in internal/config, topology/manifest and lab/containerlab"},
		{"log/slog", []string{
			"cmd/heddle", "cmd/heddle-agent", "internal/command", "agent", "reflector", "peering/session", "topology/etcd", "topology/etcd/embedded", "internal/api", "internal/telemetry", "lab/interop",
		}, "the core is silent: return a value and let the shell speak"},
		{"os/exec", []string{"agent/firewall", "lab/netns", "lab/interop", "lab/racks", "lab/hosts", "lab/bench", "lab/runner", "lab/stories"}, "no program is run but iptables, and by the lab"},
		{"github.com/gaissmai/bart", []string{"summarize", "agent"}, "longest prefix match is summarize.Map's, and the agent's of how next hops are reached"},
		{"unsafe", []string{"peering/session"}, "only the socket calls need it"},
	}
}

// pure packages take values and give values: no logs, no sockets, no clock. So do
// single files, where a core and its shell are too small to be two rooms.
func pure() []string {
	return []string{
		"bgp", "lab/containerlab", "topology", "topology/manifest", "peering", "peering/wire", "summarize", "reflector/rib", "agent/derive", "agent/routes",
		"peering/bfd/packet.go", "peering/bfd/machine.go", "peering/bfd/timing.go", "peering/bfd/transmit.go",
	}
}

// impure is what a pure package may not import, and why. time is welcome for its
// Duration; its clock is looked for in the code.
func impure() map[string]string {
	return map[string]string{
		"net":         "use net/netip for addresses; sockets belong to peering/session",
		"os":          "take octets, not files",
		"context":     "a pure function has nothing to wait for",
		"log":         "return a value and let the shell speak",
		"log/slog":    "return a value and let the shell speak",
		"sync":        "a value has one owner; locks belong to the shell",
		"sync/atomic": "a value has one owner; locks belong to the shell",
		"os/signal":   "signals belong to cmd",
	}
}

// tests may use these beyond what their package may, and nothing else may: the slow twin
// shares no code with anything, and virtual time has no place in the product.
func testsOnly() []string { return []string{"internal/oracle", "internal/virtual"} }

// answers are what every doc.go says, in this order.
func answers() []string {
	return []string{"What I am", "What I take", "What I give", "What I promise", "What I refuse"}
}

// linesMost is where a file becomes a novel.
const linesMost = 600
