package stories

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"heddle/lab/runner"
)

// Machine says what the stories are told on: this machine, and the versions of what
// runs in the lab. All nodes see the same programs.
func Machine(ctx context.Context, lab *runner.Lab) []string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	list := []string{fmt.Sprintf("%d cores (%s), Linux %s", runtime.NumCPU(), value("/proc/cpuinfo", "model name", ":"), strings.TrimSpace(string(kernel)))}
	list = append(list, strings.Trim(value("/etc/os-release", "PRETTY_NAME", "="), `"`))
	for _, command := range []string{
		"heddle version | sed 's/, commit unknown//'",
		"/usr/lib/frr/bgpd --version | head -1 | sed 's/bgpd version/FRR/'",
		"bird --version 2>&1",
		"etcd --version | head -1",
	} {
		if out, err := lab.Output(ctx, "rr1", "sh", "-c", command); err == nil {
			list = append(list, strings.TrimSpace(out))
		}
	}
	return list
}

// value is the first of a name in a file of names and values; empty if there is none.
func value(file, name, separator string) string {
	data, _ := os.ReadFile(file)
	for line := range strings.Lines(string(data)) {
		if key, v, ok := strings.Cut(line, separator); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
