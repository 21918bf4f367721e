package hosts

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	manyRoutes = 500_000
	fewRoutes  = 10_000
	moves      = 400
	// Everything is compared every 90 s: longer than that, so that it is counted.
	awayMost = 95 * time.Second
)

// bench is hosts, an etcd and a feeder on one link.
type bench struct {
	*fabric
	feeder *feeder
	etcd   *exec.Cmd
}

const benchInventory = `kind: settings
asn: 64512
summaries: false
---
kind: node
name: h1
addresses: [172.31.255.11]
rack: r1
---
kind: router
name: feeder
role: reflector
rack: r1
addresses: [172.31.255.252]
`

func newBench(b *testing.B, name string) *bench {
	b.Helper()
	f := newLink(b, name)
	for node, addresses := range map[string]string{
		"rr": "192.0.2.251/24", "h1": "192.0.2.11/24 172.31.255.11/16",
		"bird": "172.31.255.12/16", "ip": "172.31.255.13/16", "feeder": feederAddress + "/16",
	} {
		f.space(node)
		f.cable(node, "", addresses, "lan", "")
	}
	x := &bench{fabric: f, feeder: f.nodes["feeder"].feed(), etcd: f.startReflector()}
	f.until("etcd to answer", func() string { return f.nodes["rr"].failure(reflector, "show", "problems") })
	f.apply(benchInventory)
	return x
}

// over ends what would go on to use the cores.
func (x *bench) over() {
	x.feeder.close()
	for _, n := range x.made {
		x.must(n.space.Kill())
	}
}

// result is what an installation took.
type result struct {
	name       string
	wall, core time.Duration
	now, peak  float64 // MB
	moved      []time.Duration
}

func BenchmarkInstall(b *testing.B) {
	for range b.N {
		x := newBench(b, "install")
		batch := x.ipBatch(manyRoutes)
		other := x.bird(manyRoutes)
		ours, away := x.heddle(manyRoutes)
		rows := [][]string{{"", "wall s", "core-s", "RSS MB", "peak MB", "move p50", "p99"}}
		for _, r := range []result{ours, other, batch} {
			row := []string{r.name, seconds(r.wall), seconds(r.core), megas(r.now), megas(r.peak)}
			if len(r.moved) > 0 {
				row = append(row, micros(percentile(r.moved, 50)), micros(percentile(r.moved, 99)))
			}
			rows = append(rows, row)
		}
		table(fmt.Sprintf("%d routes from BGP to the kernel; a move of one of them, %d times", manyRoutes, moves), rows)
		x.over()
		table("etcd and reflectors away", [][]string{{"core", fmt.Sprintf("%.2f %% over %s", away, awayMost)}})
		b.ReportMetric(ours.wall.Seconds()/other.wall.Seconds(), "wall/bird")
		b.ReportMetric(ours.core.Seconds()/other.core.Seconds(), "core/bird")
		b.ReportMetric(ours.peak, "peak-MB")
		b.ReportMetric(percentile(ours.moved, 50).Seconds()*1000, "move-ms")
	}
}

func (x *bench) heddle(count int) (r result, away float64) {
	x.t.Helper()
	n := x.nodes["h1"]
	n.run()
	r = x.install("heddle-agent", n, n.agent.Process.Pid, count)
	n.synced()
	x.must(x.etcd.Process.Kill())
	x.feeder.close()
	time.Sleep(2 * time.Second)
	away = x.usedIn(n.agent.Process.Pid, awayMost)
	return r, away
}

const birdConfig = `router id 172.31.255.12;
log stderr { error, fatal };
protocol device { }
protocol direct { ipv4; }
protocol kernel { ipv4 { export all; }; }
protocol bgp feeder {
    local 172.31.255.12 as 64512;
    neighbor 172.31.255.252 as 64512;
    connect delay time 1;
    ipv4 { import all; export none; };
}
`

func (x *bench) bird(count int) result {
	x.t.Helper()
	n := x.nodes["bird"]
	config := filepath.Join(n.dir, "bird.conf")
	x.must(os.WriteFile(config, []byte(birdConfig), 0o644))
	daemon := n.launch("bird", "-f", "-c", config, "-s", filepath.Join(n.dir, "ctl"))
	r := x.install("BIRD", n, daemon.Process.Pid, count)
	x.must(daemon.Process.Kill())
	_ = daemon.Wait()
	x.until("BIRD's session to be over", func() string {
		if x.feeder.connected() == "" {
			return "it is still there"
		}
		return ""
	})
	return r
}

// install says a load to the speaker of a node, then moves routes of it.
func (x *bench) install(name string, n *node, pid, count int) result {
	x.t.Helper()
	octets := load(count)
	x.until(name+" to connect", x.feeder.connected)
	x.quiet(pid)
	before, _ := x.spent(pid)
	start := time.Now()
	x.must(x.feeder.say(octets))
	n.awaits(count)
	r := result{name: name, wall: time.Since(start)}
	x.quiet(pid)
	after, _ := x.spent(pid)
	r.core = after - before
	r.now, r.peak = x.resident(pid)
	r.moved = x.move(n, count)
	return r
}

// move has routes lead elsewhere, one at a time, and gives how long each took to the
// kernel.
func (x *bench) move(n *node, count int) (samples []time.Duration) {
	x.t.Helper()
	m := n.monitor()
	defer m.close()
	for i := range moves {
		at := i * (count / moves)
		hop := nthHop((hopOf(at, count) + 500) % hopsMost)
		octets := move(nthRoute(at), hop)
		time.Sleep(5 * time.Millisecond)
		start := time.Now()
		x.must(x.feeder.say(octets))
		x.must(m.until(nthRoute(at), hop))
		samples = append(samples, time.Since(start))
	}
	return samples
}

// ipBatch is the same routes by hand.
func (x *bench) ipBatch(count int) result {
	x.t.Helper()
	n := x.nodes["ip"]
	var text bytes.Buffer
	for i := range count {
		fmt.Fprintf(&text, "route replace %s via %s dev eth0 proto 72 metric 2048\n", addr4(nthRoute(i)), nthHop(hopOf(i, count)))
	}
	file := filepath.Join(n.dir, "routes")
	x.must(os.WriteFile(file, text.Bytes(), 0o644))
	cmd := exec.Command("ip", "-batch", file)
	start := time.Now()
	_, err := n.space.Output(cmd)
	x.must(err)
	return result{
		name: "ip -batch", wall: time.Since(start), core: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	}
}
