package clock

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSystemReadsThisMachine(t *testing.T) {
	source := System(slog.New(slog.DiscardHandler))
	before := time.Now().Round(0)
	a, err := source.Read()
	if err != nil {
		t.Fatal(err)
	}
	b, err := source.Read()
	if err != nil {
		t.Fatal(err)
	}
	if a.Wall.Before(before.Add(-time.Minute)) || a.Wall.After(before.Add(time.Hour)) {
		t.Errorf("got wall clock %v, want about %v", a.Wall, before)
	}
	if a.Boot <= 0 || b.Boot < a.Boot {
		t.Errorf("got %v and then %v since boot, want times that go on", a.Boot, b.Boot)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err == nil && a.Boot.Seconds() > float64(info.Uptime)+60 {
		t.Errorf("got %v since boot, want about %d s", a.Boot, info.Uptime)
	}
	if a.Wall != a.Wall.Round(0) {
		t.Error("the wall clock carries a monotonic reading")
	}
}

func TestSynced(t *testing.T) {
	for _, row := range []struct {
		name   string
		state  int
		status int32
		err    error
		want   bool
	}{
		{"synchronised", 0, unix.STA_PLL, nil, true},
		{"a leap second to come", 1, unix.STA_PLL | unix.STA_INS, nil, true},
		{"not synchronised", unix.TIME_ERROR, unix.STA_UNSYNC, nil, false},
		{"not synchronised, whatever the state", 0, unix.STA_UNSYNC | unix.STA_PLL, nil, false},
		{"an error of the clock", unix.TIME_ERROR, unix.STA_PLL | unix.STA_CLOCKERR, nil, false},
		{"forbidden", -1, 0, unix.EPERM, false},
		{"not in this kernel", -1, 0, unix.ENOSYS, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var log strings.Builder
			s := &system{log: slog.New(slog.NewTextHandler(&log, nil)), adjtimex: func(tx *unix.Timex) (int, error) {
				if tx.Modes != 0 {
					t.Error("the clock was to be set")
				}
				tx.Status = row.status
				return row.state, row.err
			}}
			for range 3 {
				r, err := s.Read()
				if err != nil {
					t.Fatal(err)
				}
				if r.Synced != row.want {
					t.Errorf("got synchronised %v, want %v", r.Synced, row.want)
				}
			}
			want := 0
			if row.err != nil {
				want = 1
			}
			if got := strings.Count(log.String(), "adjtimex"); got != want {
				t.Errorf("got %d hints in the log, want %d: %s", got, want, log.String())
			}
		})
	}
}

// TestTheKernelAnswers is about the real call: it may be forbidden, but then with an error and not with nonsense.
func TestTheKernelAnswers(t *testing.T) {
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	var no unix.Errno
	if errors.As(err, &no) {
		t.Skipf("adjtimex cannot be asked here: %v", err)
	}
	if err != nil || state < 0 || state > unix.TIME_ERROR {
		t.Errorf("got state %d and %v", state, err)
	}
	t.Logf("state %d, status %#x", state, tx.Status)
}
