package status

import (
	"bytes"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const procStatus = "Name:\tfootfall-sensor\nUmask:\t0022\nVmPeak:\t 1230000 kB\nVmHWM:\t   20480 kB\nVmRSS:\t   18432 kB\nRssAnon:\t 1 kB\nThreads:\t7\n"

func TestResident(t *testing.T) {
	for _, row := range []struct {
		name, text string
		now, peak  uint64
	}{
		{"a kernel's", procStatus, 18 << 20, 20 << 20},
		{"empty", "", 0, 0},
		{"a kernel thread's", "Name:\tkworker\nThreads:\t1\n", 0, 0},
		{"another unit", "VmRSS:\t 5 MB\nVmHWM:\t 6 kB\n", 0, 6 << 10},
		{"no unit", "VmRSS:\t5\n", 0, 0},
		{"negative", "VmRSS:\t-5 kB\n", 0, 0},
		{"too large", "VmRSS:\t99999999999999999999 kB\nVmHWM:\t1125899906842624 kB\n", 0, 0},
		{"the largest", "VmRSS:\t1125899906842623 kB\n", (1<<50 - 1) << 10, 0},
		{"a name that holds it", "Name:\tVmRSS: 5 kB\n", 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			if now, peak := resident(strings.NewReader(row.text)); now != row.now || peak != row.peak {
				t.Errorf("got %d and %d, want %d and %d", now, peak, row.now, row.peak)
			}
		})
	}
}

func FuzzResident(f *testing.F) {
	f.Add([]byte(procStatus))
	f.Add([]byte("VmRSS:"))
	f.Add([]byte("VmHWM: 1 kB\x00\r\n:\n::VmRSS"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		now, peak := resident(bytes.NewReader(raw))
		if now%1024 != 0 || peak%1024 != 0 {
			t.Errorf("got %d and %d, want whole KiB", now, peak)
		}
	})
}

func TestProcessMetrics(t *testing.T) {
	file := filepath.Join(t.TempDir(), "status")
	if err := os.WriteFile(file, []byte(procStatus), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, file string
		want       map[string]float64
	}{
		{"on Linux", file, map[string]float64{"footfall_sensor_resident_bytes": 18 << 20, "footfall_sensor_resident_peak_bytes": 20 << 20}},
		{"elsewhere", file + "-none", map[string]float64{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				reg := prometheus.NewPedanticRegistry()
				if err := register(reg, newProcess(start, row.file)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				got := metrics(t, reg)
				if begun := got["footfall_sensor_start_time_seconds"]; begun != float64(start.Unix()) {
					t.Errorf("got start %v, want %v", begun, start.Unix())
				}
				delete(got, "footfall_sensor_start_time_seconds")
				if len(got) != len(row.want) {
					t.Errorf("got %v, want %v", got, row.want)
				}
				for name, want := range row.want {
					if got[name] != want {
						t.Errorf("%s: got %v, want %v", name, got[name], want)
					}
				}
			})
		})
	}
}

// TestHarden hardens this test process, and undoes what can be undone. What it measures afterwards it measures undumpable.
func TestHarden(t *testing.T) {
	procs, limit := runtime.GOMAXPROCS(0), debug.SetMemoryLimit(-1)
	undo := func() {
		runtime.GOMAXPROCS(procs)
		debug.SetMemoryLimit(limit)
	}
	t.Cleanup(undo)
	for _, row := range []struct {
		name        string
		maxProcs    string
		memLimit    string
		memory      int64
		wantProcs   int
		wantLimited int64
	}{
		{"by itself", "", "", 24 << 20, 1, 24 << 20},
		{"without a limit", "", "", 0, 1, math.MaxInt64},
		{"the environment decides", "3", "100MiB", 24 << 20, procs, math.MaxInt64},
	} {
		t.Run(row.name, func(t *testing.T) {
			undo()
			debug.SetMemoryLimit(math.MaxInt64)
			t.Setenv("GOMAXPROCS", row.maxProcs)
			t.Setenv("GOMEMLIMIT", row.memLimit)
			var log bytes.Buffer
			if err := Harden(slog.New(slog.NewTextHandler(&log, nil)), row.memory); err != nil {
				t.Fatal(err)
			}
			if got := runtime.GOMAXPROCS(0); got != row.wantProcs {
				t.Errorf("got GOMAXPROCS %d, want %d", got, row.wantProcs)
			}
			if got := debug.SetMemoryLimit(-1); got != row.wantLimited {
				t.Errorf("got memory limit %d, want %d", got, row.wantLimited)
			}
			if got := strings.Contains(log.String(), "runs as root"); got != (os.Geteuid() == 0) {
				t.Errorf("got a warning about root %v, running as %d", got, os.Geteuid())
			}
		})
	}
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read on Linux only")
	}
	reg := prometheus.NewPedanticRegistry()
	if err := RegisterProcess(reg, time.Now()); err != nil {
		t.Fatal(err)
	}
	got := metrics(t, reg)
	if now, peak := got["footfall_sensor_resident_bytes"], got["footfall_sensor_resident_peak_bytes"]; now < 1<<20 || peak < now {
		t.Errorf("got %v bytes resident and %v at the peak in an undumpable process", now, peak)
	}
}
