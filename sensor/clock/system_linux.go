package clock

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// System reads this machine's clocks. Where the kernel's synchronisation cannot be asked for, log is told once why and what to
// do, and the clock counts as not synchronised.
func System(log *slog.Logger) Source { return &system{log: log, adjtimex: unix.Adjtimex} }

type system struct {
	log      *slog.Logger
	adjtimex func(*unix.Timex) (state int, err error)
	told     sync.Once
}

// Read implements Source.
func (s *system) Read() (Reading, error) {
	var boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return Reading{}, fmt.Errorf("read the time since boot: %w: this kernel is too old for a live sensor, use 2.6.39 or later", err)
	}
	return Reading{Wall: time.Now().Round(0), Boot: time.Duration(boot.Nano()), Synced: s.synced()}, nil
}

// synced asks with modes 0, which sets nothing and needs no privilege.
func (s *system) synced() bool {
	var t unix.Timex
	state, err := s.adjtimex(&t)
	if err != nil {
		s.told.Do(func() {
			s.log.Warn("the kernel may not be asked whether the clock is synchronised, so it counts as not synchronised: allow the system call adjtimex (no ProtectClock in the systemd unit, no seccomp filter against it)",
				"error", err)
		})
		return false
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}
