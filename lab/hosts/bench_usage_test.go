package hosts

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// tick is how finely /proc counts (USER_HZ).
const tick = 10 * time.Millisecond

// spent is what a process, and the children that it waited for, have used of the cores.
func (f *fabric) spent(pid int) (own, children time.Duration) {
	f.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	f.must(err)
	words := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks [4]int64
	for i := range ticks { // utime, stime, cutime, cstime
		ticks[i], err = strconv.ParseInt(words[11+i], 10, 64)
		f.must(err)
	}
	return time.Duration(ticks[0]+ticks[1]) * tick, time.Duration(ticks[2]+ticks[3]) * tick
}

// resident is the memory of a process in MB: now, and the most there was.
func (f *fabric) resident(pid int) (now, peak float64) {
	f.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	f.must(err)
	for name, value := range map[string]*float64{"VmRSS:": &now, "VmHWM:": &peak} {
		_, rest, _ := strings.Cut(string(text), name)
		kilo, err := strconv.Atoi(strings.Fields(rest)[0])
		f.must(err)
		*value = float64(kilo) / 1024
	}
	return now, peak
}

// quiet waits until a process does hardly anything.
func (f *fabric) quiet(pid int) {
	f.t.Helper()
	for {
		own, children := f.spent(pid)
		time.Sleep(time.Second)
		if o, c := f.spent(pid); o+c-own-children <= 3*tick {
			return
		}
	}
}

// usedIn is which share of a core a process uses over a while, in percent.
func (f *fabric) usedIn(pid int, while time.Duration) float64 {
	f.t.Helper()
	own, children := f.spent(pid)
	time.Sleep(while)
	o, c := f.spent(pid)
	return 100 * (o + c - own - children).Seconds() / while.Seconds()
}

func percentile(samples []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

// table prints rows in columns, and how busy the machine was.
func table(title string, rows [][]string) {
	busy, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("\n%s (load average %s)\n", title, strings.Join(strings.Fields(string(busy))[:3], " "))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	_ = w.Flush()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }
func micros(d time.Duration) string  { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
func megas(n float64) string         { return fmt.Sprintf("%.1f", n) }
