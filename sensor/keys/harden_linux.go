package keys

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// HardenProcess forbids core dumps and other users' debuggers, which could read keys and addresses from memory, and takes values
// out of what the runtime prints when the program dies; call it first in main. After a crash an operator has the message, the
// functions and lines of each stack, and exit status 2. It also hides /proc/self/fd from the process where it is not root, so a
// metric of open files reads nothing.
func HardenProcess() error {
	hushCrashes()
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make the process undumpable: %w", err)
	}
	return nil
}
