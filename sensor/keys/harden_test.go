//go:build linux

package keys

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestAHardenedProcessDumpsNoCore hardens this test process, to which it does no harm.
func TestAHardenedProcessDumpsNoCore(t *testing.T) {
	if err := HardenProcess(); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("got core limit %+v, want zeros", limit)
	}
	got, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got != 0 {
		t.Errorf("got dumpable %d, want 0", got)
	}
}
