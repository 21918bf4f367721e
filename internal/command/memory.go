package command

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// collectAt is how much the heap may grow, in percent, before garbage is
// collected. The tables hold no pointers, so a collection is cheap however large
// they are, and what would wait for it is resident meanwhile.
const collectAt = 25

// Economize keeps resident only what is in use. A daemon that has just started
// has touched the initialisation of everything that is linked in, etcd and gRPC
// among it: most of it is not looked at again. Those pages are the file's; what is
// wanted once more comes from the page cache.
func Economize() error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	debug.FreeOSMemory()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		start, end, ok := constantMapping(lines.Text(), self)
		if !ok {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_DONTNEED); errno != 0 {
			return os.NewSyscallError("madvise", errno)
		}
	}
	return nil
}

// constantMapping reads a line of /proc/self/maps; ok means that it is a part of
// the program that nobody can have written to.
//
//	00400000-00d1e000 r-xp 00000000 fe:01 1234    /usr/bin/heddle
func constantMapping(line, program string) (start, end uintptr, ok bool) {
	var mode string
	if _, err := fmt.Sscanf(line, "%x-%x %s", &start, &end, &mode); err != nil {
		return 0, 0, false
	}
	return start, end, mode[1] == '-' && strings.HasSuffix(line, " "+program)
}
