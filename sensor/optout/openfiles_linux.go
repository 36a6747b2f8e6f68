package optout

import "golang.org/x/sys/unix"

// openFiles is how many files this process may have open at once.
func openFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 2 * DefaultConnections
	}
	return int(min(limit.Cur, 1<<20))
}
