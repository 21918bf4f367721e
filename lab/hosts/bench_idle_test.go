package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkIdle is an agent with few routes that has nothing to do.
func BenchmarkIdle(b *testing.B) {
	for range b.N {
		x := newBench(b, "idle")
		n := x.nodes["h1"]
		n.run()
		pid := n.agent.Process.Pid
		x.until("the agent to connect", x.feeder.connected)
		x.must(x.feeder.say(load(fewRoutes)))
		n.awaits(fewRoutes)
		n.synced()
		x.quiet(pid)
		now, peak := x.resident(pid)
		busy := x.usedIn(pid, 10*time.Second)
		x.must(x.etcd.Process.Kill())
		x.feeder.close()
		away := x.usedIn(pid, 30*time.Second)
		table(fmt.Sprintf("an agent with %d routes", fewRoutes), [][]string{
			{"RSS", megas(now) + " MB"},
			{"peak", megas(peak) + " MB"},
			{"core", fmt.Sprintf("%.2f %%", busy)},
			{"core, etcd and reflectors away", fmt.Sprintf("%.2f %%", away)},
			{"program", megas(stripped(b)) + " MB"},
		})
		b.ReportMetric(now, "RSS-MB")
		x.over()
	}
}

// stripped is the size of the agent as it is released.
func stripped(b *testing.B) float64 {
	b.Helper()
	path := filepath.Join(work, "stripped")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "heddle/cmd/heddle-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", build, err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / 1e6
}
