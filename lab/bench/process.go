package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what a process has consumed.
type usage struct {
	CPU  time.Duration // of all its threads, ended ones too
	RSS  int           // octets resident now
	Anon int           // of these, what is no file's
	Peak int           // most that was ever resident
}

// usageOf reads what a process has consumed; of process 0, nothing.
func usageOf(pid int) (usage, error) {
	var u usage
	if pid == 0 {
		return u, nil
	}
	cpu, err := cpuOf(pid)
	if err != nil {
		return u, fmt.Errorf("process %d is gone: %w", pid, err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	u = memory(status)
	u.CPU = cpu
	return u, nil
}

// cpuOf reads the CPU clock of a process, which has nanoseconds where
// /proc/PID/stat has hundredths of a second. The number of the clock is made from
// the process's as clock_getcpuclockid(3) does.
func cpuOf(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED: user and system time, all threads
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return time.Duration(t.Nano()), nil
}

// memory reads /proc/PID/status.
func memory(status []byte) (u usage) {
	fields := map[string]*int{"VmRSS": &u.RSS, "RssAnon": &u.Anon, "VmHWM": &u.Peak}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if field := fields[name]; field != nil {
			kilo, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			*field = kilo << 10
		}
	}
	return u
}
