package status

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/sensor/keys"
)

// Harden makes the process a good guest on its box. Keys stay out of core dumps and debuggers (keys.HardenProcess); one processor
// at most is used, unless the environment has GOMAXPROCS; the garbage collector works harder from memory bytes on, unless it has
// GOMEMLIMIT or memory is 0. As root it warns. Call it first, before there are keys.
func Harden(log *slog.Logger, memory int64) error {
	if err := keys.HardenProcess(); err != nil {
		return fmt.Errorf("keep keys out of core dumps: %w: lift the limits on setrlimit and prctl, such as a seccomp filter", err)
	}
	if os.Geteuid() == 0 {
		log.Warn("runs as root, which it does not need: use a user of its own with CAP_NET_RAW and CAP_NET_ADMIN, as the systemd unit and the OpenWrt package do")
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	if os.Getenv("GOMEMLIMIT") == "" && memory > 0 {
		debug.SetMemoryLimit(memory)
	}
	return nil
}

// RegisterProcess adds the process's own metrics: its resident memory, where the system tells, and its start. The collector that
// client_golang brings reads /proc/self/fd, which HardenProcess hides, and costs more.
func RegisterProcess(reg prometheus.Registerer, start time.Time) error {
	return register(reg, newProcess(start, "/proc/self/status"))
}

type process struct {
	start                         time.Time
	file                          string
	resident, residentPeak, begun *prometheus.Desc
}

func newProcess(start time.Time, file string) *process {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("footfall", "sensor", name), help, nil, nil)
	}
	return &process{
		start: start, file: file,
		resident:     desc("resident_bytes", "Resident memory of the process."),
		residentPeak: desc("resident_peak_bytes", "The most resident memory that the process has had."),
		begun:        desc("start_time_seconds", "Unix time at which the process started, by the clock as it stands now."),
	}
}

// Describe implements prometheus.Collector.
func (p *process) Describe(out chan<- *prometheus.Desc) {
	out <- p.resident
	out <- p.residentPeak
	out <- p.begun
}

// Collect implements prometheus.Collector.
func (p *process) Collect(out chan<- prometheus.Metric) {
	// The monotonic clock says how long ago it was: what the wall clock said then may have been 1970.
	begun := time.Now().Add(-time.Since(p.start)).Round(time.Second)
	out <- prometheus.MustNewConstMetric(p.begun, prometheus.GaugeValue, float64(begun.Unix()))
	raw, err := os.ReadFile(p.file)
	if err != nil {
		return // no such file outside Linux: the metric is missing then, and not 0
	}
	rss, peak := resident(bytes.NewReader(raw))
	for _, m := range []struct {
		desc  *prometheus.Desc
		bytes uint64
	}{{p.resident, rss}, {p.residentPeak, peak}} {
		if m.bytes > 0 {
			out <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, float64(m.bytes))
		}
	}
}

// resident reads VmRSS and VmHWM, in bytes, from the text of /proc/self/status (proc_pid_status(5)); 0 is unknown.
func resident(status io.Reader) (now, peak uint64) {
	lines := bufio.NewScanner(status)
	for lines.Scan() {
		name, rest, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		var to *uint64
		switch string(name) {
		case "VmRSS":
			to = &now
		case "VmHWM":
			to = &peak
		default:
			continue
		}
		value := bytes.Fields(rest)
		if len(value) != 2 || string(value[1]) != "kB" {
			continue
		}
		if n, err := strconv.ParseUint(string(value[0]), 10, 50); err == nil { // shifted by 10 bits it stays a number of 64
			*to = n << 10
		}
	}
	return now, peak
}
